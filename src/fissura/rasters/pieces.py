"""From the probability map of a raster to its mask, window by window, as `fissura.segmenting.clean` does it at once.

1. The pieces of each window are found on their own. Those that touch no side of their window are judged at once;
   of the others, and of what may be crack, number, peak, bounding box and first pixel are kept.
2. Pixels that touch across the sides of windows, corners included, join their pieces. What hangs together is one
   piece, with the highest peak and the common bounding box of its parts (connected components of the graph of
   pieces: two-pass labelling, A. Rosenfeld and J. Pfaltz, Sequential operations in digital picture processing,
   Journal of the ACM 13(4), 1966). So are the groups of pieces joined that lie beside each other: each window is seen
   with the margin by which pieces grow.
3. A second pass finds the same pieces again and draws those that are crack, with the margin that a crest reaches.
4. Of the mask drawn so, the parts that cracks fall into are found in the same way, and those that are no specks stay.

Memory is that of one window, of one row of pixels, and of the pieces that touch sides of windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fissura.rasters.windows import Window, windows_of
from fissura.segmenting.cleaning import Cleaning
from fissura.segmenting.morphology import NEARBY_PX, grown, reaches_crest, to_levels

Levels = NDArray[np.uint8]  # (h, w), 0 to 255 for a probability of 0 to 1


@dataclass(frozen=True)
class RasterPiece:
    """A crack of a raster's mask: one connected piece, whatever windows it crosses.

    Attributes:
        box: its bounding box.
        first: row and column of its first pixel, in the order of rows.
    """

    box: Window
    first: tuple[int, int]


ReadLevels = Callable[[Window], Levels]


def levels_for(probability: NDArray[np.float32], cleaning: Cleaning) -> Levels:
    """Round probabilities to 256 levels, none of them across the thresholds of ``cleaning``.

    So the mask made from the levels is that made from the probabilities. (Where ``low`` and ``high`` lie so close
    that no level fits between them, ``low`` may be crossed.)

    Args:
        probability: (H, W) float32 in [0, 1].
        cleaning: its ``low`` and ``high`` count.

    Returns:
        (H, W) uint8; a level stands for the probability level / 255, to within 1 / 255.

    Example:
        >>> settings = Cleaning(low=0.3, high=0.998, min_extent_px=0, min_extent_fraction=0)
        >>> levels_for(np.float32([[0.2999, 0.3001, 0.9979, 0.9981]]), settings).tolist()
        [[76, 77, 254, 255]]
    """
    levels = to_levels(probability)
    flat, flat_probability = levels.reshape(-1), probability.reshape(-1)  # of lines, indices are found far sooner
    for threshold, passes in ((cleaning.low, _above(cleaning.low)), (cleaning.high, _reaches(cleaning.high))):
        # Only a level next to the threshold can be on the wrong side of it, and such pixels are few.
        near = np.flatnonzero(cv2.inRange(levels, max(255 * threshold - 2, 0), 255 * threshold + 2))
        wanted, found = passes(flat_probability[near]), passes(_PROBABILITIES)[flat[near]]
        flat[near] += (wanted & ~found).astype(np.uint8) - (found & ~wanted).astype(np.uint8)
    return levels


class StreamedPieces:
    """The pieces of a raster's probability map, found window by window.

    Args:
        shape: (H, W) of the raster.
        read: gives the levels of a window; it is asked two to four times for each, at times with a margin.
        cleaning: what makes a piece a crack.
        window_px: height and width of the windows.
        parts: whether the levels are those of a drawn mask, 0 elsewhere, whose pieces are parts of cracks: of them
            those are cracks that are no specks (`Cleaning.staying`).

    Attributes:
        cracks: the pieces that are cracks, flanks included, in the order of their first pixels.

    Example:
        >>> levels = np.uint8([[255, 150, 0, 200, 190]])
        >>> settings = Cleaning(low=0.5, high=0.9, min_extent_px=2, min_extent_fraction=9 / 10)
        >>> found = StreamedPieces((1, 5), lambda at: levels[at.rows, at.columns], settings, (1, 1))
        >>> found.cracks[0].box
        Window(top=0, left=0, height=1, width=2)
    """

    def __init__(
        self,
        shape: tuple[int, int],
        read: ReadLevels,
        cleaning: Cleaning,
        window_px: tuple[int, int],
        *,
        parts: bool = False,
    ) -> None:
        self._shape, self._read, self._cleaning, self._window_px = shape, read, cleaning, window_px
        self._parts = parts
        self._is_above = _above(0 if parts else cleaning.low)(_PROBABILITIES)
        self._least_px, self._beside_px = cleaning.least_extent_px(shape), cleaning.least_beside_px(shape)
        self._reach_px = 0 if parts else cleaning.reach_px(shape)
        facts, group_of = [np.zeros((0, 6), np.int64)], [np.zeros(0, np.int64)]
        pieces, groups = _Seams(shape), _Seams(shape)
        for window in windows_of(*shape, window_px):
            labels, kept, of = self._pieces(window)
            facts.append(of[kept])
            pieces.add(window, labels, kept)
            near = labels if self._reach_px == 0 else self._groups(window)
            group_of_label = np.zeros(len(kept), np.int64)
            group_of_label[labels[labels > 0]] = near[labels > 0]
            kept_groups = np.zeros(near.max(initial=0) + 1, bool)
            kept_groups[group_of_label[kept]] = True
            group_of.append(
                groups.add(window, near, kept_groups | _touching(near, len(kept_groups)))[group_of_label[kept]]
            )
        self._crack_of, cracks = self._judge(np.concatenate(facts), np.concatenate(group_of), pieces, groups)
        self.cracks = [_piece(row, shape[1]) for row in cracks.tolist()]

    def _judge(
        self, facts: NDArray[np.int64], group_of: NDArray[np.int64], pieces: _Seams, groups: _Seams
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Give each part's crack, from 1, 0 for none, (1 + N,); and the facts about the cracks, (K, 6)."""
        piece_of, group_of_group = pieces.joined(), groups.joined()
        of = _put_together(facts, piece_of)
        group = np.zeros(len(of), np.int64)
        group[piece_of] = group_of_group[group_of - 1]
        sure = self._is_sure(of)
        has_crack = np.zeros(group_of_group.max(initial=-1) + 1, bool)
        has_crack[group[sure]] = True
        cracks = np.flatnonzero(sure | (has_crack[group] & (_extent(of) >= self._beside_px)))
        cracks = cracks[np.argsort(of[cracks, 5])]
        crack_of_piece = np.zeros(len(of), np.int32)
        crack_of_piece[cracks] = np.arange(1, len(cracks) + 1)
        return np.concatenate((np.zeros(1, np.int32), crack_of_piece[piece_of])), of[cracks]

    def labels(self) -> Iterator[tuple[Window, NDArray[np.int32]]]:
        """Draw the cracks: every window, and its labels, (h, w) int32: k on number k - 1 of the cracks, else 0.

        A level that was kept from crossing a threshold may let a pixel beside it reach the crest, or fail to.
        """
        count = 0
        for window in windows_of(*self._shape, self._window_px):
            labels, kept, _ = self._pieces(window)
            crack = np.zeros(len(kept), np.int32)
            crack[kept] = self._crack_of[count + 1 : count + 1 + kept.sum()]
            count += int(kept.sum())
            drawn = crack[labels]
            if drawn.any() and self._cleaning.flank_share > 0 and not self._parts:
                drawn[~self._reaches_crest(window)] = 0
            yield window, drawn

    def _groups(self, window: Window) -> NDArray[np.int32]:
        """Label what touches within a window once the pieces have grown: (h, w)."""
        seen = window.grown(self._reach_px, *self._shape)
        near = grown(self._is_above[self._read(seen)].view(np.uint8), self._reach_px)
        near = np.ascontiguousarray(near[window.within(seen)])
        return np.asarray(cv2.connectedComponents(near, connectivity=8, ltype=cv2.CV_32S)[1], np.int32)

    def _reaches_crest(self, window: Window) -> NDArray[np.bool_]:
        seen = window.grown(NEARBY_PX, *self._shape)
        return reaches_crest(self._read(seen), self._cleaning.flank_share)[window.within(seen)]

    def _pieces(self, window: Window) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.int64]]:
        """Find the pieces of a window.

        Returns:
            The labels (h, w); which labels need to be remembered, (N + 1,); and the facts about each, (N + 1, 6):
            peak level, top, left, bottom and right (the first pixels beyond) and first pixel, in the raster.
        """
        levels = self._read(window)
        above = self._is_above[levels].view(np.uint8)
        count, *found, _ = cv2.connectedComponentsWithStats(above, connectivity=8, ltype=cv2.CV_32S)
        labels, stats = (np.asarray(array, np.int32) for array in found)
        of = np.zeros((count, 6), np.int64)
        where = np.flatnonzero(labels)
        number = labels.ravel()[where]
        np.maximum.at(of[:, 0], number, levels.ravel()[where])
        of[:, 1] = stats[:, cv2.CC_STAT_TOP] + window.top
        of[:, 2] = stats[:, cv2.CC_STAT_LEFT] + window.left
        of[:, 3] = of[:, 1] + stats[:, cv2.CC_STAT_HEIGHT]
        of[:, 4] = of[:, 2] + stats[:, cv2.CC_STAT_WIDTH]
        first = np.zeros(count, np.int64)
        first[number[::-1]] = where[::-1]  # the first pixel is written last
        of[:, 5] = (first // window.width + window.top) * self._shape[1] + first % window.width + window.left
        kept = _touching(labels, count) | self._is_sure(of) | (_extent(of) >= self._beside_px)
        kept[0] = False
        return labels, kept, of

    def _is_sure(self, facts: NDArray[np.int64]) -> NDArray[np.bool_]:
        reaches, extent = _reaches(self._cleaning.high)(_PROBABILITIES)[facts[:, 0]], _extent(facts)
        is_sure: NDArray[np.bool_] = (
            reaches | (extent >= self._beside_px) if self._parts else reaches & (extent >= self._least_px)
        )
        return is_sure


class _Seams:
    """Numbers for what is labelled in windows, and which of them hang together across the sides of windows."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._links = [np.zeros((0, 2), np.int64)]
        self._count = 0
        # Numbers along the last row of the windows above, and along the last column of the window to the left.
        self._above = self._below = np.zeros(shape[1] + 2, np.int64)
        self._left = np.zeros(0, np.int64)

    def add(self, window: Window, labels: NDArray[np.int32], kept: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Number those labels (h, w) of the next window that are kept (N + 1,); 0 is the number of the others."""
        numbers = np.zeros(len(kept), np.int64)
        numbers[kept] = np.arange(self._count + 1, self._count + 1 + kept.sum())
        self._count += int(kept.sum())
        if window.left == 0:
            self._above, self._below = self._below, np.zeros_like(self._above)
            self._left = np.zeros(window.height, np.int64)
        top_row, left_column = numbers[labels[0]], numbers[labels[:, 0]]
        for step in (0, 1, 2):  # a pixel touches three in the row above; one column of nothing stands before
            above = self._above[window.left + step : window.left + step + window.width]
            self._links.append(_links(top_row, above))
            self._links.append(_links(left_column, np.pad(self._left, 1)[step : step + window.height]))
        self._below[window.left + 1 : window.left + 1 + window.width] = numbers[labels[-1]]
        self._left = numbers[labels[:, -1]]
        return numbers

    def joined(self) -> NDArray[np.int64]:
        """Tell for each number, (N,), which whole it is part of, from 0."""
        one, other = np.concatenate(self._links).T - 1
        graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(self._count, self._count))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)


