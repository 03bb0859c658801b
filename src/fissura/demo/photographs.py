"""The demo's photographs: procedural surfaces with painted cracks, seen through an imitated camera.

The cracks are larger than those the painter draws for training and halved in size, under uneven light, with
vignette, colour cast, blur and noise.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.painting import SURFACES, PainterSettings, Surface, draw_surface, paint_cracks, paint_nothing
from fissura.photos import save_image

SEED = 2026
LOOK = PainterSettings(width_px=(6.0, 20.0), visibility=(6.0, 9.0), network_share=0.05, distractors=0.6)
LEAST_CRACK = 0.01  # share of the pixels; a photograph with less would be called cracked by nobody


def paint_photograph(number: int, side_px: int, *, cracked: bool) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Give photograph ``number`` of the demo and its exact mask.

    Args:
        number: the same number gives the same photograph; the materials take turns.
        side_px: height and width, in px.
        cracked: whether cracks are painted, or distractors only.

    Returns:
        ``(side_px, side_px, 3)`` uint8 RGB and ``(side_px, side_px)`` bool.

    Example:
        >>> bool(paint_photograph(0, 64, cracked=False)[1].any())
        False
    """
    rng = np.random.default_rng([SEED, number])
    paint = paint_cracks if cracked else paint_nothing
    while True:
        surface = draw_surface(_material(number), 2 * side_px, 2 * side_px, rng)
        painted = paint(surface, rng, LOOK)
        small = cv2.resize(painted.photo, (side_px, side_px), interpolation=cv2.INTER_AREA)
        share = cv2.resize(painted.mask.astype(np.float32), (side_px, side_px), interpolation=cv2.INTER_AREA)
        mask = np.asarray(share > 0.5)
        if not cracked or mask.mean() >= LEAST_CRACK:
            return _through_a_camera(np.asarray(small, np.float32), rng), mask


def write_photographs(folder: Path, count: int, side_px: int) -> None:
    """Write the two folders that training gets, ``cracked`` and ``uncracked``.

    Args:
        folder: where they go.
        count: photographs in each.
        side_px: height and width, in px.

    Raises:
        FissuraError: if one cannot be written.
    """
    for number in range(2 * count):
        label = "cracked" if number < count else "uncracked"
        photo, _ = paint_photograph(number, side_px, cracked=label == "cracked")
        save_image(folder / label / f"{_material(number)}_{number:04d}.jpg", photo)


def write_held_out(folder: Path, cracked: int, uncracked: int, side_px: int, *, first: int) -> None:
    """Write a test split with masks, laid out as Kaggle's "Crack Segmentation Dataset".

    Args:
        folder: where it goes.
        cracked: how many cracked photographs.
        uncracked: how many uncracked ones.
        side_px: height and width, in px.
        first: number of the first photograph.

    Raises:
        FissuraError: if one cannot be written.
    """
    for number in range(first, first + cracked + uncracked):
        is_cracked = number < first + cracked
        photo, mask = paint_photograph(number, side_px, cracked=is_cracked)
        name = f"{'' if is_cracked else 'noncrack_'}{number:04d}_{_material(number)}"
        save_image(folder / "test" / "images" / f"{name}.jpg", photo)
        save_image(folder / "test" / "masks" / f"{name}.png", mask.astype(np.uint8) * 255)


def _material(number: int) -> Surface:
    return SURFACES[number % len(SURFACES)]


def _through_a_camera(photo: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Give the photograph (S, S, 3) the marks of a camera: light, vignette, colour cast, blur, noise."""
    along = np.linspace(-1, 1, len(photo), dtype=np.float32)
    x, y = along[None, :], along[:, None]
    light = 1 + rng.uniform(-0.15, 0.15) * x + rng.uniform(-0.15, 0.15) * y  # (S, S)
    vignette = 1 - rng.uniform(0.0, 0.12) * (x**2 + y**2)
    cast = rng.uniform(0.85, 1.1) * np.array([rng.uniform(0.97, 1.06), 1.0, rng.uniform(0.9, 1.02)])
    sharp = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.3, 0.8))
    seen = sharp * (light * vignette)[:, :, None] * cast + rng.normal(0, rng.uniform(1, 4), photo.shape)
    return np.asarray(np.clip(seen, 0, 255), np.uint8)
