"""Widths along a centre line: from the mask, sharper from the probability map, truest from the photograph.

The mask's width at a point is the length of its cross-section there, the pixels' stairs evened out along the line:
the area of a stretch divided by its length. A probability map places the two edges between pixels, at its 0.5. A
faint crack may exceed that nowhere: its mask is made no narrower than to a share of its crest, the highest
probability across it. (By a share of the crest masks are cut, too: see `fissura.segmenting.cleaning`.) The photograph
knows the crack itself: see `fissura.measuring.darkness`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d

from fissura.measuring.across import along_normals, cross_section, normals_of
from fissura.measuring.centreline import Course, Points, smoothed
from fissura.measuring.darkness import fit_valleys

Array = NDArray[np.float64]

_EVENED_PX = 3.0  # standard deviation, along the line
_EDGE_PX = 2.0  # within which of the mask's edge the true one is sought
# Of the crest: 0.5 is the edge of a wide faint crack; of a thin one, which blur alone lowers, it is up to 0.9.
_CREST_SHARE = 0.6
_STRETCH_PX = 16  # of centre line whose mean profile is fitted: long enough to drown noise, short enough to bend
_SAMPLES = 61  # across, the same for every branch, so that all stretches are fitted at once
_FLANK_PX = 8.0  # of surface seen on either side
_LEAST_NOISE = 0.004  # of light: half a grey level of 128
_LEAST_DEPTH = 0.03  # a valley shallower than this is no crack's


@dataclass(frozen=True, eq=False)
class _Stretches:
    """Mean profiles of one branch's K stretches: see `fit_valleys` for the arrays."""

    offsets: Array
    darkness: Array
    weight: Array
    noise: Array
    mask_width: Array
    middles: Array  # (K,) index of the point that each stretch has in its middle


def widths_along(
    line: Points, course: Course, mask: NDArray[np.uint8], probability: NDArray[np.float32] | None = None
) -> Array:
    """Measure the width at each point of a centre line.

    Args:
        line: ``(N, 2)`` x and y.
        course: what the line was made from.
        mask: ``(H, W)`` uint8, 1 where there is crack.
        probability: ``(H, W)`` float32 in [0, 1], if there is one.

    Returns:
        ``(N,)`` full widths, in px.
    """
    normals = normals_of(line, is_ring=course.is_ring)
    reach = course.reach_px + _EDGE_PX
    offsets, values = along_normals(mask, line, normals, reach)
    section = cross_section(offsets, values)

    def along(width: Array) -> Array:
        return smoothed(_ends_held(width, course), _EVENED_PX, is_ring=course.is_ring)

    width = along(section.width)
    if probability is not None:
        _, chances = along_normals(probability, line, normals, reach)
        evened = gaussian_filter1d(chances, _EVENED_PX, axis=0, mode="wrap" if course.is_ring else "nearest")
        step = float(offsets[1] - offsets[0])
        samples = 2 * max(1, round(_EDGE_PX / step)) + 1
        surely_in = minimum_filter1d(section.inside, samples, axis=1) > 0.99
        surely_out = maximum_filter1d(section.inside, samples, axis=1) < 0.01

        def width_at(level: Array | float) -> Array:
            # Steep but not a step: a step would jump from sample to sample.
            share = np.clip((evened - level) / 0.2 + 0.5, 0.0, 1.0)
            inside = np.where(surely_in, 1.0, np.where(surely_out, 0.0, share))
            return np.asarray(inside.sum(axis=1, dtype=np.float64) * step)

        crest = evened.max(axis=1, keepdims=True, where=section.inside > 0, initial=0.0)  # (N, 1)
        # The two are one where a crack is sure, as far apart as the mask may want where its crest is 0.
        widest = width_at(np.minimum(0.5, _CREST_SHARE * crest))
        width = np.clip(width, along(width_at(0.5)), along(widest))
    return np.maximum(_ends_held(width, course), 0.0)


