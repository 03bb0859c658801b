"""The report of a job: one HTML page that needs no network, reads well on a telephone, and prints to PDF.

Photographs are taken one at a time; of each only two small pictures and a few numbers are kept, so a job may be
of any size.
"""

from __future__ import annotations

import base64
import heapq
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from fissura.files import written_whole
from fissura.measuring import Crack, Measurement
from fissura.reporting.crack_drawing import draw_crack, draw_cracks, draw_widest
from fissura.reporting.histogram import draw_histogram
from fissura.reporting.quantities import said_length, said_width

_THUMBNAIL_PX, _TEXT_PX = 400, 20  # longer side, and its numbers; shown half as large
_CLOSE_UP_PX, _WIDEST_PX = (640, 480), 480
_MOST_PICTURED = 300  # photographs; a page of more would be slow to open
_QUALITY = 62  # of WebP; below it, hairline cracks blur


@dataclass(frozen=True, eq=False)
class MeasuredPhoto:
    """A photograph of the job and its cracks.

    Attributes:
        path: its file; only its name is used.
        photo: ``(H, W, 3)`` uint8 RGB.
        measurement: its cracks, from `fissura.measuring`.
    """

    path: Path
    photo: NDArray[np.uint8]
    measurement: Measurement


@dataclass(frozen=True)
class SkippedPhoto:
    """A photograph that could not be measured, and why, in one line."""

    path: Path
    reason: str


def write_report(
    items: Iterable[MeasuredPhoto | SkippedPhoto],
    out: Path,
    *,
    title: str = "Crack inspection report",
    facts: Mapping[str, object] | None = None,
    settings: Mapping[str, object] | None = None,
    provenance: Mapping[str, object] | None = None,
    worst: int = 12,
    created: datetime | None = None,
) -> None:
    """Write the report of a job as one HTML file.

    Summary, histograms, the widest cracks close up, every photograph with its cracks drawn, what was skipped, and
    the settings and provenance. As soon as one photograph has a scale the totals are in mm and m, and count the
    photographs with a scale only; without any they are in px. Either is said at the top.

    Args:
        items: the photographs in the order of the report; best a generator, for one photograph at a time is held.
        out: the HTML file.
        title: its heading.
        facts: what the job is: name of fact -> value, such as object, place, client.
        settings: how the cracks were found and measured: name -> value.
        provenance: which model found them: name, recipe, data fingerprint, licence, ...: name -> value.
        worst: how many cracks to show close up, the widest first.
        created: when the report was made; by default now.

    Raises:
        FissuraError: if the file cannot be written.

    Example:
        >>> write_report(
        ...     (MeasuredPhoto(path, photo, measure(mask, photo=photo)) for path, photo, mask in found),
        ...     Path("report.html"),
        ...     facts={"Object": "Quay wall, bay 3"},
        ... )  # doctest: +SKIP
    """
    taken = _Taken(most_worst=worst)
    for item in items:
        taken.add(item)
        del item  # while the next one is made, this one's pixels need not stay
    made = created or datetime.now().astimezone()
    page = _template().render(
        title=title,
        facts=facts or {},
        settings=settings or {},
        provenance=provenance or {},
        version=version("fissura"),
        created=made.strftime("%Y-%m-%d %H:%M %Z").strip(),
        **_page(taken),
    )
    with written_whole(out) as temporary:
        # A file's name need not be text; what cannot be written is shown by its code.
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


@dataclass(frozen=True)
class _PhotoRow:
    """What the report keeps of a photograph."""

    path: Path
    picture: str | None
    cracks: int
    length_px: float
    widest_px: float
    area_px: int
    density: str
    severity: str | None
    mm_per_px: float | None


@dataclass(frozen=True)
class _CrackRow:
    """What the report keeps of every crack."""

    photo: int  # from 1
    length_px: float
    width_px: float
    orientation_deg: float
    severity: str | None
    mm_per_px: float | None


