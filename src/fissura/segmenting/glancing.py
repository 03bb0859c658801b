"""A look at a tile from afar, at a third of its size, a ninth of the pixels.

It tells two things. Where it surely shows no crack, the full look may be spared: training finds out on painted cracks
below which highest probability a tile may be passed over (`ModelCard.glance_below`). And it shows cracks whole that
are too wide for the full look, which sees their edges, and the stones within them (`ModelCard.wide_from_afar`). Where
that sees nothing of them, the look from afar is spared.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SHRINK = 3  # half the size costs twice as much and was not found to tell more, a quarter loses hairlines
_WIDE = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))  # what holds it there is some 15 px wide on the tile
_SURE = 0.9  # from afar a crack's edges are uncertain by some px: what is less sure there is left to the full look
SEEN = 0.2  # the probability that the full look must reach somewhere: of a wide crack it sees something at least


def shrunk(planes: NDArray[np.float32], multiple_px: int) -> NDArray[np.float32]:
    """Shrink a tile to a third, up to the next size that the network takes.

    Args:
        planes: (planes, h, w) float32, the normalised tile.
        multiple_px: what height and width of the result are multiples of.

    Returns:
        (planes, about h / 3, about w / 3) float32.

    Example:
        >>> shrunk(np.zeros((1, 448, 320), np.float32), 32).shape
        (1, 160, 128)
    """
    height, width = (-(-side // (SHRINK * multiple_px)) * multiple_px for side in planes.shape[1:])
    return np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in planes])


def with_wide_cracks(near: NDArray[np.float32], afar: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add what is surely a wide crack from afar to what is seen near.

    Thin structures are taken out of the map from afar by a grey-scale opening (Serra 1982, "Image analysis and
    mathematical morphology"), for near they are seen better.

    Args:
        near: (h, w) float32 in [0, 1], the tile's probabilities.
        afar: (about h / 3, about w / 3) float32 in [0, 1], those of the shrunk tile.

    Returns:
        (h, w) float32 in [0, 1], nowhere below ``near``.

    Example:
        >>> afar = np.zeros((16, 16), np.float32)
        >>> afar[4:12, :], afar[14, :] = 0.95, 0.95
        >>> with_wide_cracks(np.full((48, 48), 0.5, np.float32), afar)[[0, 24, 43], 24]
        array([0.5 , 0.95, 0.5 ], dtype=float32)
    """
    opened = cv2.morphologyEx(afar, cv2.MORPH_OPEN, _WIDE)
    if opened.max() < _SURE:  # so it is on most tiles, and what follows takes longer than the opening
        return near
    height, width = near.shape
    wide = cv2.resize(opened, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.maximum(near, wide, out=near.copy(), where=wide >= _SURE)