def widths_in_photo(
    lines: Sequence[Points],
    courses: Sequence[Course],
    widths: Sequence[Array],
    mask: NDArray[np.uint8],
    grey: NDArray[np.uint8],
) -> list[Array]:
    """Measure the widths along many centre lines from the photograph.

    Where the photograph shows no dark valley, or one that cannot be the mask's crack (under a fifth as wide, or
    over 1.3 times as wide and a pixel more), the width stays as it was.

    Args:
        lines: each ``(N, 2)`` x and y.
        courses: what each was made from.
        widths: each ``(N,)`` from `widths_along`, in px.
        mask: ``(H, W)`` uint8, 1 where there is crack.
        grey: ``(H, W)`` uint8, the photograph's light.

    Returns:
        Widths of each line, ``(N,)`` in px.
    """
    stretches = [
        _stretches(line, course, width, mask, grey)
        for line, course, width in zip(lines, courses, widths, strict=True)
    ]
    if not stretches:
        return []
    fields = ("offsets", "darkness", "weight", "noise", "mask_width")
    valleys = fit_valleys(*(np.concatenate([getattr(one, field) for one in stretches]) for field in fields))
    before = np.concatenate([one.mask_width for one in stretches])
    is_seen = (valleys.depth > _LEAST_DEPTH) & (valleys.depth > valleys.misfit)
    is_seen &= (valleys.width > 0.2 * before) & (valleys.width < 1.3 * before + 1.0)
    ratio = np.where(is_seen, valleys.width / np.maximum(before, 0.1), 1.0)
    result, start = [], 0
    for one, course, width in zip(stretches, courses, widths, strict=True):
        stop = start + len(one.middles)
        along = np.arange(len(width), dtype=np.float64)
        result.append(_ends_held(width * np.interp(along, one.middles, ratio[start:stop]), course))
        start = stop
    return result


def _stretches(
    line: Points, course: Course, width: Array, mask: NDArray[np.uint8], grey: NDArray[np.uint8]
) -> _Stretches:
    normals = normals_of(line, is_ring=course.is_ring)
    reach = course.reach_px + _FLANK_PX
    offsets, inside = along_normals(mask, line, normals, reach, samples=_SAMPLES)
    _, light = along_normals(grey, line, normals, reach, samples=_SAMPLES, repeat_border=True)
    about = 2 * max(1, round(_EDGE_PX / float(offsets[1] - offsets[0]))) + 1
    near = maximum_filter1d(cross_section(offsets, inside).inside, about, axis=1) > 0.01  # (N, M)
    surface = ~near & (inside < 0.01)
    with_surface = np.where(surface.any(axis=1, keepdims=True), surface, True)
    # The mean of what is neither this crack nor another; shadows and stains change slowly along the line.
    ground = (light * with_surface).sum(axis=1, dtype=np.float64) / with_surface.sum(axis=1)
    ground = gaussian_filter1d(ground, 8.0, mode="wrap" if course.is_ring else "nearest")
    darkness = 1.0 - light / np.maximum(ground, 1.0)[:, None]

    unsure = course.unsure_ends(len(line))
    first, last = unsure[0], len(line) - unsure[1]  # what lies between is measured
    starts = np.linspace(first, last, max(1, (last - first) // _STRETCH_PX) + 1).astype(int)
    counts = np.diff(starts)[:, None]

    def mean(values: NDArray[np.generic]) -> Array:
        return np.add.reduceat(values[:last].astype(np.float64), starts[:-1], axis=0) / counts

    profile, is_ground = mean(darkness), mean(surface) > 0.5
    count = np.maximum(is_ground.sum(axis=1), 1)
    level = (profile * is_ground).sum(axis=1) / count
    noise = np.sqrt((is_ground * (profile - level[:, None]) ** 2).sum(axis=1) / count)
    return _Stretches(
        np.broadcast_to(offsets.astype(np.float64), profile.shape),
        profile,
        (mean(near) > 0.5).astype(np.float64),
        np.maximum(noise, _LEAST_NOISE),
        mean(width[:, None])[:, 0],
        (starts[:-1] + starts[1:] - 1) / 2,
    )


def _ends_held(width: Array, course: Course) -> Array:
    """Give the points in junctions and rounded tips the width of the nearest sure point."""
    start, end = course.unsure_ends(len(width))
    held = width.copy()
    held[:start] = width[start]
    held[len(width) - end :] = width[len(width) - 1 - end]
    return held
