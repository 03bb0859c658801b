"""From a mask to the measured cracks of one photograph."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.measuring.branches import Trace, trace, without_stones
from fissura.measuring.centreline import polyline_length
from fissura.measuring.crack import Branch, Crack, Measurement
from fissura.measuring.orientation import orientation, pattern
from fissura.measuring.severity import DEFAULT_SEVERITY, SeverityClass, checked, severity_of
from fissura.measuring.width import widths_along, widths_in_photo

_BETWEEN_PX = 3.0  # at most, beside the widths of two cracks that run into one where they meet
_DOT_PX = 5.0  # a crack shorter than this has no cross-section but at its tips: its width is area by length


def measure(
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32] | None = None,
    photo: NDArray[np.uint8] | None = None,
    mm_per_px: float | None = None,
    severity: Sequence[SeverityClass] = DEFAULT_SEVERITY,
) -> Measurement:
    """Measure the cracks of one photograph.

    A crack is a piece of the mask whose pixels touch, corners included. Its centre line comes from the mask's
    skeleton, made smooth. Its width comes from the photograph where that is given and shows the crack, else from
    the probability map, else from the mask.

    Args:
        mask: ``(H, W)`` bool, True where there is crack.
        probability: ``(H, W)`` float32 in [0, 1], the map that the mask was made from.
        photo: ``(H, W, 3)`` uint8 RGB.
        mm_per_px: the scale; without one, everything is in px.
        severity: width classes, from the narrowest, the last up to ``math.inf``; they need a scale.

    Returns:
        The cracks, the longest first.

    Raises:
        FissuraError: if the pictures' sizes differ, the scale is not above 0, or some width has no class.

    Example:
        >>> mask = np.zeros((40, 60), bool)
        >>> mask[20:23, 10:50] = True
        >>> crack = measure(mask, mm_per_px=0.1).cracks[0]
        >>> round(crack.length_px, 1), round(crack.width_mean_px, 1), crack.pattern, crack.severity
        (40.0, 3.0, 'transverse', 'fine')
    """
    _check(mask, probability, photo, mm_per_px)
    classes = checked(severity)
    grid = without_stones(np.asarray(mask, dtype=bool).view(np.uint8))
    count, *found = cv2.connectedComponentsWithStats(grid, connectivity=8)
    pieces, boxes = (np.asarray(array, np.int32) for array in found[:2])
    tracing = trace(grid, pieces, boxes)
    branches = _branches(tracing.traces, grid, probability, photo)

    where = np.flatnonzero(mask)  # stones are filled to be measured, and are no crack
    numbers = pieces.ravel()[where]
    areas = np.bincount(numbers, minlength=count)
    chances = None if probability is None else np.bincount(numbers, probability.ravel()[where], minlength=count)
    by_piece: dict[int, list[int]] = defaultdict(list)  # piece -> its branches
    for index, one in enumerate(tracing.traces):
        by_piece[one.piece].append(index)
    lengths = {piece: sum(branches[index].length_px for index in of) for piece, of in by_piece.items()}
    ranks = np.zeros(count, np.int32)
    cracks = []
    for number, piece in enumerate(sorted(by_piece, key=lambda piece: (-lengths[piece], piece)), start=1):
        ranks[piece] = number
        nodes = {node for index in by_piece[piece] for node in tracing.traces[index].nodes}
        crack = crack_of(
            number,
            tuple(branches[index] for index in by_piece[piece]),
            junctions=sum(tracing.degrees.get(node, 1) > 2 for node in nodes),
            cells=len(by_piece[piece]) - len(nodes) + 1,
            area_px=float(areas[piece]),
            box_px=tuple(boxes[piece, : cv2.CC_STAT_AREA].tolist()),
            confidence=None if chances is None else float(chances[piece] / areas[piece]),
            mm_per_px=mm_per_px,
            classes=classes,
        )
        cracks.append(crack)
    labels = np.zeros(mask.shape, np.int32)
    labels.ravel()[where] = ranks[numbers]
    worst = max(cracks, key=lambda crack: crack.width_p95_px).severity if cracks else None
    return Measurement(tuple(cracks), mask.shape[0], mask.shape[1], mm_per_px, labels, worst)


def _branches(
    traces: Sequence[Trace],
    grid: NDArray[np.uint8],
    probability: NDArray[np.float32] | None,
    photo: NDArray[np.uint8] | None,
) -> list[Branch]:
    lines, courses = [one.line for one in traces], [one.course for one in traces]
    widths = [widths_along(line, course, grid, probability) for line, course in zip(lines, courses, strict=True)]
    if photo is not None:
        grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
        widths = widths_in_photo(lines, courses, widths, grid, grey)
    _cap_bridges(traces, widths)
    return [Branch(line, width, polyline_length(line)) for line, width in zip(lines, widths, strict=True)]


def _cap_bridges(traces: Sequence[Trace], widths: list[NDArray[np.float64]]) -> None:
    """Make what lies in the two junctions that it joins no wider than the widest of the others that meet there.

    What is broader than two of them side by side is a hole where they meet, and keeps its width.
    """
    bridges = [index for index, one in enumerate(traces) if one.course.is_bridge(len(one.line))]
    sure: dict[int, list[float]] = defaultdict(list)  # node -> the widths that are sure there
    for index in set(range(len(traces))) - set(bridges):
        for node, end in zip(traces[index].nodes, (0, -1), strict=True):
            sure[node].append(float(widths[index][end]))
    for index in bridges:
        there = sorted((width for node in set(traces[index].nodes) for width in sure[node]), reverse=True)
        if there and np.median(widths[index]) <= sum(there[:2]) + _BETWEEN_PX:
            widths[index] = np.minimum(widths[index], there[0])


def crack_of(
    number: int,
    branches: tuple[Branch, ...],
    *,
    junctions: int,
    cells: int,
    area_px: float,
    box_px: tuple[int, int, int, int],
    confidence: float | None,
    mm_per_px: float | None,
    classes: Sequence[SeverityClass],
) -> Crack:
    """Sum the branches of a crack up.

    Args:
        number: of the crack.
        branches: at least one, their points at equal distances.
        junctions: how many places where three branches or more meet.
        cells: how many closed cells the branches enclose.
        area_px: how many pixels of the mask it has.
        box_px: x, y, width and height of its pixels' bounding box.
        confidence: mean probability over its pixels, in [0, 1].
        mm_per_px: the scale.
        classes: width classes, from the narrowest.
    """
    points = np.concatenate([branch.points_px for branch in branches])  # (N, 2)
    widths = np.concatenate([branch.width_px for branch in branches])  # (N,), at equal distances
    length_px = sum(branch.length_px for branch in branches)
    if length_px < _DOT_PX:  # all of it is tip
        widths = np.full(len(widths), area_px / length_px)
        branches = tuple(replace(branch, width_px=np.full(len(branch.width_px), widths[0])) for branch in branches)
    direction, alignment = orientation([branch.points_px for branch in branches])
    widest = int(widths.argmax())
    p95_px = float(np.quantile(widths, 0.95))
    return Crack(
        number=number,
        branches=branches,
        length_px=length_px,
        width_mean_px=float(widths.mean()),
        width_median_px=float(np.median(widths)),
        width_p95_px=p95_px,
        width_max_px=float(widths[widest]),
        width_max_at_px=(float(points[widest, 0]), float(points[widest, 1])),
        area_px=area_px,
        orientation_deg=direction,
        pattern=pattern(direction, alignment, cells),
        branch_count=len(branches),
        junction_count=junctions,
        box_px=box_px,
        confidence=confidence,
        severity=None if mm_per_px is None else severity_of(p95_px * mm_per_px, classes),
        mm_per_px=mm_per_px,
    )


def _check(
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32] | None,
    photo: NDArray[np.uint8] | None,
    mm_per_px: float | None,
) -> None:
    if mask.ndim != 2 or mask.size == 0:
        raise FissuraError(f"mask: has the shape {mask.shape}; give (height, width), neither of them 0")
    for name, picture in (("probability", probability), ("photo", photo)):
        if picture is not None and picture.shape[:2] != mask.shape:
            raise FissuraError(
                f"{name}: is {picture.shape[1]} x {picture.shape[0]} px, the mask {mask.shape[1]} x {mask.shape[0]} "
                "px; give both at the photograph's own size"
            )
    if mm_per_px is not None and not (math.isfinite(mm_per_px) and mm_per_px > 0):
        raise FissuraError(f"mm_per_px: {mm_per_px:g} is no scale; give millimetres per pixel, above 0")
