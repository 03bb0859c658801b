"""Steps on whole maps, pixel by pixel and by their neighbours: how wide a crack is drawn, and its gaps closed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

NEARBY_PX = 4  # on every side: as far as the probability of a sure pixel spreads to the flanks


def grown(levels: NDArray[np.uint8], reach_px: int) -> NDArray[np.uint8]:
    """Give each pixel of an (H, W) map the highest level within ``reach_px`` on every side, corners included."""
    side = 2 * reach_px + 1
    return np.asarray(cv2.dilate(levels, np.ones((side, side), np.uint8)), np.uint8)


def to_levels(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round probabilities, (H, W) float32 in [0, 1], to levels of 1 / 255, (H, W) uint8."""
    return np.asarray(cv2.convertScaleAbs(probability, alpha=255), np.uint8)


def reaches_crest(levels: NDArray[np.uint8], share: float) -> NDArray[np.bool_]:
    """Tell which pixels reach a share of the crest, the highest probability within 4 px, corners included.

    Args:
        levels: (H, W) uint8, 0 to 255 for a probability of 0 to 1; of bytes the crest is found far sooner.
        share: the share in [0, 1].

    Returns:
        (H, W) bool.

    Example:
        >>> reaches_crest(np.uint8([[20, 80, 200, 220, 50], [0, 0, 0, 0, 0]]), share=0.5)[0].tolist()
        [False, False, True, True, False]
    """
    least = np.floor(share * np.arange(256)).astype(np.uint8)  # of each level of a crest
    reaches: NDArray[np.bool_] = levels >= cv2.LUT(grown(levels, NEARBY_PX), least)
    return reaches


def closed(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """Fill the gaps of a mask, (H, W) bool, that no disk of ``radius_px`` fits into; what is beyond it is no crack.

    Morphological closing (J. Serra, Image analysis and mathematical morphology, 1982), by OpenCV's disk. A pixel of
    the result depends on those within twice the radius.

    Example:
        >>> closed(np.array([[False, True, False, True, False]] * 3), radius_px=1)[1].tolist()
        [False, True, True, True, False]
    """
    if radius_px == 0:
        return mask
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    # By default OpenCV takes what is beyond for crack when it erodes: a margin of nothing is exact.
    wide = np.pad(mask.view(np.uint8), radius_px)
    filled = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, disk)[radius_px:-radius_px, radius_px:-radius_px]
    return np.ascontiguousarray(filled).view(np.bool_)
