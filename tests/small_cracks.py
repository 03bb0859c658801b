"""Measured photographs for tests of exports, made by hand so that every figure is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage.measure import label, regionprops

from fissura.exchanging import PhotoCracks
from fissura.measuring import Branch, Crack, Measurement
from fissura.photos import save_image


def measured(mask: np.ndarray, mm_per_px: float | None = None, confidence: float | None = None) -> Measurement:
    """Make each 8-connected piece of a mask a crack, its one branch the diagonal of its bounding box."""
    labels = label(mask, connectivity=2).astype(np.int32)
    cracks = []
    for region in regionprops(labels):
        top, left, bottom, right = region.bbox
        points = np.array([[left, top], [right - 1, bottom - 1]], float)
        if region.area == 1:
            points = points[:1]
        length = float(np.hypot(*(points[-1] - points[0]))) or 1.0
        widths = (2.0, 2.0, 3.0, 3.5)
        cracks.append(
            Crack(
                region.label,
                (Branch(points, np.full(len(points), 2.0), length),),
                length,
                *widths,
                (float(left), float(top)),
                float(region.area),
                45.0,
                "diagonal",
                1,
                0,
                (left, top, right - left, bottom - top),
                confidence,
                None if mm_per_px is None else "wide",
                mm_per_px,
            )
        )
    return Measurement(tuple(cracks), *mask.shape, mm_per_px, labels)


def cracked_photo(name: str, mask: np.ndarray, mm_per_px: float | None = None) -> PhotoCracks:
    """Give a photograph, which need not exist, with the cracks of a mask."""
    return PhotoCracks(Path("photos") / name, measured(mask, mm_per_px, confidence=0.75), name)


def some_masks() -> dict[str, np.ndarray]:
    """Give masks by photograph name: branches, diagonals, single pixels, rings, borders, nothing, everything."""
    rng = np.random.default_rng(11)
    drawn = np.zeros((40, 61), bool)
    drawn[5, 3:50] = drawn[5:30, 20] = True
    drawn[range(8, 28), range(30, 50)] = True
    drawn[39, 60] = True
    ring = np.zeros((30, 30), bool)
    ring[5:25, 5:25] = True
    ring[8:22, 8:22] = False
    ring[:, 0] = True
    return {
        "north/1.png": drawn,
        "north/2.png": ring,
        "south/1.png": rng.random((23, 17)) < 0.4,
        "south/clean.png": np.zeros((12, 34), bool),
        "all.png": np.ones((9, 7), bool),
    }


def photos_on_disk(folder: Path) -> dict[str, np.ndarray]:
    """Write a grey photograph for each of `some_masks`, and give the masks."""
    masks = some_masks()
    for name, mask in masks.items():
        save_image(folder / name, np.full((*mask.shape, 3), 128, np.uint8))
    return masks
