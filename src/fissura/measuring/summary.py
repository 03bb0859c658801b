"""One photograph's cracks in one row."""

from __future__ import annotations

from fissura.measuring.crack import Measurement


def summarise(measurement: Measurement) -> dict[str, float | str | None]:
    """Sum up the cracks of a photograph.

    Args:
        measurement: of one photograph.

    Returns:
        Name with unit -> value, always with the same names: ``cracks``, ``length_px``, ``width_max_px``,
        ``density_px_per_mpx``, and None without a scale: ``mm_per_px``, ``length_mm``, ``width_max_mm``,
        ``density_m_per_m2``, ``severity``.

    Example:
        >>> import numpy as np
        >>> from fissura.measuring import measure
        >>> summarise(measure(np.zeros((8, 8), bool)))["cracks"]
        0
    """
    scale = measurement.mm_per_px
    widest_px = max((crack.width_max_px for crack in measurement.cracks), default=0.0)
    return {
        "cracks": len(measurement.cracks),
        "length_px": measurement.length_px,
        "width_max_px": widest_px,
        "density_px_per_mpx": measurement.density_px_per_mpx,
        "mm_per_px": scale,
        "length_mm": None if scale is None else measurement.length_px * scale,
        "width_max_mm": None if scale is None else widest_px * scale,
        "density_m_per_m2": measurement.density_m_per_m2,
        "severity": measurement.severity,
    }