_PROBABILITIES = (np.arange(256) / 255).astype(np.float32)  # of the levels


def _above(low: float) -> Callable[[NDArray[np.float32]], NDArray[np.bool_]]:
    return lambda probability: probability > low  # as `fissura.segmenting.pieces` compares: in float32


def _reaches(high: float) -> Callable[[NDArray[np.float32]], NDArray[np.bool_]]:
    return lambda probability: probability.astype(np.float64) >= high  # as `Pieces.kept` compares: in float64


def _links(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the pairs of numbers, (N, 2), that stand side by side in two lines of pixels."""
    both = (one > 0) & (other > 0)
    return np.unique(np.stack([one[both], other[both]], axis=1), axis=0)


def _touching(labels: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Tell which labels, from 1 to ``count`` - 1, touch a side of their window: (count,)."""
    touches = np.zeros(count, bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        touches[side] = True
    touches[0] = False
    return touches


def _extent(facts: NDArray[np.int64]) -> NDArray[np.int64]:
    extent: NDArray[np.int64] = np.maximum(facts[:, 3] - facts[:, 1], facts[:, 4] - facts[:, 2])
    return extent


def _put_together(facts: NDArray[np.int64], piece_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Make the facts about whole pieces, (M, 6), of those about their parts, (N, 6)."""
    whole = np.full((piece_of.max(initial=-1) + 1, 6), np.iinfo(np.int64).max)
    whole[:, [0, 3, 4]] = 0
    for column, by in enumerate((np.maximum, np.minimum, np.minimum, np.maximum, np.maximum, np.minimum)):
        by.at(whole[:, column], piece_of, facts[:, column])
    return whole


def _piece(facts: list[int], raster_width: int) -> RasterPiece:
    _, top, left, bottom, right, first = facts
    return RasterPiece(Window(top, left, bottom - top, right - left), divmod(first, raster_width))
