"""Change between two dates: which cracks are new, which have grown, and by how much.

1. The later centre lines are laid over the earlier photograph by the registration, and their widths with them.
2. Only what both photographs show is compared.
3. A crack of one date and a crack of the other are the same where the centre line of one runs, within a tolerance,
   on the pixels of the other. The tolerance is never less than half the width there: the middle of a crack that has
   opened to one side has moved away. Cracks that have met, or come apart, stand together in one row.
4. Length and width are compared per row, in px of the earlier photograph, and in mm with its scale.

A growth below the uncertainty of the comparison is called unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fissura.errors import FissuraError
from fissura.measuring.change import Change, Comparison, Kind
from fissura.measuring.crack import Branch, Measurement
from fissura.measuring.registration import Registration

_LEAST_TOLERANCE_PX = 3.0
_SAME_SHARE = 0.25  # of the shorter line of two cracks that must run on the other for them to be the same
# How far the lengths of one crack, measured twice, lie apart beside the registration's error: its two ends are
# found to about a width, and its length to a hundredth.
_LENGTH_SHARE = 0.02
_WIDTH_UNCERTAINTY_PX = 0.5  # twice the median error of a width, in px of the coarser photograph


def compare_cracks(
    before: Measurement,
    after: Measurement,
    registration: Registration,
    tolerance_px: float | None = None,
    least_extent_px: float = 0.0,
) -> Comparison:
    """Compare the cracks of two photographs of one place.

    Args:
        before: cracks of the earlier photograph.
        after: cracks of the later photograph.
        registration: how the later photograph lies over the earlier one, from `register`.
        tolerance_px: how far apart two thin lines may lie and be the same, in px of the earlier photograph; by
            default three times the registration's error, and at least 3 px. Of wide ones it is half the width.
        least_extent_px: how far a crack had to extend to be in the masks, in px of the earlier photograph. The end
            of a crack that runs out of the common view may be missing on one date for that alone.

    Returns:
        The comparison.

    Raises:
        FissuraError: if a measurement is of another size than its photograph in the registration.

    Example:
        >>> comparison = compare_cracks(before, after, register(photo_before, photo_after))  # doctest: +SKIP
        >>> comparison.table()[["before", "after", "kind", "length_growth_mm"]]  # doctest: +SKIP
    """
    _check_sizes(before, after, registration)
    if tolerance_px is None:
        tolerance_px = max(_LEAST_TOLERANCE_PX, 3 * registration.error_px)
    common = registration.common_view()
    earlier = _pieces(before, registration, later=False, common=common)
    later = _pieces(after, registration, later=True, common=common)
    # On what crack of the other date does each piece of line run? 0 where on none.
    reach_px = np.maximum(tolerance_px, earlier.width_px / 2) / later.mean_scale
    earlier_on = _crack_near(after.labels, registration.to_after(earlier.middles_px), reach_px)
    later_on = _crack_near(before.labels, later.middles_px, np.maximum(tolerance_px, later.width_px / 2))
    rows = _same_cracks(earlier, earlier_on, later, later_on, (len(before.cracks), len(after.cracks)))
    changes = [
        _change(*row, earlier, earlier_on, later, later_on, registration.error_px, least_extent_px, before.mm_per_px)
        for row in rows
    ]
    order: dict[Kind, int] = {"new": 0, "grown": 1, "shrunk": 2, "unchanged": 3, "vanished": 4}
    changes.sort(key=lambda change: (order[change.kind], -change.length_growth_px))
    return Comparison(tuple(changes), registration, tolerance_px)


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The centre lines of one date, cut between neighbouring points, within the common view.

    Attributes:
        crack: ``(N,)`` number of the crack that each piece belongs to.
        middles_px: ``(N, 2)`` x and y, in px of the earlier photograph.
        length_px: ``(N,)`` in px of the earlier photograph.
        width_px: ``(N,)`` in px of the earlier photograph.
        mean_scale: px of the earlier photograph per px of this one.
        cut: numbers of the cracks that run out of the common view.
    """

    crack: NDArray[np.int64]
    middles_px: NDArray[np.float64]
    length_px: NDArray[np.float64]
    width_px: NDArray[np.float64]
    mean_scale: float
    cut: NDArray[np.int64]


