"""What a measurement is made of: branches, cracks, and the cracks of one photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Pattern = Literal["longitudinal", "transverse", "diagonal", "alligator"]


@dataclass(frozen=True, eq=False)
class Branch:
    """One piece of a crack's centre line, between ends and junctions.

    Attributes:
        points_px: ``(N, 2)`` float64, x and y in px, N >= 1; the centre of the upper left pixel is (0, 0).
        width_px: ``(N,)`` float64, full width of the crack at each point, in px.
        length_px: length of the centre line, in px. What ends at a mask's last pixel is counted to that
            pixel's border, so that a crack of one pixel is 1 px long.
    """

    points_px: NDArray[np.float64]
    width_px: NDArray[np.float64]
    length_px: float


@dataclass(frozen=True, eq=False)
class Crack:
    """One connected crack and its measurements, in pixels and, with a scale, in millimetres.

    Attributes:
        number: from 1, the longest crack first.
        branches: its centre line; at least one.
        length_px: the branches' lengths, added.
        width_mean_px: mean width along the centre line.
        width_median_px: width that half of the centre line's length exceeds.
        width_p95_px: width that a twentieth of the centre line's length exceeds.
        width_max_px: width at the widest place.
        width_max_at_px: x and y of the widest place.
        area_px: how many pixels of the mask it has.
        orientation_deg: dominant direction in [0, 180): 0 is horizontal, 45 rises to the right, 90 is vertical.
        pattern: "longitudinal" (along the picture's vertical axis, the direction of travel), "transverse"
            (along its horizontal axis), "diagonal" or "alligator" (a network of many directions).
        branch_count: how many branches it has.
        junction_count: how many places where three branches or more meet.
        box_px: x, y, width and height of its pixels' bounding box.
        confidence: mean probability over its pixels, in [0, 1]; None without a probability map.
        severity: name of its width class; None without a scale.
        mm_per_px: the scale; None without one.
    """

    number: int
    branches: tuple[Branch, ...]
    length_px: float
    width_mean_px: float
    width_median_px: float
    width_p95_px: float
    width_max_px: float
    width_max_at_px: tuple[float, float]
    area_px: float
    orientation_deg: float
    pattern: Pattern
    branch_count: int
    junction_count: int
    box_px: tuple[int, int, int, int]
    confidence: float | None = None
    severity: str | None = None
    mm_per_px: float | None = None

    @property
    def length_mm(self) -> float | None:
        """Length in mm; None without a scale."""
        return self._in_mm(self.length_px)

    @property
    def width_mean_mm(self) -> float | None:
        """Mean width in mm; None without a scale."""
        return self._in_mm(self.width_mean_px)

    @property
    def width_median_mm(self) -> float | None:
        """Median width in mm; None without a scale."""
        return self._in_mm(self.width_median_px)

    @property
    def width_p95_mm(self) -> float | None:
        """95th percentile of the width in mm; None without a scale."""
        return self._in_mm(self.width_p95_px)

    @property
    def width_max_mm(self) -> float | None:
        """Largest width in mm; None without a scale."""
        return self._in_mm(self.width_max_px)

    @property
    def area_mm2(self) -> float | None:
        """Area in mm2; None without a scale."""
        return None if self.mm_per_px is None else self.area_px * self.mm_per_px**2

    def _in_mm(self, length_px: float) -> float | None:
        return None if self.mm_per_px is None else length_px * self.mm_per_px


# The columns of `Measurement.table`, in order, with their types: part of what users' spreadsheets rely on.
_COLUMN_TYPES = {
    "number": "int64",
    "length_px": "float64",
    "width_mean_px": "float64",
    "width_median_px": "float64",
    "width_p95_px": "float64",
    "width_max_px": "float64",
    "width_max_x_px": "float64",
    "width_max_y_px": "float64",
    "area_px": "float64",
    "orientation_deg": "float64",
    "pattern": "string",
    "branch_count": "int64",
    "junction_count": "int64",
    "box_x_px": "int64",
    "box_y_px": "int64",
    "box_width_px": "int64",
    "box_height_px": "int64",
    "confidence": "float64",
    "severity": "string",
    "mm_per_px": "float64",
    "length_mm": "float64",
    "width_mean_mm": "float64",
    "width_median_mm": "float64",
    "width_p95_mm": "float64",
    "width_max_mm": "float64",
    "area_mm2": "float64",
}
CRACK_COLUMNS: tuple[str, ...] = tuple(_COLUMN_TYPES)


def crack_table(cracks: Sequence[Crack]) -> pd.DataFrame:
    """Put cracks into a table, one row each, with the columns `CRACK_COLUMNS`.

    What is not known is NaN, or ``<NA>`` in a column of text. The columns and their types are the same
    whether or not there is a scale, and however many cracks there are.
    """
    apart = ("width_max_x_px", "width_max_y_px", "box_x_px", "box_y_px", "box_width_px", "box_height_px")
    rows = []
    for crack in cracks:
        told = dict(zip(apart, (*crack.width_max_at_px, *crack.box_px), strict=True))
        rows.append([told[name] if name in told else getattr(crack, name) for name in CRACK_COLUMNS])
    return pd.DataFrame(rows, columns=list(CRACK_COLUMNS)).astype(_COLUMN_TYPES)


@dataclass(frozen=True, eq=False)
class Measurement:
    """The cracks of one photograph.

    Attributes:
        cracks: the longest first.
        height_px: height of the photograph.
        width_px: width of the photograph.
        mm_per_px: the scale; None without one.
        labels: ``(H, W)`` int32, 0 for background and k on the pixels of crack number k.
        severity: the worst crack's width class; None without a scale, or without cracks.
    """

    cracks: tuple[Crack, ...]
    height_px: int
    width_px: int
    mm_per_px: float | None
    labels: NDArray[np.int32]
    severity: str | None = None

    @property
    def length_px(self) -> float:
        """Length of all cracks, in px."""
        return sum(crack.length_px for crack in self.cracks)

    @property
    def density_px_per_mpx(self) -> float:
        """Length of crack, in px, per million pixels of photograph."""
        return self.length_px / (self.height_px * self.width_px) * 1e6

    @property
    def density_m_per_m2(self) -> float | None:
        """Length of crack, in m, per m2 of surface; None without a scale."""
        if self.mm_per_px is None:
            return None
        return self.length_px / (self.height_px * self.width_px) / self.mm_per_px * 1000

    def table(self) -> pd.DataFrame:
        """Give one row per crack with the columns `CRACK_COLUMNS`; see :func:`crack_table`."""
        return crack_table(self.cracks)
