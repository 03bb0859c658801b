"""A first look at a tile, at a third of its size: where it surely shows no crack, the full look is spared.

It costs a ninth of the full look. Training finds out on painted cracks below which highest probability a tile may be
passed over (`ModelCard.glance_below`).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SHRINK = 3  # half the size costs twice as much and was not found to tell more, a quarter loses hairlines


def shrunk(tile: NDArray[np.uint8], multiple_px: int) -> NDArray[np.uint8]:
    """Shrink a tile to a third, up to the next size that the network takes.

    Args:
        tile: (h, w, 3) uint8 RGB.
        multiple_px: what height and width of the result are multiples of.

    Returns:
        (about h / 3, about w / 3, 3) uint8 RGB.

    Example:
        >>> shrunk(np.zeros((448, 320, 3), np.uint8), 32).shape
        (160, 128, 3)
    """
    height, width = (-(-side // (SHRINK * multiple_px)) * multiple_px for side in tile.shape[:2])
    return np.asarray(cv2.resize(tile, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