@dataclass(order=True)
class _CloseUp:
    """A crack among the widest, with its pictures; the order is that of width, cracks with a scale first."""

    rank: tuple[bool, float, int]
    photo: int = field(compare=False)
    number: int = field(compare=False)
    facts: dict[str, str] = field(compare=False)
    close_up: str = field(compare=False)
    widest: str = field(compare=False)


class _Taken:
    """Everything that is kept of the photographs taken so far."""

    def __init__(self, most_worst: int) -> None:
        self.photos: list[_PhotoRow] = []
        self.cracks: list[_CrackRow] = []
        self.skipped: list[SkippedPhoto] = []
        self.worst: list[_CloseUp] = []  # a heap, the least wide on top
        self._most_worst = most_worst

    def add(self, item: MeasuredPhoto | SkippedPhoto) -> None:
        if isinstance(item, SkippedPhoto):
            self.skipped.append(item)
            return
        photo, measurement = item.photo, item.measurement
        picture = None
        if len(self.photos) < _MOST_PICTURED:
            picture = _data_uri(
                draw_cracks(photo, measurement, side_px=_THUMBNAIL_PX, text_px=_TEXT_PX, legend=False)
            )
        self.photos.append(
            _PhotoRow(
                path=item.path,
                picture=picture,
                cracks=len(measurement.cracks),
                length_px=measurement.length_px,
                widest_px=max((crack.width_max_px for crack in measurement.cracks), default=0.0),
                area_px=measurement.height_px * measurement.width_px,
                density=_said_density(measurement),
                severity=measurement.severity,
                mm_per_px=measurement.mm_per_px,
            )
        )
        for crack in measurement.cracks:
            row = _CrackRow(
                photo=len(self.photos),
                length_px=crack.length_px,
                width_px=crack.width_max_px,
                orientation_deg=crack.orientation_deg,
                severity=crack.severity,
                mm_per_px=measurement.mm_per_px,
            )
            self.cracks.append(row)
            self._consider(item, crack)

    def _consider(self, item: MeasuredPhoto, crack: Crack) -> None:
        """Draw the crack close up if it is among the widest so far."""
        mm_per_px = item.measurement.mm_per_px
        rank = (mm_per_px is not None, crack.width_max_px * (mm_per_px or 1.0), -len(self.cracks))
        full = len(self.worst) >= self._most_worst
        if self._most_worst == 0 or (full and rank <= self.worst[0].rank):
            return
        close_up = _CloseUp(
            rank=rank,
            photo=len(self.photos),
            number=crack.number,
            facts=_crack_facts(crack, mm_per_px),
            close_up=_data_uri(draw_crack(item.photo, item.measurement, crack, size_px=_CLOSE_UP_PX)),
            widest=_data_uri(draw_widest(item.photo, item.measurement, crack, side_px=_WIDEST_PX)),
        )
        if full:
            heapq.heapreplace(self.worst, close_up)
        else:
            heapq.heappush(self.worst, close_up)


def _page(taken: _Taken) -> dict[str, object]:
    """Turn what was kept into what the template shows."""
    scaled = any(photo.mm_per_px is not None for photo in taken.photos)
    photos = [photo for photo in taken.photos if not scaled or photo.mm_per_px is not None]  # in the totals
    cracks = [crack for crack in taken.cracks if not scaled or crack.mm_per_px is not None]
    names = _shown_names([photo.path for photo in taken.photos] + [photo.path for photo in taken.skipped])
    pictured = sum(photo.picture is not None for photo in taken.photos)
    return {
        "notice": _notice(taken.photos),
        "figures": _figures(taken, photos, cracks, names),
        "severities": _severities(cracks, photos),
        "histograms": _histograms(cracks, "mm" if scaled else "px"),
        "worst": [
            {
                "photo": crack.photo,
                "name": names[taken.photos[crack.photo - 1].path],
                "number": crack.number,
                "facts": crack.facts,
                "close_up": crack.close_up,
                "widest": crack.widest,
            }
            for crack in sorted(taken.worst, reverse=True)
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
            for photo in taken.photos
        ],
        "pictured": pictured,
        "unpictured": len(taken.photos) - pictured,
        "skipped": [(names[photo.path], photo.reason) for photo in taken.skipped],
    }


