"""One door for all exports: cracks of many photographs into a format of another program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

from fissura.errors import FissuraError
from fissura.exchanging.coco import write_coco
from fissura.exchanging.cvat import write_cvat
from fissura.exchanging.drawings import write_dxf, write_svg
from fissura.exchanging.geo import write_geojson, write_geopackage
from fissura.exchanging.label_studio import write_label_studio
from fissura.exchanging.photo_cracks import PhotoCracks
from fissura.exchanging.tables import write_csv, write_parquet

ExportFormat = Literal["csv", "parquet", "coco", "cvat", "label-studio", "geojson", "geopackage", "svg", "dxf"]
EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

_WRITERS: dict[ExportFormat, Callable[[Path, Iterable[PhotoCracks]], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "coco": write_coco,
    "cvat": write_cvat,
    "label-studio": write_label_studio,
    "geojson": write_geojson,
    "geopackage": write_geopackage,
    "svg": write_svg,
    "dxf": write_dxf,
}
_WITHOUT_SUFFIX = ("cvat", "svg", "dxf")  # formats that call a photograph by its name without suffix


def export(photos: Iterable[PhotoCracks], format: ExportFormat, out: Path) -> int:
    """Write the cracks of photographs for another program.

    Photographs are asked for one at a time and let go when they are written, so a generator of any length will
    do. A file appears whole or not at all.

    Args:
        photos: each photograph once, by its own name.
        format: ``csv`` and ``parquet`` (one row per crack); ``coco``, ``cvat`` and ``label-studio`` (masks, to
            be corrected there and come back through `import_masks`); ``geojson`` and ``geopackage``
            (georeferenced rasters); ``svg`` and ``dxf`` (centre lines).
        out: the file to write; for ``svg`` and ``dxf`` a folder, which gets one drawing per photograph.

    Returns:
        How many photographs were written.

    Raises:
        FissuraError: if there is no photograph, two go by one name, the format is not known, or the place
            cannot be written to.

    Example:
        >>> export([PhotoCracks(path, measurement)], "coco", Path("cracks.json"))  # doctest: +SKIP
        1
    """
    if format not in _WRITERS:
        raise FissuraError(f"{format}: is no format for cracks; choose {', '.join(EXPORT_FORMATS)}")
    seen: set[str] = set()
    _WRITERS[format](out, _each_once(photos, format, seen))
    return len(seen)


def _each_once(photos: Iterable[PhotoCracks], format: ExportFormat, seen: set[str]) -> Iterator[PhotoCracks]:
    for photo in photos:
        name = photo.stem if format in _WITHOUT_SUFFIX else photo.name
        if name in seen:
            raise FissuraError(f"{name}: two photographs go by this name; rename one, or export them apart")
        seen.add(name)
        yield photo
    if not seen:
        raise FissuraError("export: no photograph given; give at least one")