def _pieces(
    measurement: Measurement, registration: Registration, *, later: bool, common: NDArray[np.bool_]
) -> _Pieces:
    parts = [
        _cut(branch, registration if later else None) for crack in measurement.cracks for branch in crack.branches
    ]
    if not parts:
        return _Pieces(np.empty(0, np.int64), np.empty((0, 2)), np.empty(0), np.empty(0), 1.0, np.empty(0, np.int64))
    middles, lengths, widths, scales = (np.concatenate(column) for column in zip(*parts, strict=True))
    numbers = [crack.number for crack in measurement.cracks for _ in crack.branches]
    number = np.repeat(numbers, [len(part[1]) for part in parts])
    kept = _look_up(common, middles) > 0
    return _Pieces(
        number[kept], middles[kept], lengths[kept], widths[kept], float(np.median(scales)), np.unique(number[~kept])
    )


def _cut(branch: Branch, laid_over: Registration | None) -> tuple[NDArray[np.float64], ...]:
    """Cut a branch at its points, laid over the earlier photograph where it is a later one.

    Returns:
        The pieces' middles ``(n, 2)``, lengths, widths and enlargements, ``(n,)`` each.
    """
    points, width = branch.points_px, branch.width_px
    if len(points) == 1:  # a crack of one pixel: a piece in no particular direction
        points, width = np.add(points, [[-0.5, 0.0], [0.5, 0.0]]), np.repeat(width, 2)
    middles, width = (points[1:] + points[:-1]) / 2, (width[1:] + width[:-1]) / 2
    along = np.diff(points, axis=0)
    own_px = np.maximum(np.hypot(*along.T), 1e-9)
    length = own_px
    if laid_over is not None:
        across = np.stack([-along[:, 1], along[:, 0]], axis=1) / own_px[:, None]  # unit vectors
        opened = laid_over.to_before(middles + across / 2) - laid_over.to_before(middles - across / 2)
        middles = laid_over.to_before(middles)
        along = np.diff(laid_over.to_before(points), axis=0)
        length = np.maximum(np.hypot(*along.T), 1e-9)
        # A width is measured across the line; seen askew the two are no longer at right angles.
        width = width * np.abs(along[:, 0] * opened[:, 1] - along[:, 1] * opened[:, 0]) / length
    # Beyond its last point a branch reaches to the border of the mask's last pixel.
    reaching = branch.length_px / float(own_px.sum())
    return middles, length * reaching, width, length / own_px


