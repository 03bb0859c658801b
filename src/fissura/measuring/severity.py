"""Severity of a crack by its width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from fissura.errors import FissuraError


@dataclass(frozen=True)
class SeverityClass:
    """A class of cracks by their width.

    Attributes:
        name: what it is called.
        up_to_mm: the largest width that still belongs to it, in mm; ``math.inf`` for the widest class.
    """

    name: str
    up_to_mm: float


DEFAULT_SEVERITY: tuple[SeverityClass, ...] = (
    SeverityClass("hairline", 0.1),
    SeverityClass("fine", 0.3),
    SeverityClass("medium", 1.0),
    SeverityClass("wide", math.inf),
)
"""The default classes, from the narrowest:

* 0.1 mm: tolerable even in water-retaining structures (ACI 224R-01, "Control of Cracking in Concrete Structures",
  table 4.1), and the limit of hairline cracks in BRE Digest 251, "Assessment of damage in low-rise buildings";
* 0.3 mm: tolerable in moist air and soil (ACI 224R-01, table 4.1), and the recommended limit for reinforced concrete
  in exposure classes XC2 to XC4 (EN 1992-1-1, table 7.1N);
* 1 mm: the limit of fine cracks, category 1, in BRE Digest 251.

Design limits are no verdict on a structure: use the table that your own standard prescribes.
"""


def severity_of(width_mm: float, classes: Sequence[SeverityClass] = DEFAULT_SEVERITY) -> str:
    """Name the class of a width.

    `fissura.measure` asks for the 95th percentile of a crack's width: EN 1992-1-1 limits a characteristic width,
    which one place in twenty exceeds.

    Args:
        width_mm: in mm.
        classes: from the narrowest; see `checked`.

    Raises:
        FissuraError: if `checked` refuses the classes.

    Example:
        >>> severity_of(0.25), severity_of(3 * 0.1)
        ('fine', 'fine')
    """
    # 3 px at 0.1 mm per px are 0.30000000000000004 mm, and no wider than 0.3 mm.
    return next(
        each.name for each in checked(classes) if width_mm <= each.up_to_mm or math.isclose(width_mm, each.up_to_mm)
    )


def checked(classes: Sequence[SeverityClass]) -> tuple[SeverityClass, ...]:
    """Give the classes back as they are.

    Raises:
        FissuraError: if there is none, their limits do not grow from above 0, or the last has one.
    """
    limits = [each.up_to_mm for each in classes]
    if not limits or not all(narrower < wider for narrower, wider in pairwise([0.0, *limits])):
        raise FissuraError(
            f"severity: the limits {limits} do not grow; list at least one class, from the narrowest to the widest"
        )
    if limits[-1] < math.inf:
        raise FissuraError(
            f"severity: no class is for cracks above {limits[-1]:g} mm; add one without a limit, such as wide=inf"
        )
    return tuple(classes)