def _notice(photos: list[_PhotoRow]) -> str:
    without = sum(photo.mm_per_px is None for photo in photos)
    if not without:
        return ""
    if without == len(photos):
        return "No scale: lengths and widths are in px of each photograph. They cannot be compared between distances."
    some = "1 photograph has" if without == 1 else f"{without} photographs have"
    return f"{some} no scale: their lengths and widths are in px, and count in no total and no histogram."


def _figures(
    taken: _Taken, photos: list[_PhotoRow], cracks: list[_CrackRow], names: Mapping[Path, str]
) -> list[dict[str, str]]:
    cracked = sum(photo.cracks > 0 for photo in taken.photos)
    share = f"{cracked / len(taken.photos):.0%}" if taken.photos else ""
    figures = [
        _figure("Photographs", f"{len(taken.photos):,}", f"{len(taken.skipped):,} skipped" if taken.skipped else ""),
        _figure("Cracked", f"{cracked:,}", share),
        _figure("Cracks", f"{len(taken.cracks):,}"),
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
    where = names[taken.photos[widest.photo - 1].path]
    return [
        *figures,
        _figure("Total length", said_length(length, 1.0 if unit else None)),
        density,
        _figure("Widest", said_width(widest.width_px, widest.mm_per_px), where),
    ]


def _figure(name: str, value: str, note: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "note": note}


def _severities(cracks: list[_CrackRow], photos: list[_PhotoRow]) -> list[dict[str, object]]:
    """Count by severity, the worst first: classes are of width, so that is the class of the widest crack."""
    classes: dict[str, list[_CrackRow]] = {}
    for crack in sorted(cracks, key=lambda crack: crack.width_px * (crack.mm_per_px or 1.0), reverse=True):
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


def _histograms(cracks: list[_CrackRow], unit: str) -> list[Markup]:
    if not cracks:
        return []
    lengths = [crack.length_px * (crack.mm_per_px or 1.0) for crack in cracks]
    return [
        draw_histogram([crack.width_px * (crack.mm_per_px or 1.0) for crack in cracks], f"width / {unit}"),
        draw_histogram(lengths, f"length / {unit}"),
        draw_histogram(
            [crack.orientation_deg for crack in cracks],
            "direction / °",
            counted="share of length / %",
            edges=range(0, 181, 15),
            weights=lengths,
        ),
    ]


def _crack_facts(crack: Crack, mm_per_px: float | None) -> dict[str, str]:
    facts = {
        "Length": said_length(crack.length_px, mm_per_px),
        "Width, greatest": said_width(crack.width_max_px, mm_per_px),
        "Width, 95 % below": said_width(crack.width_p95_px, mm_per_px),
        "Width, mean": said_width(crack.width_mean_px, mm_per_px),
        "Direction": f"{crack.orientation_deg:.0f}°, {crack.pattern}",
        "Branches": f"{crack.branch_count}, {crack.junction_count} junctions",
    }
    if crack.severity is not None:
        facts["Severity"] = crack.severity
    if crack.confidence is not None:
        facts["Confidence"] = f"{crack.confidence:.2f}"
    return facts


def _said_density(measurement: Measurement) -> str:
    if measurement.density_m_per_m2 is not None:
        return f"{measurement.density_m_per_m2:.3g} m/m²"
    return f"{measurement.density_px_per_mpx:,.0f} px/Mpx"


def _shown_names(paths: list[Path]) -> dict[Path, str]:
    """Name photographs from their common folder on, so that those of one name in two folders are told apart."""
    if not paths:
        return {}
    common = os.path.commonpath([path.absolute().parent for path in paths])
    return {path: str(path.absolute().relative_to(common)) for path in paths}


def _data_uri(picture: NDArray[np.uint8]) -> str:
    """Encode a picture as WebP, inline."""
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, format="WEBP", quality=_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fissura.reporting", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html.j2")
