"""What a report says of the photographs it has kept: names, counts, sums and histograms, ready for the template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from markupsafe import Markup

from fissura.reporting.histogram import draw_histogram
from fissura.reporting.quantities import said_length, said_width
from fissura.reporting.report_keeping import DIRECTIONS_DEG, CrackRow, Kept, PhotoRow
from fissura.reporting.result_names import names_below


def page_of(kept: Kept) -> dict[str, object]:
    """Turn what was kept into what the template shows."""
    scaled = any(photo.mm_per_px is not None for photo in kept.photos)
    photos = [photo for photo in kept.photos if not scaled or photo.mm_per_px is not None]  # in the totals
    cracks = [crack for crack in kept.cracks if not scaled or crack.mm_per_px is not None]
    names = names_below([photo.path for photo in kept.photos] + [photo.path for photo in kept.skipped])
    pictured = sum(photo.picture is not None for photo in kept.photos)
    return {
        "notice": _notice(kept.photos),
        "figures": _figures(kept, photos, cracks, names),
        "severities": _severities(cracks, photos),
        "histograms": _histograms(cracks, "mm" if scaled else "px"),
        "worst": [
            {
                "photo": crack.photo,
                "name": names[kept.photos[crack.photo - 1].path],
                "number": crack.number,
                "facts": crack.facts,
                "close_up": crack.close_up,
                "widest": crack.widest,
            }
            for crack in sorted(kept.worst, reverse=True)
        ],
        "photos": [
            {
                "name": names[photo.path],
                "picture": photo.picture,
                "cracks": photo.cracks,
                "length": said_length(photo.length_px, photo.mm_per_px) if photo.cracks else "–",
                "widest": said_width(photo.widest_px, photo.mm_per_px) if photo.cracks else "–",
                "density": photo.density if photo.cracks else "–",
                "severity": photo.severity,
            }
            for photo in kept.photos
        ],
        "pictured": pictured,
        "unpictured": len(kept.photos) - pictured,
        "skipped": [(names[photo.path], photo.reason) for photo in kept.skipped],
    }


def _notice(photos: list[PhotoRow]) -> str:
    without = sum(photo.mm_per_px is None for photo in photos)
    if not without:
        return ""
    if without == len(photos):
        return "No scale: lengths and widths are in px of each photograph. They cannot be compared between distances."
    some = "1 photograph has" if without == 1 else f"{without} photographs have"
    return f"{some} no scale: their lengths and widths are in px, and count in no total and no histogram."


def _figures(
    kept: Kept, photos: list[PhotoRow], cracks: list[CrackRow], names: Mapping[Path, str]
) -> list[dict[str, str]]:
    cracked = sum(photo.cracks > 0 for photo in kept.photos)
    share = f"{cracked / len(kept.photos):.0%}" if kept.photos else ""
    figures = [
        _figure("Photographs", f"{len(kept.photos):,}", f"{len(kept.skipped):,} skipped" if kept.skipped else ""),
        _figure("Cracked", f"{cracked:,}", share),
        _figure("Cracks", f"{len(kept.cracks):,}"),
    ]
    if not cracks:
        return figures
    unit = cracks[0].mm_per_px is not None  # either all have a scale, or none has
    length = sum(crack.length_px * (crack.mm_per_px or 1.0) for crack in cracks)  # mm or px
    area = sum(photo.area_px * (photo.mm_per_px or 1.0) ** 2 for photo in photos)  # mm2 or px2
    if unit:
        density = _figure("Density", f"{length / area * 1000:.3g} m/m²", "length per area seen")
    else:
        density = _figure("Density", f"{length / area * 1e6:,.0f}", "px of length per Mpx seen")
    widest = max(cracks, key=lambda crack: crack.width_px * (crack.mm_per_px or 1.0))
    where = names[kept.photos[widest.photo - 1].path]
    return [
        *figures,
        _figure("Total length", said_length(length, 1.0 if unit else None)),
        density,
        _figure("Widest", said_width(widest.width_px, widest.mm_per_px), where),
    ]


def _figure(name: str, value: str, note: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "note": note}


def _severities(cracks: list[CrackRow], photos: list[PhotoRow]) -> list[dict[str, object]]:
    """Count by severity, the worst first: classes are of the width that a twentieth of a crack exceeds."""
    classes: dict[str, list[CrackRow]] = {}
    for crack in sorted(cracks, key=lambda crack: crack.width_p95_px * (crack.mm_per_px or 1.0), reverse=True):
        if crack.severity is not None:
            classes.setdefault(crack.severity, []).append(crack)
    return [
        {
            "name": name,
            "cracks": len(members),
            "length": said_length(sum(crack.length_px * (crack.mm_per_px or 1.0) for crack in members), 1.0),
            "photos": sum(photo.severity == name for photo in photos),
        }
        for name, members in classes.items()
    ]


def _histograms(cracks: list[CrackRow], unit: str) -> list[Markup]:
    if not cracks:
        return []
    lengths = [crack.length_px * (crack.mm_per_px or 1.0) for crack in cracks]
    by_direction = np.sum([crack.length_by_direction_px * (crack.mm_per_px or 1.0) for crack in cracks], axis=0)
    return [
        draw_histogram([crack.width_px * (crack.mm_per_px or 1.0) for crack in cracks], f"width / {unit}"),
        draw_histogram(lengths, f"length / {unit}"),
        draw_histogram(
            DIRECTIONS_DEG[:-1],
            "direction / °",
            counted="share of length / %",
            edges=DIRECTIONS_DEG,
            weights=by_direction.tolist(),
        ),
    ]
