"""Segmenting a raster of any size in a stated amount of memory, going on after a kill where it was.

1. Mean and deviation of the grey levels are taken from at most 64 megapixels: from all of a raster that is no larger,
   else from blocks spread over it by chance, always the same ones. What holds no data does not count.
2. The network runs over the raster from top to bottom, if need be in bands side by side; finished windows of 512 rows
   are written as they come (`Parts`).
3. They are put together to ``probability.tif``.
4. The mask is made from that map window by window (`StreamedPieces`) and put together to ``mask.tif``.

What holds no data is shown to the network as the mean grey, so that its border is no dark edge; it is never crack.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.files import output_folder, written_whole
from fissura.rasters.memory import band_width, cache_bytes, free_bytes
from fissura.rasters.normalising import normaliser_of
from fissura.rasters.pieces import StreamedPieces, levels_for
from fissura.rasters.reading import Raster, open_raster, require_rasterio
from fissura.rasters.windows import Window, windows_of
from fissura.rasters.writing import BLOCK_PX, Parts
from fissura.segmenting.ahead import ahead
from fissura.segmenting.engines import ENGINES, EngineName
from fissura.segmenting.morphology import closed
from fissura.segmenting.normalising import Normaliser
from fissura.segmenting.segmenter import Segmenter
from fissura.segmenting.tiling import Span, grid_of, strips_in_tiles

WINDOW_PX = (2048, 2048)  # of the passes over a map: a few megapixels, whole blocks
_CHUNK_ROWS = 64  # turned into levels at once
_TILE_PIXEL_BYTES = 28  # of a tile in work: its pixels, where it holds data, the network's input and answer
_PLAN, _PARTS = "raster.json", ".parts"
MEASURED = ("cracks.csv", "cracks.gpkg")  # what is made of the maps


@dataclass(frozen=True)
class RasterMaps:
    """What segmenting a raster leaves.

    Attributes:
        probability: a COG of one band, 0 to 255 for a probability of 0 to 1.
        mask: a COG of one band, 255 where there is crack, else 0.
    """

    probability: Path
    mask: Path


def segment_raster(
    path: Path,
    segmenter: Segmenter,
    out: Path,
    *,
    budget_bytes: int = 2**30,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RasterMaps:
    """Segment a raster into a probability map and a mask at its own place and size.

    Args:
        path: the raster; see `open_raster`.
        segmenter: the model at work.
        out: the folder for ``probability.tif``, ``mask.tif`` and ``raster.json``, which tells how they were made.
        budget_bytes: the most memory that the process shall take.
        resume: go on where an earlier run over the same file with the same settings stopped.
        progress: called with tiles done and their total.

    Returns:
        Where the maps are. The mask is that of `Segmenter.segment`, had it been given the whole raster.

    Raises:
        FissuraError: if the raster cannot be read, the budget is too small, or ``out`` cannot be written.

    Example:
        >>> segment_raster(Path("quay.tif"), Segmenter(bundled_model()), Path("quay")).mask  # doctest: +SKIP
        PosixPath('quay/mask.tif')
    """
    maps = RasterMaps(out / "probability.tif", out / "mask.tif")
    with open_raster(path) as raster:
        plan = _begin(raster, segmenter, maps, budget_bytes, resume=resume)
        with require_rasterio().Env(GDAL_CACHEMAX=cache_bytes(raster, plan["band_px"], segmenter.card.tile_px)):
            if not maps.probability.exists():
                _predict(raster, segmenter, plan, maps.probability, progress)
            if not maps.mask.exists():
                _clean(raster, segmenter, maps)
    shutil.rmtree(out / _PARTS, ignore_errors=True)
    return maps


def _begin(raster: Raster, segmenter: Segmenter, maps: RasterMaps, budget: int, *, resume: bool) -> dict[str, Any]:
    """Give the plan of the run that is to be gone on with, or make a new one and clear what is in its way."""
    folder = output_folder(maps.mask.parent)
    made_with = {
        "raster": str(raster.path.absolute()),
        "files": raster.fingerprint(),
        "settings": segmenter.identity,
        "engine": segmenter.engine.name,
    }
    earlier = _read_plan(folder / _PLAN)
    if resume and made_with.items() <= earlier.items():
        # With as much memory as before nothing is asked, for what the process takes besides varies.
        if not maps.probability.exists() and budget < earlier.get("budget_bytes", 0):
            fitting_px = _band_px(raster, segmenter, budget)
            if fitting_px < earlier["band_px"]:
                raise FissuraError(
                    f"{folder / _PLAN}: was begun with more memory, in bands of {earlier['band_px']} px, of which "
                    f"{fitting_px} px fit now; give as much as before, or begin anew without --resume"
                )
        return earlier
    for map_file in (maps.probability, maps.mask):
        if map_file.exists() and not earlier:
            raise FissuraError(
                f"{map_file}: is there already, and not from `fissura segment-raster`; choose another --out"
            )
    card = segmenter.card
    normaliser = normaliser_of(raster, card.normalisation)
    plan = {
        **made_with,
        "mean": normaliser.mean,
        "std": normaliser.std,
        "budget_bytes": budget,
        "band_px": _band_px(raster, segmenter, budget),
        "model": card.model_dump(mode="json"),
        "cleaning": segmenter.cleaning.model_dump(),
        "seeing": segmenter.seeing,
    }
    # What an earlier run measured would lie beside the new maps until this one has measured, the GeoPackage for good.
    for stale in (maps.probability, maps.mask, *(folder / name for name in MEASURED if earlier)):
        stale.unlink(missing_ok=True)
    shutil.rmtree(folder / _PARTS, ignore_errors=True)
    with written_whole(folder / _PLAN) as temporary:
        temporary.write_text(json.dumps(plan, indent=1), "utf-8")
    return plan


def _band_px(raster: Raster, segmenter: Segmenter, budget: int) -> int:
    side, at_once = segmenter.card.tile_px, segmenter.engine.at_once
    segmenter.warm_up()  # what the network takes is not free
    free = free_bytes(budget) - (at_once + 1) * _TILE_PIXEL_BYTES * side**2
    return band_width(raster, side, free)


def engine_begun_with(out: Path) -> EngineName | None:
    """Tell which engine an earlier run into the folder ``out`` began with; None if there was none."""
    name = _read_plan(out / _PLAN).get("engine")
    return next((engine for engine in ENGINES if engine == name), None)


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        plan = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return plan if isinstance(plan, dict) and "band_px" in plan else {}


def _predict(
    raster: Raster, segmenter: Segmenter, plan: dict[str, Any], out: Path, progress: Callable[[int, int], None] | None
) -> None:
    card, (height, width) = segmenter.card, raster.shape
    normaliser = Normaliser(card.normalisation, plan["mean"], plan["std"])
    grid = grid_of(height, width, card.tile_px, card.overlap_px, card.multiple_px)
    bands = [slice(left, min(left + plan["band_px"], width)) for left in range(0, width, plan["band_px"])]
    total = sum(_tiles(grid, band, 0) for band in bands)
    parts = Parts(out.parent / _PARTS / "probability", raster)
    done = 0

    def advance(tiles: int = 1) -> None:
        nonlocal done
        done += tiles
        if progress is not None:
            progress(done, total)

    def read(rows: slice, columns: slice) -> NDArray[np.uint8] | None:
        window = Window(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
        holds_data = raster.holds_data(window)
        if not holds_data.any():
            return None
        photo = raster.read(window)
        if not holds_data.all():
            photo[~holds_data] = round(normaliser.mean)
        return photo

    windows: list[Window] = []
    for band in bands:
        of_band = [
            Window(top, band.start, min(BLOCK_PX, height - top), band.stop - band.start)
            for top in range(0, height, BLOCK_PX)
        ]
        windows += of_band
        first = next((index for index, window in enumerate(of_band) if not parts.has(window)), len(of_band))
        if first == len(of_band):
            advance(_tiles(grid, band, 0))
            continue
        advance(_tiles(grid, band, 0) - _tiles(grid, band, of_band[first].top))
        strips = strips_in_tiles(
            grid,
            read,
            lambda tile: segmenter.probability_of_tile(tile, normaliser),
            multiple_px=card.multiple_px,
            band=band,
            first_row=of_band[first].top,
            at_once=segmenter.engine.at_once,
            advance=advance,
        )
        levels = (
            levels_for(strip[row : row + _CHUNK_ROWS], segmenter.cleaning)
            for _, strip in strips
            for row in range(0, len(strip), _CHUNK_ROWS)
        )
        finished = _windows_from(levels, of_band[first:])
        # One is written while the next comes about: else the network would wait.
        for _ in ahead(lambda of: parts.write(*of, raster.holds_data(of[0])), finished, workers=1, waiting=1):
            pass
    parts.join(out, windows)


def _windows_from(
    chunks: Iterator[NDArray[np.uint8]], windows: list[Window]
) -> Iterator[tuple[Window, NDArray[np.uint8]]]:
    """Cut chunks of rows, which come from top to bottom, to windows that lie below each other."""
    waiting: list[NDArray[np.uint8]] = []
    rows = 0
    for window in windows:
        while rows < window.height:
            waiting.append(next(chunks))
            rows += len(waiting[-1])
        values = np.concatenate(waiting)
        waiting, rows = [values[window.height :].copy()], rows - window.height
        yield window, values[: window.height]


def _tiles(grid: tuple[list[Span], list[Span]], band: slice, first_row: int) -> int:
    """Count the tiles that reach into a band and below ``first_row``."""
    rows = [row for row in grid[0] if row.stop > first_row]
    columns = [column for column in grid[1] if column.start < band.stop and column.stop > band.start]
    return len(rows) * len(columns)


def _clean(raster: Raster, segmenter: Segmenter, maps: RasterMaps) -> None:
    windows, cleaning = list(windows_of(*raster.shape, WINDOW_PX)), segmenter.cleaning
    folder = maps.mask.parent / _PARTS
    parts = Parts(folder / "mask", raster)
    with open_raster(maps.probability) as probability:

        def draw(parts: Parts, found: StreamedPieces) -> None:
            for window, labels in found.labels():
                parts.write(window, (labels > 0) * np.uint8(255), probability.holds_data(window))

        draw(parts, StreamedPieces(raster.shape, probability.read_band, cleaning, WINDOW_PX))
        if (radius_px := cleaning.closing_px) > 0:
            with_gaps, parts = parts, Parts(folder / "closed", raster)
            with with_gaps.opened(windows) as gaps:
                for window in windows:
                    seen = window.grown(2 * radius_px, *raster.shape)
                    mask = closed(gaps.read_band(seen) > 0, radius_px)[window.within(seen)]
                    parts.write(window, mask * np.uint8(255), probability.holds_data(window))
        if cleaning.flank_share > 0:
            with_specks, parts = parts, Parts(folder / "staying", raster)
            with with_specks.opened(windows) as specks:

                def read(window: Window) -> NDArray[np.uint8]:
                    return np.where(specks.read_band(window) > 0, np.maximum(probability.read_band(window), 1), 0)

                draw(parts, StreamedPieces(raster.shape, read, cleaning, WINDOW_PX, parts=True))
    parts.join(maps.mask, windows)
