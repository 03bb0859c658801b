"""Measurements whose every number is known, for tests of what is drawn and written from them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.measuring import Branch, Crack, Measurement


def straight_branch(
    start: tuple[float, float], end: tuple[float, float], width_px: float | tuple[float, float]
) -> Branch:
    """Give a straight branch whose width runs evenly from the first value to the second."""
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    count = max(2, round(length) + 1)
    widths = (width_px, width_px) if isinstance(width_px, int | float) else width_px
    return Branch(np.linspace(start, end, count), np.linspace(*widths, count), length)


def hand_measured(
    shape: tuple[int, int],
    cracks: Sequence[Sequence[Branch]],
    mm_per_px: float | None = None,
    severities: Sequence[str | None] | None = None,
) -> Measurement:
    """Measure cracks given by their branches; they are numbered as given."""
    labels = np.zeros(shape, np.int32)
    made = []
    for number, branches in enumerate(cracks, start=1):
        alone = np.zeros(shape, np.uint8)
        for branch in branches:
            for point, width in zip(branch.points_px, branch.width_px, strict=True):
                centre = tuple(np.rint(point * 16).astype(int).tolist())
                cv2.circle(alone, centre, max(8, round(width * 8)), 1, cv2.FILLED, cv2.LINE_8, 4)
        labels[alone > 0] = number
        severity = severities[number - 1] if severities is not None else None
        made.append(_crack(number, tuple(branches), labels == number, mm_per_px, severity))
    worst = made[0].severity if made else None
    return Measurement(tuple(made), shape[0], shape[1], mm_per_px, labels, worst)


def _crack(
    number: int,
    branches: tuple[Branch, ...],
    mask: NDArray[np.bool_],
    mm_per_px: float | None,
    severity: str | None,
) -> Crack:
    points = np.vstack([branch.points_px for branch in branches])
    widths = np.concatenate([branch.width_px for branch in branches])
    along = branches[0].points_px[-1] - branches[0].points_px[0]
    rows, columns = np.nonzero(mask)
    box = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    return Crack(
        number=number,
        branches=branches,
        length_px=sum(branch.length_px for branch in branches),
        width_mean_px=float(widths.mean()),
        width_median_px=float(np.median(widths)),
        width_p95_px=float(np.percentile(widths, 95)),
        width_max_px=float(widths.max()),
        width_max_at_px=tuple(points[widths.argmax()].tolist()),
        area_px=float(mask.sum()),
        orientation_deg=float(np.degrees(np.arctan2(-along[1], along[0])) % 180),
        pattern="diagonal",
        branch_count=len(branches),
        junction_count=max(0, len(branches) - 2),
        box_px=tuple(int(side) for side in box),
        severity=severity,
        mm_per_px=mm_per_px,
    )
