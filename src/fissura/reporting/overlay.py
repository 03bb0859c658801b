"""Pictures of what was found: the crack drawn over the photograph, and panels side by side."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Magenta occurs on no wall and no road; its outline has a dark rim, so one of the two stands out anywhere.
_CRACK_RGB = np.array([255, 0, 200], np.uint8)
_RIM_RGB = np.array([20, 0, 16], np.uint8)
_OPACITY = 0.25
# On a photograph of this shorter side the outline is one pixel wide; on larger ones it grows along.
_ONE_PIXEL_OUTLINE_SIDE_PX = 600


def draw_overlay(
    photo: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Draw a mask over its photograph: a translucent area within a crisp outline.

    Args:
        photo: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        probability: (H, W) float32 in [0, 1]; where given, surer crack is drawn more opaque.

    Returns:
        (H, W, 3) uint8 RGB. The outline lies outside the mask, so that the crack itself stays visible.

    Example:
        >>> photo, mask = np.full((9, 9, 3), 90, np.uint8), np.zeros((9, 9), bool)
        >>> mask[4, 4] = True
        >>> draw_overlay(photo, mask)[4, 3].tolist()
        [255, 0, 200]
    """
    drawn = photo.copy()
    if not mask.any():
        return drawn
    opacity = np.full(mask.sum(), _OPACITY, np.float32)  # (N,), N pixels of crack
    if probability is not None:
        opacity *= 2 * probability[mask]  # twice, for the sure to stand out from the likely
    opacity = opacity[:, None]  # (N, 1)
    blended = (1 - opacity) * photo[mask] + opacity * _CRACK_RGB  # (N, 3)
    drawn[mask] = np.rint(blended).astype(np.uint8)

    width_px = max(1, round(min(mask.shape) / _ONE_PIXEL_OUTLINE_SIDE_PX))
    outline, rim = _grown(mask, width_px), _grown(mask, 2 * width_px)
    drawn[rim & ~outline] = _RIM_RGB
    drawn[outline & ~mask] = _CRACK_RGB
    return drawn


def draw_panels(
    photo: NDArray[np.uint8],
    probability: NDArray[np.float32],
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_] | None = None,
    *,
    title: str = "",
    panel_px: int = 400,
) -> NDArray[np.uint8]:
    """Draw photograph, probability map, overlay and, where known, the truth side by side.

    Args:
        photo: (H, W, 3) uint8 RGB.
        probability: (H, W) float32 in [0, 1], drawn with its colour bar.
        mask: (H, W) bool.
        truth: (H, W) bool, the ground truth.
        title: a line above the panels.
        panel_px: about how wide each panel is, in px.

    Returns:
        (h, w, 3) uint8 RGB, one picture of three or four labelled panels.
    """
    # Matplotlib takes long to import, and segmenting a photograph needs only the overlay.
    from matplotlib.figure import Figure

    count = 3 if truth is None else 4
    height, width = mask.shape
    dots_per_inch = 100
    panel_width = panel_px / dots_per_inch  # inches, as matplotlib counts
    panel_height = min(panel_width * height / width, 3 * panel_width)
    figure = Figure(
        figsize=(count * panel_width + 0.6, panel_height + (0.75 if title else 0.45)),
        dpi=dots_per_inch,
        layout="constrained",
    )
    axes = figure.subplots(1, count)
    axes[0].imshow(photo)
    axes[0].set_title("photograph")
    map_image = axes[1].imshow(probability, cmap="magma", vmin=0, vmax=1)
    axes[1].set_title("probability of crack")
    figure.colorbar(map_image, ax=axes[1], fraction=0.046, pad=0.02)
    axes[2].imshow(draw_overlay(photo, mask))
    axes[2].set_title("crack found")
    if truth is not None:
        axes[3].imshow(truth, cmap="gray", vmin=0, vmax=1)
        axes[3].set_title("truth")
    for panel in axes:
        panel.set_axis_off()
    if title:
        figure.suptitle(title, parse_math=False)  # a name with dollars is no formula
    picture = io.BytesIO()
    figure.savefig(picture, format="png", bbox_inches="tight", pad_inches=0.05)
    return np.array(Image.open(picture).convert("RGB"))


def _grown(mask: NDArray[np.bool_], by_px: int) -> NDArray[np.bool_]:
    """Grow a mask by ``by_px`` on every side."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by_px + 1, 2 * by_px + 1))
    grown: NDArray[np.bool_] = cv2.dilate(mask.astype(np.uint8), disc).astype(np.bool_)
    return grown
