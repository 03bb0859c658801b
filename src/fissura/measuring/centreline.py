"""From chains of pixels to smooth, sub-pixel centre lines of true length.

A chain of pixels is a staircase, up to 8 % longer than the line it stands for, and it stops about half a width
short of the crack's ends. Four steps mend that:

1. smooth the chain by a Gaussian of half the crack's half-width, its ends held;
2. lengthen it at each free end, straight on, to the edge of the mask;
3. take points one pixel apart, and move each across the line to the middle of the crack's cross-section, twice;
4. smooth what the pixels' grid has left of noise in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from fissura.measuring.across import along_normals, cross_section, normals_of

Points = NDArray[np.float64]  # (N, 2), x and y in px

SPACING_PX = 1.0  # between points of a centre line
# Chosen on straight and on fractal painted cracks: more smoothing cuts real bends, less leaves stairs.
_SMOOTHING = 0.5  # of the half-width
_LEAST_SMOOTHING_PX = 1.2
_MOST_SMOOTHING_PX = 12.0
_LAST_SMOOTHING_PX = 0.7


@dataclass(frozen=True, eq=False)
class Course:
    """Where a branch runs before it is smooth.

    Attributes:
        pixels: ``(N, 2)`` float64, x and y, N >= 2.
        half_width_px: ``(N,)`` distance of each to the mask's edge.
        free: whether the first, and the last, is a free end; others are junctions and stay in place.
        is_ring: whether the last is the first again.
    """

    pixels: Points
    half_width_px: NDArray[np.float64]
    free: tuple[bool, bool]
    is_ring: bool

    @property
    def typical_half_px(self) -> float:
        """Median half-width."""
        return float(np.median(self.half_width_px))

    @property
    def reach_px(self) -> float:
        """How far a cross-section reaches to either side to hold the crack's whole width."""
        return 1.6 * float(self.half_width_px.max()) + 2.0

    def unsure_ends(self, count: int) -> tuple[int, int]:
        """How many of ``count`` points at each end lie in a junction or a rounded tip.

        There a cross-section says nothing of the branch's own middle and width. A third in the middle always
        counts as sure.
        """
        start, end = (min(int(np.ceil(distance / SPACING_PX)), (count - 1) // 3) for distance in self._unsure_px)
        return start, end

    def is_bridge(self, count: int) -> bool:
        """Whether ``count`` points from junction to junction lie in these two, so that none of them is sure."""
        return not any(self.free) and (count - 1) * SPACING_PX < sum(self._unsure_px)

    @property
    def _unsure_px(self) -> tuple[float, float]:
        """How far the junction or the rounded tip at either end reaches along the line."""
        if self.is_ring:
            return 0.0, 0.0
        halves = self.half_width_px[0], self.half_width_px[-1]
        # Of thin cracks the pixels round a junction's corners off.
        first, last = (half if free else 1.5 * half + 1.5 for half, free in zip(halves, self.free, strict=True))
        return float(first), float(last)


def polyline_length(points_px: Points | NDArray[np.int64]) -> float:
    """Length of a polyline, in px."""
    return float(np.hypot(*np.diff(points_px, axis=0).T).sum())


def smooth_line(course: Course, mask: NDArray[np.uint8]) -> Points:
    """Turn a chain of pixels into a smooth centre line.

    Args:
        course: the chain.
        mask: ``(H, W)`` uint8, 1 where there is crack.

    Returns:
        ``(M, 2)`` float64, x and y in px, ``SPACING_PX`` apart, M >= 2.
    """
    sigma = float(np.clip(_SMOOTHING * course.typical_half_px, _LEAST_SMOOTHING_PX, _MOST_SMOOTHING_PX))
    line = _resampled(smoothed(_resampled(course.pixels), sigma, is_ring=course.is_ring))
    for at_start, half_px in ((True, course.half_width_px[0]), (False, course.half_width_px[-1])):
        if course.free[0 if at_start else 1]:
            line = _lengthened(line, float(half_px), mask, at_start=at_start)
    for _ in range(2):
        normals = normals_of(line, is_ring=course.is_ring)
        middle = cross_section(*along_normals(mask, line, normals, course.reach_px)).middle
        # In a broad part of a thin crack, neighbours moved far apart would make a scribble of the line.
        half_px = np.minimum(course.half_width_px, course.typical_half_px)
        most = 0.5 * np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(half_px)), half_px) + 0.5
        shift = np.clip(middle, -most, most) * _sureness(course, len(line))
        shift = smoothed(shift, max(sigma / 2, 1.0), is_ring=course.is_ring)
        moved = line + normals * shift[:, None]
        line = _resampled(smoothed(moved, _LAST_SMOOTHING_PX, is_ring=course.is_ring))
    return line


def smoothed(values: NDArray[np.float64], sigma: float, *, is_ring: bool) -> NDArray[np.float64]:
    """Smooth ``(N, ...)`` values along their first axis by a Gaussian of ``sigma`` samples.

    Beyond an open line's ends its values are turned about the end, which holds the end and its direction.
    """
    if is_ring:
        around = np.asarray(gaussian_filter1d(values[:-1], sigma, axis=0, mode="wrap"))
        return np.concatenate([around, around[:1]])
    reach = min(int(4 * sigma) + 1, len(values) - 1)
    padded = np.pad(values, [(reach, reach), *[(0, 0)] * (values.ndim - 1)], "reflect", reflect_type="odd")
    return np.asarray(gaussian_filter1d(padded, sigma, axis=0, mode="nearest"))[reach : reach + len(values)]


def _resampled(points_px: Points) -> Points:
    """Give points at equal distances along a polyline, its two ends included, at least two."""
    steps = np.hypot(*np.diff(points_px, axis=0).T)  # (N-1,)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, round(float(along[-1]) / SPACING_PX) + 1)
    at = np.linspace(0.0, float(along[-1]), count)
    return np.stack([np.interp(at, along, points_px[:, axis]) for axis in (0, 1)], axis=1)


def _sureness(course: Course, count: int) -> NDArray[np.float64]:
    """Weigh each point's cross-section in [0, 1]: nothing at unsure ends, then fading in over as many points."""
    weights = np.ones(count)
    if course.is_ring:
        return weights
    along = np.arange(count, dtype=np.float64)
    for unsure, distance in zip(course.unsure_ends(count), (along, along[::-1]), strict=True):
        weights *= np.clip((distance - unsure) / (unsure + 1), 0.0, 1.0)
    return weights


def _lengthened(line: Points, half_px: float, mask: NDArray[np.uint8], *, at_start: bool) -> Points:
    """Continue a free end straight on to the edge of the mask."""
    outward = line if at_start else line[::-1]
    outward = outward[min(int(half_px), len(line) // 4) :]  # a skeleton's last pixels turn to a corner of the tip
    back = min(max(2, round(1.5 * half_px + 3)), len(outward) - 1)  # points that tell the end's direction
    direction = outward[0] - outward[back]
    direction = direction / max(float(np.hypot(*direction)), 1e-9)
    steps, values = along_normals(mask, outward[:1], direction[None], 3.0 * half_px + 3.0)
    ahead = np.minimum.accumulate(values[0][len(steps) // 2 :])
    distance = float(ahead.sum() - ahead[0] / 2) * float(steps[1] - steps[0])
    tip = outward[:1] + direction * distance
    lengthened = _resampled(np.concatenate([tip, outward]))
    return lengthened if at_start else lengthened[::-1]
