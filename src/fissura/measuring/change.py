"""What a comparison of two dates is made of: changes, and their table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from fissura.measuring.registration import Registration

Kind = Literal["new", "grown", "unchanged", "shrunk", "vanished"]


@dataclass(frozen=True)
class Change:
    """What became of one crack, or of cracks that have met or come apart.

    All px are of the earlier photograph; only what both photographs show is counted.

    Attributes:
        before: numbers of its cracks in the earlier measurement; none for a new crack.
        after: numbers of its cracks in the later measurement; none for a vanished one.
        kind: new, grown (in length or width, or by a new stretch, whatever is lost elsewhere), unchanged, shrunk or
            vanished.
        length_before_px: length of centre line in the earlier photograph.
        length_after_px: the same in the later one.
        new_length_px: length of later centre line that lies on no earlier crack.
        width_before_px: mean width where both dates show the crack; for a vanished crack, of all of it.
        width_after_px: the same in the later photograph; for a new crack, of all of it.
        length_uncertainty_px: growth in length below this may be error of registration and measurement.
        width_uncertainty_px: growth in width below this may be error of registration and measurement.
        mm_per_px: scale of the earlier photograph; None without one.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    kind: Kind
    length_before_px: float
    length_after_px: float
    new_length_px: float
    width_before_px: float | None
    width_after_px: float | None
    length_uncertainty_px: float
    width_uncertainty_px: float
    mm_per_px: float | None = None

    @property
    def length_growth_px(self) -> float:
        """Later length less earlier length."""
        return self.length_after_px - self.length_before_px

    @property
    def width_growth_px(self) -> float | None:
        """Later mean width less earlier mean width; None for a crack of one date."""
        if self.width_before_px is None or self.width_after_px is None:
            return None
        return self.width_after_px - self.width_before_px


_LENGTHS = (
    "length_before",
    "length_after",
    "length_growth",
    "new_length",
    "width_before",
    "width_after",
    "width_growth",
    "length_uncertainty",
    "width_uncertainty",
)
CHANGE_COLUMNS: tuple[str, ...] = (
    "before",
    "after",
    "kind",
    *(f"{name}_px" for name in _LENGTHS),
    *(f"{name}_mm" for name in _LENGTHS),
    "registration_error_px",
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What became of the cracks of one place.

    Attributes:
        changes: new cracks first, then grown ones, each the longest growth first.
        registration: how the later photograph lies over the earlier one; its error bounds what can be told.
        tolerance_px: how far apart two thin lines may lie and be the same, in px of the earlier photograph.
    """

    changes: tuple[Change, ...]
    registration: Registration
    tolerance_px: float

    def table(self) -> pd.DataFrame:
        """Give one row per change with the columns `CHANGE_COLUMNS`; what is not known is NaN.

        ``before`` and ``after`` are the cracks' numbers, separated by spaces; what ends in ``_mm`` needs a scale.
        """
        rows = [
            [
                " ".join(map(str, change.before)),
                " ".join(map(str, change.after)),
                change.kind,
                *(getattr(change, f"{name}_px") for name in _LENGTHS),
                *(_times(getattr(change, f"{name}_px"), change.mm_per_px) for name in _LENGTHS),
                self.registration.error_px,
            ]
            for change in self.changes
        ]
        types = {name: "string" if name in ("before", "after", "kind") else "float64" for name in CHANGE_COLUMNS}
        return pd.DataFrame(rows, columns=list(CHANGE_COLUMNS)).astype(types)


def _times(value_px: float | None, mm_per_px: float | None) -> float | None:
    return None if value_px is None or mm_per_px is None else value_px * mm_per_px
