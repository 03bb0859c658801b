"""Running a network over a picture of any size, in overlapping tiles that blend without seams.

1. A picture of at most two tiles' area runs whole; a larger one is cut into equal tiles, spread evenly so
   that neighbours overlap by at least the asked width. They begin at multiples of what the network shrinks by:
   it answers differently where its grid lies otherwise, and tiles would differ from the whole and each other.
2. Tiles that reach beyond the lower or right edge, and wholes, are reflected there up to the size that the network
   can take.
3. Each tile counts with a weight that falls from 1 inside to almost 0 at its edges, where the network sees
   least of the surroundings, along half a period of a squared sine. The weights of all tiles are scaled to
   sum to 1 at every pixel.

Tiles run row by row, one or more ahead of the blending. A row of pixels is finished when no tile below reaches
it: `strips_in_tiles` hands finished rows out and forgets them, so that a picture need not fit in memory; `in_tiles`
puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fissura.segmenting.ahead import ahead

# Up to this many tiles' area, one run costs less than overlapping tiles would.
_WHOLE_UP_TO_TILES = 2

Read = Callable[[slice, slice], NDArray[np.uint8] | None]
"""Gives the rows and columns asked for as (h, w, 3) uint8 RGB, or None where there is nothing to see."""

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Gives the (h, w) float32 probability map of an (h, w, 3) uint8 tile."""


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
    def stop(self) -> int:
        """The first pixel beyond."""
        return self.start + len(self.weight)

    @property
    def pixels(self) -> slice:
        """The pixels covered."""
        return slice(self.start, self.stop)


