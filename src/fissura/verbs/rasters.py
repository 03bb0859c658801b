"""The verb about rasters: maps of cracks in the place of a picture too large for memory, and the cracks measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fissura.errors import FissuraError
from fissura.exchanging import refuse_open, write_csv, write_geopackage
from fissura.files import not_over, owned
from fissura.measuring import DEFAULT_SEVERITY, SeverityClass
from fissura.rasters import MEASURED, Raster, engine_begun_with, free_bytes, memory_bytes, open_raster
from fissura.rasters import segment_raster as segment_to_maps
from fissura.segmenting import EngineName, Segmenter, bundled_model, read_card, runs_at_once
from fissura.verbs.paths import Advance, AnyPath
from fissura.verbs.raster_cracks import measure_raster
from fissura.verbs.scales import Scale

_TILES_AT_ONCE = 2  # one is read or blended while the other keeps the network busy
_LABEL_BYTES = 12  # that drawing one crack's outline takes per pixel of its bounding box
_SQUARE = 1.01  # a pixel's longer side to its shorter one, at most, for both to be one scale


@dataclass(frozen=True)
class SegmentedRaster:
    """What segmenting a raster leaves.

    Attributes:
        probability: the probability map, a COG of 0 to 255 for a probability of 0 to 1.
        mask: the mask, a COG of 255 where there is crack.
        table: ``cracks.csv``, a row per crack.
        map: ``cracks.gpkg``, centre lines and outlines; None of a raster that does not say where it lies.
        cracks: how many cracks there are.
        length_px: of all cracks.
        mm_per_px: the scale used; None without one.
        engine: what ran the network, in which arithmetic, and why.
        without_outline: how many cracks are too large for ``memory`` to draw their outline; the map has their
            centre lines, the mask their pixels.
    """

    probability: Path
    mask: Path
    table: Path
    map: Path | None
    cracks: int
    length_px: float
    mm_per_px: float | None
    engine: str
    without_outline: int


def segment_raster(
    raster: AnyPath,
    *,
    out: AnyPath,
    model: AnyPath | None = None,
    memory: str = "1GiB",
    low: float | None = None,
    high: float | None = None,
    min_extent_px: float | None = None,
    min_extent_fraction: float | None = None,
    mm_per_px: float | None = None,
    severity: Sequence[SeverityClass] = DEFAULT_SEVERITY,
    engine: EngineName | Literal["auto"] = "auto",
    glance: bool = False,
    views: int = 1,
    resume: bool = False,
    progress: Advance | None = None,
) -> SegmentedRaster:
    """Find and measure the cracks of a raster of any size, such as an orthomosaic, in a stated amount of memory.

    Args:
        raster: GeoTIFF, COG, another picture that GDAL opens, or a Deep Zoom picture's ``.dzi``; 8 bits per band.
        out: the folder for ``probability.tif``, ``mask.tif``, ``cracks.csv`` and ``cracks.gpkg``.
        model: the model file; the bundled one if None.
        memory: the most that the process shall take, such as ``"1GiB"``.
        low: probability that a crack pixel must exceed, instead of the model's; see `Cleaning`.
        high: probability that a crack must reach somewhere, instead of the model's.
        min_extent_px: least extent of a crack in px, instead of the model's.
        min_extent_fraction: least extent as a fraction of the raster's shorter side, instead of the model's.
        mm_per_px: the scale; if None, that of the raster's reference system where it has one: see `scale_of`.
        severity: width classes, from the narrowest.
        engine: what runs the network, as in :func:`fissura.segment`; a resumed run keeps to the engine it began with.
        glance: as in :func:`fissura.segment`.
        views: as in :func:`fissura.segment`.
        resume: go on where an earlier run over the same raster with the same settings stopped.
        progress: called with tiles segmented and their total, then with windows measured and their total.

    Raises:
        FissuraError: if the extra ``geo`` is not installed, the raster cannot be read, ``memory`` is too little,
            ``mm_per_px`` is not above 0, the model file cannot be used, or ``out`` has files of somebody else's where
            these go or cannot be written.

    Example:
        >>> fissura.segment_raster("quay.tif", out="quay", memory="2GiB").cracks  # doctest: +SKIP
        412
    """
    path, folder, budget = Path(raster), Path(out), memory_bytes(memory)
    Scale(mm_per_px)  # says what is none before the network runs
    table, gpkg = (folder / name for name in MEASURED)
    for file in (folder / "probability.tif", folder / "mask.tif"):
        not_over(file, [path])
    for file in (table, gpkg):
        if file.exists() and engine_begun_with(folder) is None:
            raise FissuraError(
                f"{file}: is there already, and not from `fissura segment-raster`; choose another --out"
            )
    refuse_open(gpkg)
    file = bundled_model() if model is None else Path(model)
    cleaning = None
    if any(value is not None for value in (low, high, min_extent_px, min_extent_fraction)):
        cleaning = read_card(file).cleaning.changed(
            low=low, high=high, min_extent_px=min_extent_px, min_extent_fraction=min_extent_fraction
        )
    if resume and engine == "auto":
        engine = engine_begun_with(folder) or engine
    at_once = runs_at_once(_TILES_AT_ONCE)
    segmenter = Segmenter(file, cleaning=cleaning, engine=engine, glance=glance, views=views, at_once=at_once)
    with owned(folder):
        maps = segment_to_maps(path, segmenter, folder, budget_bytes=budget, resume=resume, progress=progress)
        ran = segmenter.describe_engine()
        del segmenter  # measuring needs the memory
        with open_raster(path) as picture, open_raster(maps.mask) as mask, open_raster(maps.probability) as chances:
            scale = mm_per_px if mm_per_px is not None else scale_of(picture)
            free = free_bytes(budget)
            found = measure_raster(
                picture, mask, chances, mm_per_px=scale, severity=severity, free_bytes=free, progress=progress
            )
            write_csv(table, [found.table(path, mask.shape)])
            is_placed = bool(picture.dataset.crs) and not picture.dataset.transform.is_identity
            most_px = free / _LABEL_BYTES
            if is_placed:
                write_geopackage(gpkg, found.one_by_one(path, mask, most_px))
    large = sum(piece.box.height * piece.box.width > most_px for piece in found.pieces)
    return SegmentedRaster(
        maps.probability,
        maps.mask,
        table,
        gpkg if is_placed else None,
        len(found.cracks),
        sum(crack.length_px for crack in found.cracks),
        scale,
        ran,
        large if is_placed else 0,
    )


def scale_of(raster: Raster) -> float | None:
    """Tell how many millimetres a raster's pixel covers, from its place on the ground.

    None of a raster without a place or without a projected reference system, of a Mercator map of the world, whose
    metres are none, and of one whose pixels are not square, which cover other millimetres in each direction.
    """
    crs, transform = raster.dataset.crs, raster.dataset.transform
    if transform.is_identity:  # what rasterio gives of a raster that has none
        return None
    # Transverse and oblique Mercator have names that begin otherwise, and true metres along their line.
    if not crs or not crs.is_projected or 'PROJECTION["Mercator' in crs.to_wkt():
        return None
    sides = math.hypot(transform.a, transform.d), math.hypot(transform.b, transform.e)
    if max(sides) > _SQUARE * min(sides):
        return None
    _, metres = crs.linear_units_factor
    return 1000 * float(metres) * math.sqrt(abs(transform.determinant))
