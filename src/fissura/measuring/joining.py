"""Cracks of a picture too large to be measured at once: each window is measured with a margin, and joined.

Of what is measured in a window, that counts whose place is inside; the margin only keeps the window's sides from
being taken for ends of cracks. So a crack across many windows has its whole length, counted once, and its widths
from everywhere along it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fissura.measuring.centreline import polyline_length
from fissura.measuring.crack import Branch, Crack
from fissura.measuring.measure import crack_of
from fissura.measuring.severity import DEFAULT_SEVERITY, SeverityClass

Box = tuple[int, int, int, int]  # x, y, width and height in px


def moved(crack: Crack, x_px: int, y_px: int) -> Crack:
    """Give a crack that was measured on a window its place in the whole picture.

    Args:
        crack: measured on a window.
        x_px: the picture's column that is the window's first.
        y_px: the picture's row that is the window's first.
    """
    by = np.array([x_px, y_px], np.float64)
    x, y, width, height = crack.box_px
    return replace(
        crack,
        branches=tuple(replace(branch, points_px=branch.points_px + by) for branch in crack.branches),
        width_max_at_px=(crack.width_max_at_px[0] + x_px, crack.width_max_at_px[1] + y_px),
        box_px=(x + x_px, y + y_px, width, height),
    )


class CrackInParts:
    """One crack, measured window by window.

    Example:
        A crack of 40 px across two windows:

        >>> from fissura.measuring import measure
        >>> mask = np.zeros((40, 60), bool)
        >>> mask[20:23, 10:50] = True
        >>> crack = measure(mask).cracks[0]  # on both windows, for their margin is wide
        >>> parts = CrackInParts()
        >>> for window in ((0, 0, 30, 40), (30, 0, 30, 40)):
        ...     parts.add(crack, window, area_px=60, confidence=None)
        >>> joined = parts.joined((10, 20, 40, 3), mm_per_px=None)
        >>> round(joined.length_px, 1), joined.area_px, joined.branch_count
        (40.0, 120.0, 1)
    """

    def __init__(self) -> None:
        self._branches: list[Branch] = []
        self._ends: list[NDArray[np.float64]] = []
        self._cuts = 0
        self._area_px = 0.0
        self._chance: float | None = 0.0

    def add(self, crack: Crack, window: Box, *, area_px: float, confidence: float | None) -> None:
        """Add what lies inside a window.

        Args:
            crack: as measured on the window and a margin around it, in the picture's px (see `moved`).
            window: the window without its margin; no two windows may share a pixel.
            area_px: how many of the crack's pixels are inside the window.
            confidence: their mean probability, in [0, 1].
        """
        self._area_px += area_px
        self._chance = None if confidence is None or self._chance is None else self._chance + confidence * area_px
        x, y, width, height = window
        low, high = np.array([x, y]) - 0.5, np.array([x + width, y + height]) - 0.5  # the outer sides of its pixels
        for branch in crack.branches:
            points = branch.points_px
            middles = (points[1:] + points[:-1]) / 2
            inside = ((middles >= low) & (middles < high)).all(axis=1)
            turns = np.diff(np.pad(inside, 1).astype(np.int8))
            for first, last in zip(np.flatnonzero(turns == 1), np.flatnonzero(turns == -1), strict=True):
                run = slice(first, last + 1)
                self._branches.append(Branch(points[run], branch.width_px[run], polyline_length(points[run])))
                self._ends += [points[end] for end in (first, last) if end in (0, len(points) - 1)]
                self._cuts += int(first > 0) + int(last < len(points) - 1)

    def joined(
        self, box_px: Box, mm_per_px: float | None, severity: Sequence[SeverityClass] = DEFAULT_SEVERITY
    ) -> Crack:
        """Sum the parts up to one crack, number 1.

        A branch that crosses the side of a window is listed as two and counted as one.

        Args:
            box_px: the bounding box of all its pixels.
            mm_per_px: the scale; None if there is none.
            severity: width classes, from the narrowest.
        """
        # The same node, seen from two windows, may differ by a rounding.
        _, meeting = np.unique(np.round(np.reshape(self._ends, (-1, 2))), axis=0, return_counts=True)
        passed = int((meeting == 2).sum())  # where a ring begins and ends, which another window may see elsewhere
        branch_count = len(self._branches) - self._cuts // 2 - passed
        crack = crack_of(
            1,
            tuple(self._branches),
            junctions=int((meeting > 2).sum()),
            cells=branch_count - (len(meeting) - passed) + 1,
            area_px=self._area_px,
            box_px=box_px,
            confidence=None if self._chance is None else self._chance / self._area_px,
            mm_per_px=mm_per_px,
            classes=severity,
        )
        return replace(crack, branch_count=max(branch_count, 1))
