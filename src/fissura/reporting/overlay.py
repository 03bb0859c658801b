"""Pictures of what was found: the crack drawn over the photograph."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Magenta occurs on no wall and no road; its outline has a dark rim, so one of the two stands out anywhere.
_CRACK_RGB = np.array([255, 0, 200], np.uint8)
_RIM_RGB = np.array([20, 0, 16], np.uint8)
_OPACITY = np.float32(0.25)
# On a photograph of this shorter side the outline is one pixel wide; on larger ones it grows along.
_ONE_PIXEL_OUTLINE_SIDE_PX = 600


def draw_overlay(photo: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw a mask over its photograph: a translucent area within a crisp outline.

    Args:
        photo: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.

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
    blended = (1 - _OPACITY) * photo[mask] + _OPACITY * _CRACK_RGB  # (N, 3), N pixels of crack
    drawn[mask] = np.rint(blended).astype(np.uint8)

    width_px = max(1, round(min(mask.shape) / _ONE_PIXEL_OUTLINE_SIDE_PX))
    outline, rim = grown(mask, width_px), grown(mask, 2 * width_px)
    drawn[rim & ~outline] = _RIM_RGB
    drawn[outline & ~mask] = _CRACK_RGB
    return drawn


def grown(mask: NDArray[np.bool_], by_px: int) -> NDArray[np.bool_]:
    """Grow a mask, ``(H, W)`` bool, by ``by_px`` on every side."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by_px + 1, 2 * by_px + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)
