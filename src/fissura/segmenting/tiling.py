"""Running a network over a photograph of any size, in overlapping tiles that blend without seams.

1. A photograph of at most two tiles' area runs whole; a larger one is cut into equal tiles, spread evenly so
   that neighbours overlap by at least the asked width.
2. Each tile is reflected at its lower and right edge up to the size that the network can take.
3. Each tile counts with a weight that falls from 1 inside to almost 0 at its edges, where the network sees
   least of the surroundings, along half a period of a squared sine. The weights of all tiles are scaled to
   sum to 1 at every pixel.

Tiles run one after the other: a CPU is busy with one already, and memory stays that of a single tile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Up to this many tiles' area, one run costs less than overlapping tiles would.
_WHOLE_UP_TO_TILES = 2


@dataclass(frozen=True, eq=False)
class Span:
    """One tile's reach along one side of a photograph.

    Attributes:
        start: first pixel.
        weight: (length,) float32 in (0, 1]; over all spans of a side, the weights of a pixel sum to 1.
    """

    start: int
    weight: NDArray[np.float32]

    @property
    def pixels(self) -> slice:
        """The pixels covered."""
        return slice(self.start, self.start + len(self.weight))


def spans(side_px: int, tile_px: int, overlap_px: int) -> list[Span]:
    """Cover one side of a photograph with overlapping spans of equal length.

    Args:
        side_px: the photograph's height or width in px.
        tile_px: length of a span in px; a shorter side gets one span of its own length.
        overlap_px: least overlap of neighbours in px, below ``tile_px``.

    Returns:
        The spans from first to last, of integer starts.

    Example:
        A side of 10 px in spans of 4 px that overlap by at least 1 px:

        >>> [span.start for span in spans(10, tile_px=4, overlap_px=1)]
        [0, 3, 6]
    """
    if side_px <= tile_px:
        return [Span(0, np.ones(side_px, np.float32))]
    count = -(-(side_px - overlap_px) // (tile_px - overlap_px))
    starts = np.linspace(0, side_px - tile_px, count).round().astype(int)
    window = _window(tile_px, overlap_px)
    total = np.zeros(side_px)
    for start in starts:
        total[start : start + tile_px] += window
    return [Span(int(start), (window / total[start : start + tile_px]).astype(np.float32)) for start in starts]


def in_tiles(
    photo: NDArray[np.uint8],
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    *,
    tile_px: int,
    overlap_px: int,
    multiple_px: int,
) -> NDArray[np.float32]:
    """Predict a photograph's probability map, whole or tile by tile.

    Args:
        photo: (H, W, 3) uint8 RGB, of any size from 1 x 1 on.
        predict: gives the (h, w) float32 probability map of an (h, w, 3) uint8 tile.
        tile_px: side of a tile in px, a multiple of ``multiple_px``.
        overlap_px: least overlap of neighbouring tiles in px.
        multiple_px: ``predict`` is given tiles whose height and width are multiples of this.

    Returns:
        (H, W) float32 in [0, 1].
    """
    height, width = photo.shape[:2]
    whole = height * width <= _WHOLE_UP_TO_TILES * tile_px**2
    rows = spans(height, height if whole else tile_px, overlap_px)
    columns = spans(width, width if whole else tile_px, overlap_px)
    probability = np.zeros((height, width), np.float32)
    for row in rows:
        for column in columns:
            tile = _padded(photo[row.pixels, column.pixels], multiple_px)
            predicted = predict(tile)[: len(row.weight), : len(column.weight)]
            probability[row.pixels, column.pixels] += row.weight[:, None] * column.weight * predicted
    return np.clip(probability, 0, 1, out=probability)  # the weights sum to 1 but for rounding


def _window(tile_px: int, overlap_px: int) -> NDArray[np.float64]:
    """Weigh the pixels of a tile by their distance from its nearer end: (tile_px,) in (0, 1]."""
    position = np.arange(tile_px) + 0.5
    distance = np.minimum(position, tile_px - position)
    share = np.minimum(distance / max(overlap_px, 1), 1)
    weight: NDArray[np.float64] = np.sin(np.pi / 2 * share) ** 2
    return weight


def _padded(tile: NDArray[np.uint8], multiple_px: int) -> NDArray[np.uint8]:
    """Reflect a tile at its lower and right edge until its sides are multiples of ``multiple_px``."""
    height, width = tile.shape[:2]
    return np.pad(tile, ((0, -height % multiple_px), (0, -width % multiple_px), (0, 0)), mode="reflect")
