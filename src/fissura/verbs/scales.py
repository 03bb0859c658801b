"""The scale of a job's photographs, as a user tells it: in one of three ways, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fissura.errors import FissuraError
from fissura.reporting.model_facts import LEAST_MM_PER_PX, MOST_MM_PER_PX

KnownLength = tuple[float, float, float, float, float]  # mm, then x and y of both its ends in px


@dataclass(frozen=True)
class Scale:
    """How to find out how many millimetres one pixel covers. Without any of these, all measures are in px.

    Attributes:
        mm_per_px: the scale itself, of all photographs.
        known_length: a length in mm and, in px, x and y of its two ends; the same on all photographs.
        distance_mm: from the lens to the surface; the lens is told by each photograph's EXIF.

    Raises:
        FissuraError: if more than one is given, or one makes no sense.

    Example:
        >>> Scale(known_length=(300.0, 100.0, 200.0, 700.0, 1000.0)).of(Path("wall.jpg"))
        0.3
    """

    mm_per_px: float | None = None
    known_length: KnownLength | None = None
    distance_mm: float | None = None

    def __post_init__(self) -> None:
        if sum(way is not None for way in (self.mm_per_px, self.known_length, self.distance_mm)) > 1:
            raise FissuraError("scale: told in two ways; give mm per px, a known length, or the camera's distance")
        if self.mm_per_px is not None and not LEAST_MM_PER_PX <= self.mm_per_px <= MOST_MM_PER_PX:
            limits = f"{LEAST_MM_PER_PX:g} to {MOST_MM_PER_PX:g}"
            raise FissuraError(f"scale: {self.mm_per_px:g} mm per px is none; give a number from {limits}")

    def of(self, photo: Path) -> float | None:
        """Give the scale of a photograph in mm per px; None where none is known.

        Raises:
            FissuraError: if it cannot be found out.
        """
        # Takes a second to load, which segmenting, where a scale is only told, need not spend.
        from fissura.measuring import scale_from_camera, scale_from_known_length

        if self.known_length is not None:
            length_mm, *ends = self.known_length
            found = scale_from_known_length(length_mm, (ends[0], ends[1]), (ends[2], ends[3]))
        elif self.distance_mm is not None:
            found = scale_from_camera(photo, self.distance_mm)
        else:
            return self.mm_per_px
        return Scale(found).mm_per_px  # within the same limits

    def __str__(self) -> str:
        if self.known_length is not None:
            return f"{self.of(Path()):.4g} mm per px, from a known length of {self.known_length[0]:g} mm"
        if self.distance_mm is not None:
            return f"from the lens and its distance of {self.distance_mm:g} mm"
        return "none: measures are in px" if self.mm_per_px is None else f"{self.mm_per_px:g} mm per px"