def spans(side_px: int, tile_px: int, overlap_px: int, multiple_px: int = 1) -> list[Span]:
    """Cover one side of a photograph with overlapping spans.

    Args:
        side_px: the photograph's height or width in px.
        tile_px: length of a span in px, a multiple of ``multiple_px``; the last one ends where the side does, less
            than a multiple sooner, and a shorter side gets one span of its own length.
        overlap_px: least overlap of neighbours in px, at most ``tile_px - multiple_px``.
        multiple_px: spans start at multiples of this.

    Returns:
        The spans from first to last.

    Example:
        A side of 11 px in spans of 4 px that overlap by at least 1 px, and such that start at even pixels:

        >>> [(span.start, span.stop) for span in spans(11, tile_px=4, overlap_px=1)]
        [(0, 4), (2, 6), (5, 9), (7, 11)]
        >>> [(span.start, span.stop) for span in spans(11, tile_px=4, overlap_px=1, multiple_px=2)]
        [(0, 4), (2, 6), (4, 8), (6, 10), (8, 11)]
    """
    if side_px <= tile_px:
        return [Span(0, np.ones(side_px, np.float32))]
    last = -(-(side_px - tile_px) // multiple_px)  # in multiples, as all that follows
    longest_step = (tile_px - overlap_px) // multiple_px
    count = -(-last // longest_step) + 1
    starts = np.linspace(0, last, count).round().astype(int) * multiple_px
    window = _window(tile_px, overlap_px)
    total = np.zeros(starts[-1] + tile_px)
    for start in starts:
        total[start : start + tile_px] += window
    shares = [(window / total[start : start + tile_px]).astype(np.float32) for start in starts]
    return [Span(int(start), share[: side_px - start]) for start, share in zip(starts, shares, strict=True)]


def grid_of(
    height: int, width: int, tile_px: int, overlap_px: int, multiple_px: int = 1
) -> tuple[list[Span], list[Span]]:
    """Cut a picture into tiles: the spans of its rows and those of its columns, every pair of them a tile.

    Example:
        >>> rows, columns = grid_of(100, 1000, tile_px=128, overlap_px=32, multiple_px=32)
        >>> len(rows), len(columns)
        (1, 11)
    """
    if height * width <= _WHOLE_UP_TO_TILES * tile_px**2:
        return spans(height, height, 0), spans(width, width, 0)
    return spans(height, tile_px, overlap_px, multiple_px), spans(width, tile_px, overlap_px, multiple_px)


def in_tiles(
    photo: NDArray[np.uint8], predict: Predict, *, tile_px: int, overlap_px: int, multiple_px: int, at_once: int = 1
) -> NDArray[np.float32]:
    """Predict a photograph's probability map, whole or tile by tile.

    Args:
        photo: (H, W, 3) uint8 RGB, of any size from 1 x 1 on.
        predict: gives the (h, w) float32 probability map of an (h, w, 3) uint8 tile.
        tile_px: side of a tile in px, a multiple of ``multiple_px``.
        overlap_px: least overlap of neighbouring tiles in px, at most ``tile_px - multiple_px``.
        multiple_px: tiles begin at multiples of this, and ``predict`` is given tiles whose height and width are such.
        at_once: how many tiles ``predict`` may be given at the same time, from several threads.

    Returns:
        (H, W) float32 in [0, 1].
    """
    height, width = photo.shape[:2]
    grid = grid_of(height, width, tile_px, overlap_px, multiple_px)
    if len(grid[0]) == len(grid[1]) == 1:  # nothing to blend
        return predict(_padded(photo, multiple_px))[:height, :width]
    probability = np.empty((height, width), np.float32)
    for top, strip in strips_in_tiles(
        grid, lambda rows, columns: photo[rows, columns], predict, multiple_px=multiple_px, at_once=at_once
    ):
        probability[top : top + len(strip)] = strip
    return probability


def strips_in_tiles(
    grid: tuple[list[Span], list[Span]],
    read: Read,
    predict: Predict,
    *,
    multiple_px: int,
    band: slice | None = None,
    first_row: int = 0,
    at_once: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Predict a picture's probability map from top to bottom, one strip of finished rows after the other.

    Memory is that of one row of tiles, however high the picture. Where the strips begin, and how wide they are,
    changes no pixel of them.

    Args:
        grid: the picture's tiles; see `grid_of`.
        read: gives a tile's pixels; called from several threads.
        predict: gives the probability map of a tile; called from several threads.
        multiple_px: ``predict`` is given tiles whose height and width are multiples of this.
        band: the columns wanted; all if None. Tiles that reach over the band's sides run all the same.
        first_row: the first row wanted; tiles that end above it do not run.
        at_once: how many tiles are read and predicted at the same time, ahead of the strips.
        advance: called after each tile.

    Yields:
        The first row of a strip, and the strip: (h, band's width) float32 in [0, 1], which the next one overwrites.
    """
    rows, columns = grid
    band = band or slice(0, columns[-1].stop)
    wanted_rows = [row for row in rows if row.stop > first_row]
    wanted_columns = [column for column in columns if column.start < band.stop and column.stop > band.start]
    strip = np.zeros((len(rows[0].weight), band.stop - band.start), np.float32)  # one row of tiles
    below = [row.start for row in wanted_rows[1:]] + [rows[-1].stop]

    def probability(tile: tuple[Span, Span]) -> NDArray[np.float32] | None:
        row, column = tile
        photo = read(row.pixels, column.pixels)
        if photo is None:
            return None
        predicted = predict(_padded(photo, multiple_px))[: len(row.weight), : len(column.weight)]
        weighted = predicted * column.weight
        weighted *= row.weight[:, None]
        return weighted

    tiles = [(row, column) for row in wanted_rows for column in wanted_columns]
    # A single tile has nothing to run ahead of.
    answers = ahead(probability, tiles, workers=at_once, waiting=1) if len(tiles) > 1 else map(probability, tiles)
    for row, next_start in zip(wanted_rows, below, strict=True):
        for column in wanted_columns:
            predicted = next(answers)
            advance()
            if predicted is None:
                continue
            start, stop = max(column.start, band.start), min(column.stop, band.stop)
            reached = strip[: len(row.weight), start - band.start : stop - band.start]
            reached += predicted[:, start - column.start : stop - column.start]
        finished = next_start - row.start
        top = max(first_row, row.start)
        if top < next_start:
            done = strip[top - row.start : finished]
            yield top, np.clip(done, 0, 1, out=done)  # the weights sum to 1 but for rounding
        strip[: len(strip) - finished] = strip[finished:]
        strip[len(strip) - finished :] = 0


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
    if height % multiple_px == width % multiple_px == 0:
        return tile
    return np.pad(tile, ((0, -height % multiple_px), (0, -width % multiple_px), (0, 0)), mode="reflect")