def _crack_near(
    labels: NDArray[np.int32], points_px: NDArray[np.float64], reach_px: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Give the number of the crack within reach of each point, 0 where there is none, all ``(N,)``."""
    if not labels.any() or not len(points_px):
        return np.zeros(len(points_px), np.int64)
    distance, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(int(nearest.max()) + 1, np.int64)
    number[nearest[labels > 0]] = labels[labels > 0]
    close = _look_up(np.asarray(distance), points_px, outside=np.inf) <= reach_px
    return np.where(close, number[_look_up(np.asarray(nearest), points_px).astype(np.int64)], 0)


def _look_up(image: NDArray[np.generic], points_px: NDArray[np.float64], outside: float = 0.0) -> NDArray[np.float64]:
    """Give the image's values at the pixels that points fall in, ``(N,)``; ``outside`` beyond its border."""
    height, width = image.shape
    columns, rows = np.rint(np.nan_to_num(points_px, nan=-9.0, posinf=-9.0, neginf=-9.0)).astype(np.int64).T
    inside = (columns >= 0) & (rows >= 0) & (columns < width) & (rows < height)
    values = np.full(len(points_px), outside)
    values[inside] = image[rows[inside], columns[inside]]
    return np.asarray(values, np.float64)


def _same_cracks(
    earlier: _Pieces,
    earlier_on: NDArray[np.int64],
    later: _Pieces,
    later_on: NDArray[np.int64],
    counts: tuple[int, int],
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Group the cracks of both dates that are one, within the common view: numbers before, and after."""
    own = np.bincount(earlier.crack, earlier.length_px, counts[0] + 1)  # by number of the crack
    their = np.bincount(later.crack, later.length_px, counts[1] + 1)
    shared = np.zeros((counts[0] + 1, counts[1] + 1))
    backward = np.zeros_like(shared)
    np.add.at(shared, (later_on, later.crack), later.length_px)
    np.add.at(backward, (earlier.crack, earlier_on), earlier.length_px)
    least = _SAME_SHARE * np.minimum(own[:, None], their[None, :])
    same = (np.maximum(shared, backward) >= np.maximum(least, 1e-9)) & (own[:, None] > 0) & (their[None, :] > 0)
    same[0], same[:, 0] = False, False
    ours, theirs = np.nonzero(same)
    size = counts[0] + counts[1] + 2
    graph = coo_array((np.ones(len(ours)), (ours, theirs + counts[0] + 1)), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    rows: dict[int, tuple[list[int], list[int]]] = {}
    for number in np.flatnonzero(own > 0):
        rows.setdefault(int(group[number]), ([], []))[0].append(int(number))
    for number in np.flatnonzero(their > 0):
        rows.setdefault(int(group[number + counts[0] + 1]), ([], []))[1].append(int(number))
    return [(tuple(ours), tuple(theirs)) for ours, theirs in rows.values()]


def _change(
    before: Sequence[int],
    after: Sequence[int],
    earlier: _Pieces,
    earlier_on: NDArray[np.int64],
    later: _Pieces,
    later_on: NDArray[np.int64],
    error_px: float,
    least_extent_px: float,
    mm_per_px: float | None,
) -> Change:
    ours, theirs = np.isin(earlier.crack, before), np.isin(later.crack, after)
    length_before, length_after = float(earlier.length_px[ours].sum()), float(later.length_px[theirs].sum())
    both = bool(before) and bool(after)
    # A tip that has grown is thin: it must not hide that the rest has opened.
    ours_common = ours & np.isin(earlier_on, after) if both else ours
    theirs_common = theirs & np.isin(later_on, before) if both else theirs
    width_before = _mean(earlier.width_px[ours_common], earlier.length_px[ours_common])
    width_after = _mean(later.width_px[theirs_common], later.length_px[theirs_common])
    # A crack has two ends, each found to the registration's error and about half a width.
    end_px = float(np.hypot(error_px, max(width_before or 0.0, width_after or 0.0) / 2))
    length_uncertainty = float(np.hypot(2 * end_px, _LENGTH_SHARE * min(length_before, length_after)))
    width_uncertainty = float(np.hypot(_WIDTH_UNCERTAINTY_PX * max(1.0, later.mean_scale), min(error_px, 1.0) / 2))
    if not both and np.isin([*before, *after], later.cut if after else earlier.cut).any():
        length_uncertainty = max(length_uncertainty, least_extent_px)
    is_new = theirs & (later_on == 0)
    new_length = float(later.length_px[is_new].sum())
    # Of a faint crack other short stretches are found each time: only what is new in one stretch has grown.
    longest_new = float(np.bincount(np.cumsum(~is_new)[is_new], later.length_px[is_new]).max(initial=0.0))
    longer, wider = length_after - length_before, 0.0
    if width_before is not None and width_after is not None:
        wider = width_after - width_before
    kind: Kind
    # As much may be lost elsewhere on the crack as is new.
    if max(longer, longest_new) > length_uncertainty or wider > width_uncertainty:
        kind = "grown" if before else "new"
    elif longer < -length_uncertainty or wider < -width_uncertainty:
        kind = "shrunk" if after else "vanished"
    else:
        kind = "unchanged"
    return Change(
        before=tuple(before),
        after=tuple(after),
        kind=kind,
        length_before_px=length_before,
        length_after_px=length_after,
        new_length_px=new_length,
        width_before_px=width_before,
        width_after_px=width_after,
        length_uncertainty_px=length_uncertainty,
        width_uncertainty_px=width_uncertainty,
        mm_per_px=mm_per_px,
    )


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float | None:
    return float(np.average(values, weights=weights)) if weights.sum() > 0 else None


def _check_sizes(before: Measurement, after: Measurement, registration: Registration) -> None:
    for when, measurement, shape in (
        ("earlier", before, registration.before_shape),
        ("later", after, registration.after_shape),
    ):
        if measurement.labels.shape != shape:
            found = f"{measurement.width_px} x {measurement.height_px} px"
            raise FissuraError(
                f"comparison: the {when} photograph was measured at {found} but registered at "
                f"{shape[1]} x {shape[0]} px; measure and register the same photographs"
            )
