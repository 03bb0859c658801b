"""The report of a job: one HTML page that needs no network, reads well on a telephone, and prints to PDF.

Photographs are taken one at a time; of each only two small pictures and a few numbers are kept, so a job may be
of any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import jinja2

from fissura.files import written_whole
from fissura.reporting.report_keeping import Kept, MeasuredPhoto, SkippedPhoto
from fissura.reporting.report_page import page_of


def write_report(
    items: Iterable[MeasuredPhoto | SkippedPhoto],
    out: Path,
    *,
    title: str = "Crack inspection report",
    facts: Mapping[str, object] | None = None,
    settings: Mapping[str, object] | None = None,
    provenance: Mapping[str, object] | None = None,
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
    kept = Kept()
    for item in items:
        kept.add(item)
        del item  # while the next one is made, this one's pixels need not stay
    made = created or datetime.now().astimezone()
    page = _template().render(
        title=title,
        facts=facts or {},
        settings=settings or {},
        provenance=provenance or {},
        version=version("fissura"),
        created=made.strftime("%Y-%m-%d %H:%M %Z").strip(),
        **page_of(kept),
    )
    with written_whole(out) as temporary:
        # A file's name need not be text; what cannot be written is shown by its code.
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fissura.reporting", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html.j2")
