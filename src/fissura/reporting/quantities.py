"""Lengths and widths as people read them: few digits, always with the unit."""

from __future__ import annotations

from math import floor, log10


def said_length(length_px: float, mm_per_px: float | None = None) -> str:
    """Say a length: in mm, from a metre on in m, and in px where no scale is known.

    Args:
        length_px: in px of the photograph.
        mm_per_px: the photograph's scale; None where it is not known.

    Example:
        >>> said_length(824, mm_per_px=0.5), said_length(2824, mm_per_px=0.5), said_length(1824)
        ('412 mm', '1.41 m', '1,824 px')
    """
    if mm_per_px is None:
        return f"{length_px:,.0f} px"
    length_mm = length_px * mm_per_px
    value, unit = (length_mm, "mm") if length_mm < 999.5 else (length_mm / 1000, "m")
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:,.0f} {unit}"


def said_width(width_px: float, mm_per_px: float | None = None) -> str:
    """Say a width: in mm to the hundredth, in px to the tenth where no scale is known.

    Example:
        >>> said_width(3.14, mm_per_px=0.2), said_width(3.14)
        ('0.63 mm', '3.1 px')
    """
    if mm_per_px is None:
        return f"{width_px:,.1f} px"
    width_mm = width_px * mm_per_px
    return f"{width_mm:.2f} mm" if width_mm < 9.995 else f"{width_mm:,.1f} mm"


def round_below(value: float) -> float:
    """Give the largest of 1, 2, 5, 10, 20, ... (and 0.5, 0.2, 0.1, ...) that is not above a positive value.

    Example:
        >>> round_below(78), round_below(0.34)
        (50.0, 0.2)
    """
    return _round(value, (1, 2, 5), up=False)


def round_above(value: float) -> float:
    """Give the smallest round number that is not below a positive value: 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, ...

    Example:
        >>> round_above(5.2), round_above(0.13)
        (6.0, 0.15)
    """
    return _round(value, (1, 1.5, 2, 3, 4, 5, 6, 8, 10), up=True)


def _round(value: float, steps: tuple[float, ...], *, up: bool) -> float:
    power = 10.0 ** floor(log10(value))
    slack = 1e-9 * power  # 3 / 10 is not quite 0.3
    fitting = [
        step * power for step in steps if (step * power >= value - slack if up else step * power <= value + slack)
    ]
    # Digits beyond the twelfth are rounding error of the power.
    return float(f"{min(fitting) if up else max(fitting):.12g}")
