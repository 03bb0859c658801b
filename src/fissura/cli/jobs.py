"""Verbs about a job, the folder that `fissura segment` left, and about corrected masks and two dates."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import fissura
from fissura.cli.app import app
from fissura.cli.options import MM_PER_PX_HELP, SEVERITY_HELP, Model, argument, examples, option, severity_classes
from fissura.errors import FissuraError
from fissura.terminal import Verb, name_skipped, progress, say, show_table

if TYPE_CHECKING:
    from fissura.verbs.jobs import Measured

SCALE = "Scale: what fissura segment was told, if nothing here; without any, measures are in px"
OF_EARLIER = "Scale of the earlier photograph: close-ups are seen smaller with it; without it, measures are in px"
DISTANCE_HELP = "Distance in mm from lens to surface; the lens is told by EXIF."

Format = Literal["csv", "parquet", "coco", "cvat", "label-studio", "geojson", "geopackage", "svg", "dxf"]
Job = Annotated[Path, argument("The folder that fissura segment wrote.")]
MmPerPx = Annotated[float | None, option(MM_PER_PX_HELP, SCALE)]
Known = Annotated[
    tuple[float, float, float, float, float] | None,
    option("A known length: its mm, then x y and x y of its two ends in px, the same on all photographs.", SCALE),
]
Distance = Annotated[float | None, option(DISTANCE_HELP, SCALE)]
Severity = Annotated[list[str] | None, option(SEVERITY_HELP, SCALE)]


@app.command(
    cls=Verb,
    epilog=examples(
        "fissura measure masks", "fissura measure masks --mm-per-px 0.2 --severity fine=0.3 --severity wide=inf"
    ),
)
def measure(
    job: Job,
    mm_per_px: MmPerPx = None,
    known_length: Known = None,
    distance_mm: Distance = None,
    severity: Severity = None,
) -> None:
    """Measure the cracks of a job: length, width, orientation, severity; tables and drawings."""
    scale = fissura.Scale(mm_per_px, known_length, distance_mm)
    with progress("Measuring") as advance:
        measured = fissura.measure_job(job, scale=scale, severity=severity_classes(severity), progress=advance)
    _show(measured)


@app.command(
    cls=Verb,
    epilog=examples(
        "fissura report masks --mm-per-px 0.2",
        "fissura report masks --out quay.html --title 'Quay wall' --fact 'Client: Port of Ems' --fact 'Bay: 3'",
    ),
)
def report(
    job: Job,
    out: Annotated[Path | None, option("The HTML file; report.html in the job's folder if not given.")] = None,
    title: Annotated[str, typer.Option(help="The report's heading.")] = "Crack inspection report",
    fact: Annotated[list[str] | None, option("What stands below it, such as 'Bay: 3'; may be repeated.")] = None,
    mm_per_px: MmPerPx = None,
    known_length: Known = None,
    distance_mm: Distance = None,
    severity: Severity = None,
) -> None:
    """Write a report of a job: one HTML file that needs no network and prints to PDF."""
    facts: dict[str, str] = {}
    for one in fact or ():
        name, _, value = (part.strip() for part in one.partition(":"))
        if name in facts:
            raise FissuraError(f"--fact {one}: there is another {name}; name one of the two otherwise")
        facts[name] = value
    scale = fissura.Scale(mm_per_px, known_length, distance_mm)
    with progress("Reporting") as advance:
        measured = fissura.report(
            job, out=out, scale=scale, severity=severity_classes(severity), title=title, facts=facts, progress=advance
        )
    _show(measured)


@app.command(
    cls=Verb,
    epilog=examples(
        "fissura export masks --format coco --out cracks.json",
        "fissura export masks --format cvat --out cracks.zip",
        "fissura export masks --format dxf --out drawings --mm-per-px 0.2",
    ),
)
def export(
    job: Job,
    format: Annotated[Format, option("The format of the other program.")],
    out: Annotated[Path, option("The file to write; for svg and dxf a folder.")],
    mm_per_px: MmPerPx = None,
    known_length: Known = None,
    distance_mm: Distance = None,
    severity: Severity = None,
) -> None:
    """Hand a job's cracks to another program: tables, annotations, maps, drawings."""
    scale = fissura.Scale(mm_per_px, known_length, distance_mm)
    with progress("Exporting") as advance:
        measured = fissura.export(
            job, format=format, out=out, scale=scale, severity=severity_classes(severity), progress=advance
        )
    _show(measured)


@app.command(
    "import-masks",
    cls=Verb,
    epilog=examples(
        "fissura import-masks corrected.zip --photos walls --out corrections",
        "fissura train walls corrections --recipe corrected --out runs/corrected",
    ),
)
def import_masks(
    source: Annotated[Path, argument("CVAT's Segmentation mask 1.1 (zip), Label Studio's JSON, or COCO JSON.")],
    photos: Annotated[Path, option("The folder of the photographs that were corrected.")],
    out: Annotated[Path, option("Folder for manifest.csv and masks/: a data set.")],
) -> None:
    """Take masks that a person has corrected back, as a data set to train with."""
    summary = fissura.import_masks(source, photos=photos, out=out)
    name_skipped([f"{name}: {reason}" for name, reason in summary.skipped], "")
    figures = [("cracked", summary.cracked), ("uncracked", summary.uncracked), ("skipped", len(summary.skipped))]
    show_table(["masks", "number"], figures)
    say(f"data set: {summary.manifest}")


@app.command(
    cls=Verb,
    epilog=examples("fissura compare 2024.jpg 2026.jpg --out change --mm-per-px 0.2"),
)
def compare(
    before: Annotated[Path, argument("The earlier photograph.")],
    after: Annotated[Path, argument("The later one, from about the same place.")],
    out: Annotated[Path, option("Folder for changes.csv and change.png.")],
    model: Model = None,
    mm_per_px: Annotated[float | None, option(MM_PER_PX_HELP, OF_EARLIER)] = None,
    known_length: Annotated[
        tuple[float, float, float, float, float] | None,
        option("A known length: its mm, then x y and x y of its two ends in px.", OF_EARLIER),
    ] = None,
    distance_mm: Annotated[float | None, option(DISTANCE_HELP, OF_EARLIER)] = None,
) -> None:
    """Compare the cracks of one place on two dates: what is new, and what has grown."""
    compared = fissura.compare(
        before, after, out=out, model=model, scale=fissura.Scale(mm_per_px, known_length, distance_mm)
    )
    unit = "px" if all(change.mm_per_px is None for change in compared.comparison.changes) else "mm"
    table = compared.comparison.table()
    measures = ("length_growth", "new_length", "width_growth")
    columns = ["kind", "before", "after", *(f"{name}_{unit}" for name in measures)]
    rows = table[columns].itertuples(index=False)
    show_table(columns, [[_said(cell) for cell in row] for row in rows])
    say(f"registration error: {compared.comparison.registration.error_px:.2f} px")
    say(f"table: {compared.table}")
    say(f"picture: {compared.picture}")


def _said(cell: str | float) -> str:
    """Say what stands in a table of changes; a crack of one date has no growth in width."""
    if isinstance(cell, str):
        return cell
    return "–" if math.isnan(cell) else f"{cell:.2f}"


def _show(measured: Measured) -> None:
    name_skipped([f"{one.path}: {one.reason}" for one in measured.skipped], "")
    show_table(["measured", "number"], [("photographs", measured.photographs), ("cracks", measured.cracks)])
    for file in measured.files:
        say(f"written: {file}")
