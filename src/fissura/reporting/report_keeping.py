"""What a report keeps of the photographs it has seen: two small pictures and a few numbers of each."""

from __future__ import annotations

import base64
import heapq
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fissura.measuring import Crack, Measurement
from fissura.measuring.orientation import length_by_direction
from fissura.reporting.crack_drawing import draw_crack, draw_cracks, draw_widest
from fissura.reporting.quantities import said_length, said_width

_THUMBNAIL_PX, _TEXT_PX = 400, 20  # longer side, and its numbers; shown half as large
_CLOSE_UP_PX, _WIDEST_PX = (640, 480), 480
_MOST_WORST = 12  # cracks, close up
_MOST_PICTURED = 300  # photographs; a page of more would be slow to open
DIRECTIONS_DEG = range(0, 181, 15)
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


@dataclass(frozen=True)
class PhotoRow:
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


@dataclass(frozen=True, eq=False)
class CrackRow:
    """What the report keeps of every crack."""

    photo: int  # from 1
    length_px: float
    width_px: float  # the greatest
    width_p95_px: float  # which severity goes by
    length_by_direction_px: NDArray[np.float64]  # between `DIRECTIONS_DEG`
    severity: str | None
    mm_per_px: float | None


@dataclass(order=True)
class CloseUp:
    """A crack among the widest, with its pictures; the order is that of width, cracks with a scale first."""

    rank: tuple[bool, float, int]
    photo: int = field(compare=False)
    number: int = field(compare=False)
    facts: dict[str, str] = field(compare=False)
    close_up: str = field(compare=False)
    widest: str = field(compare=False)


class Kept:
    """Everything that is kept of the photographs seen so far.

    Attributes:
        photos: those that were measured, in their order.
        cracks: theirs.
        skipped: photographs that could not be measured.
        worst: the widest cracks, close up; a heap, the least wide on top.
    """

    def __init__(self) -> None:
        self.photos: list[PhotoRow] = []
        self.cracks: list[CrackRow] = []
        self.skipped: list[SkippedPhoto] = []
        self.worst: list[CloseUp] = []

    def add(self, item: MeasuredPhoto | SkippedPhoto) -> None:
        """Keep what the report needs of a photograph."""
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
            PhotoRow(
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
            row = CrackRow(
                photo=len(self.photos),
                length_px=crack.length_px,
                width_px=crack.width_max_px,
                width_p95_px=crack.width_p95_px,
                length_by_direction_px=length_by_direction(
                    [branch.points_px for branch in crack.branches], DIRECTIONS_DEG
                ),
                severity=crack.severity,
                mm_per_px=measurement.mm_per_px,
            )
            self.cracks.append(row)
            self._consider(item, crack)

    def _consider(self, item: MeasuredPhoto, crack: Crack) -> None:
        """Draw the crack close up if it is among the widest so far."""
        mm_per_px = item.measurement.mm_per_px
        rank = (mm_per_px is not None, crack.width_max_px * (mm_per_px or 1.0), -len(self.cracks))
        full = len(self.worst) >= _MOST_WORST
        if full and rank <= self.worst[0].rank:
            return
        close_up = CloseUp(
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


def _crack_facts(crack: Crack, mm_per_px: float | None) -> dict[str, str]:
    facts = {
        "Length": said_length(crack.length_px, mm_per_px),
        "Width, greatest": said_width(crack.width_max_px, mm_per_px),
        "Width, 95 % below": said_width(crack.width_p95_px, mm_per_px),
        "Width, mean": said_width(crack.width_mean_px, mm_per_px),
        "Direction": f"{round(crack.orientation_deg) % 180}°, {crack.pattern}",
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


def _data_uri(picture: NDArray[np.uint8]) -> str:
    """Encode a picture as WebP, inline."""
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, format="WEBP", quality=_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
