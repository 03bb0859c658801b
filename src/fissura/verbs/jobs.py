"""The verbs about a job: the folder that segmenting left, its cracks measured, reported and handed on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.exchanging import ExportFormat, PhotoCracks
from fissura.exchanging import export as export_cracks
from fissura.files import inside, not_over, written_whole
from fissura.measuring import DEFAULT_SEVERITY, SeverityClass, measure, summarise
from fissura.photos import save_image
from fissura.reporting.crack_drawing import draw_cracks
from fissura.reporting.model_facts import MODEL, read_model_facts
from fissura.reporting.report import write_report
from fissura.reporting.report_keeping import MeasuredPhoto, SkippedPhoto
from fissura.reporting.results_reading import Result, read_results
from fissura.reporting.results_table import DRAWINGS, FINAL
from fissura.verbs.paths import Advance, AnyPath
from fissura.verbs.scales import Scale


@dataclass(frozen=True)
class Measured:
    """What measuring a job leaves.

    Attributes:
        cracks: how many cracks there are.
        photographs: how many photographs were measured.
        skipped: those that were not, and why.
        files: what was written.
    """

    cracks: int
    photographs: int
    skipped: tuple[SkippedPhoto, ...]
    files: tuple[Path, ...]


class _Job:
    """The photographs of a job, measured one at a time; counts what went by."""

    def __init__(
        self, job: AnyPath, scale: Scale | None, severity: Sequence[SeverityClass], progress: Advance | None
    ) -> None:
        self._folder = Path(job)
        self._results = read_results(self._folder)
        self.scale = scale or Scale()
        told = read_model_facts(self._folder).mm_per_px
        if self.scale == Scale() and told is not None:
            self.scale = Scale(mm_per_px=told)
        self._severity = severity
        self._progress = progress
        self.cracks = self.photographs = 0
        self.skipped: list[SkippedPhoto] = []

    def __iter__(self) -> Iterator[tuple[Result, MeasuredPhoto]]:
        for done, result in enumerate(self._results, start=1):
            try:
                if result.skipped:
                    raise UnreadablePhotoError(result.skipped)
                photo, mask, probability = result.read()
                measured = measure(mask, probability, photo, self.scale.of(result.photo), self._severity)
            except FissuraError as error:
                # The photograph's name stands beside the reason.
                self.skipped.append(SkippedPhoto(result.photo, str(error).removeprefix(f"{result.photo}: ")))
            else:
                self.photographs += 1
                self.cracks += len(measured.cracks)
                yield result, MeasuredPhoto(result.photo, photo, measured)
            if self._progress is not None:
                self._progress(done, len(self._results))
        if not self.photographs:
            first = self.skipped[0]
            raise FissuraError(f"{first.path}: {first.reason}; not one photograph of the job could be measured")

    def not_over(self, out: Path) -> None:
        """Refuse to write over what the job consists of."""
        pictures = (path for one in self._results for path in (one.photo, one.mask, one.probability))
        not_over(out, [self._folder / FINAL, self._folder / MODEL, *pictures])

    def left(self, *files: Path) -> Measured:
        return Measured(self.cracks, self.photographs, tuple(self.skipped), files)


def measure_job(
    job: AnyPath,
    *,
    scale: Scale | None = None,
    severity: Sequence[SeverityClass] = DEFAULT_SEVERITY,
    drawings: bool = True,
    progress: Advance | None = None,
) -> Measured:
    """Measure the cracks of a job: tables of cracks and of photographs, and a drawing of each photograph.

    Args:
        job: the folder that :func:`fissura.segment` wrote; ``cracks.csv``, ``photographs.csv`` and ``cracks/``
            will stand there.
        scale: how many millimetres a pixel covers; what segmenting was told if None, else all is in px.
        severity: width classes, from the narrowest; used where there is a scale.
        drawings: whether to draw the centre lines, coloured by width.
        progress: called with photographs done and their total.

    Raises:
        FissuraError: if the folder holds no results, nothing could be measured, or it cannot be written to.

    Example:
        >>> fissura.measure_job("masks", scale=fissura.Scale(mm_per_px=0.2)).cracks  # doctest: +SKIP
        17
    """
    folder = Path(job)
    photos = _Job(folder, scale, severity, progress)
    rows: list[dict[str, object]] = []

    def taken() -> Iterator[PhotoCracks]:
        for result, one in photos:
            drawing = inside(folder, f"{DRAWINGS}/{result.drawing}.jpg")
            if drawings and one.measurement.cracks:
                save_image(drawing, draw_cracks(one.photo, one.measurement))
            else:
                drawing.unlink(missing_ok=True)  # of an earlier measuring, which this one takes the place of
            rows.append({"photo": result.name, **summarise(one.measurement)})
            yield PhotoCracks(one.path, one.measurement, result.name)

    export_cracks(taken(), "csv", folder / "cracks.csv")
    with written_whole(folder / "photographs.csv") as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
    return photos.left(folder / "cracks.csv", folder / "photographs.csv")


def report(
    job: AnyPath,
    *,
    out: AnyPath | None = None,
    scale: Scale | None = None,
    severity: Sequence[SeverityClass] = DEFAULT_SEVERITY,
    title: str = "Crack inspection report",
    facts: Mapping[str, str] | None = None,
    progress: Advance | None = None,
) -> Measured:
    """Write the report of a job: one HTML file that needs no network and prints to PDF.

    Args:
        job: the folder that :func:`fissura.segment` wrote.
        out: the HTML file; ``report.html`` in the job's folder if None.
        scale: how many millimetres a pixel covers; what segmenting was told if None, else all is in px, and the
            report says so.
        severity: width classes, from the narrowest; used where there is a scale.
        title: the report's heading.
        facts: what stands below it, such as object, place and client.
        progress: called with photographs done and their total.

    Raises:
        FissuraError: if the folder holds no results, nothing could be measured, or ``out`` is a file of the job or
            cannot be written.

    Example:
        >>> fissura.report("masks", facts={"Object": "Quay wall, bay 3"}).files  # doctest: +SKIP
        (PosixPath('masks/report.html'),)
    """
    folder = Path(job)
    file = Path(out) if out is not None else folder / "report.html"
    photos = _Job(folder, scale, severity, progress)
    photos.not_over(file)

    def taken() -> Iterator[MeasuredPhoto | SkippedPhoto]:
        for _, one in photos:
            yield one
        yield from photos.skipped

    made_with = read_model_facts(folder)
    classes = {} if photos.scale == Scale() else {"Width classes": _said(severity)}  # without a scale none is given
    settings = {"Scale": str(photos.scale), **classes, **made_with.seeing, **made_with.cleaning}
    write_report(taken(), file, title=title, facts=facts, settings=settings, provenance=made_with.model)
    return photos.left(file)


def export(
    job: AnyPath,
    *,
    format: ExportFormat,
    out: AnyPath,
    scale: Scale | None = None,
    severity: Sequence[SeverityClass] = DEFAULT_SEVERITY,
    progress: Advance | None = None,
) -> Measured:
    """Hand a job's cracks to another program.

    Args:
        job: the folder that :func:`fissura.segment` wrote.
        format: ``csv``, ``parquet``, ``coco``, ``cvat``, ``label-studio``, ``geojson``, ``geopackage``, ``svg`` or
            ``dxf``; see :func:`fissura.exchanging.export`.
        out: the file, or for drawings the folder, to write.
        scale: how many millimetres a pixel covers; what segmenting was told if None.
        severity: width classes, from the narrowest; used where there is a scale.
        progress: called with photographs done and their total.

    Raises:
        FissuraError: if the folder holds no results, the format cannot hold them, or ``out`` is a file of the job or
            cannot be written.

    Example:
        >>> fissura.export("masks", format="coco", out="cracks.json").photographs  # doctest: +SKIP
        50
    """
    photos = _Job(job, scale, severity, progress)
    photos.not_over(Path(out))
    to_files = format in ("svg", "dxf")
    cracks = (
        PhotoCracks(one.path, one.measurement, result.drawing if to_files else result.name) for result, one in photos
    )
    export_cracks(cracks, format, Path(out))
    return photos.left(Path(out))


def _said(classes: Sequence[SeverityClass]) -> str:
    *limited, widest = classes
    beyond = f" above {limited[-1].up_to_mm:g} mm" if limited else ""
    return ", ".join([*(f"{each.name} up to {each.up_to_mm:g} mm" for each in limited), widest.name + beyond])
