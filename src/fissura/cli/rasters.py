"""The verb about rasters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import fissura
from fissura.cli.app import app
from fissura.cli.options import (
    MM_PER_PX_HELP,
    SEVERITY_HELP,
    Engine,
    Glance,
    High,
    Low,
    MinExtentFraction,
    MinExtentPx,
    Model,
    Views,
    argument,
    examples,
    option,
    severity_classes,
)
from fissura.terminal import Verb, notice, progress, say, show_table

SCALE = "Scale: the raster's own, if nothing here; without any, measures are in px"


@app.command(
    "segment-raster",
    cls=Verb,
    epilog=examples(
        "fissura segment-raster quay.tif --out quay",
        "fissura segment-raster quay.tif --out quay --memory 4GiB --resume",
        "fissura segment-raster facade.dzi --out facade --mm-per-px 0.4",
    ),
)
def segment_raster(
    raster: Annotated[Path, argument("GeoTIFF, COG, BigTIFF, or a Deep Zoom picture's .dzi.")],
    out: Annotated[Path, option("Folder for probability.tif, mask.tif, cracks.csv and cracks.gpkg.")],
    model: Model = None,
    memory: Annotated[str, typer.Option(help="The most memory to take, such as 800MiB or 4GiB.")] = "1GiB",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an earlier run with equal settings stopped.")
    ] = False,
    low: Low = None,
    high: High = None,
    min_extent_px: MinExtentPx = None,
    min_extent_fraction: MinExtentFraction = None,
    mm_per_px: Annotated[float | None, option(MM_PER_PX_HELP, SCALE)] = None,
    severity: Annotated[list[str] | None, option(SEVERITY_HELP, SCALE)] = None,
    engine: Engine = "auto",
    glance: Glance = False,
    views: Views = 1,
) -> None:
    """Find and measure the cracks of a raster of any size: an orthomosaic, a scan; maps, a table, a GeoPackage."""
    with progress("Segmenting, then measuring") as advance:
        found = fissura.segment_raster(
            raster,
            out=out,
            model=model,
            memory=memory,
            low=low,
            high=high,
            min_extent_px=min_extent_px,
            min_extent_fraction=min_extent_fraction,
            mm_per_px=mm_per_px,
            severity=severity_classes(severity),
            engine=engine,
            glance=glance,
            views=views,
            resume=resume,
            progress=advance,
        )
    notice(f"engine: {found.engine}")
    length = f"{found.length_px:.0f} px"
    if found.mm_per_px is not None:
        length = f"{found.length_px * found.mm_per_px / 1000:.2f} m"
    scale = "none" if found.mm_per_px is None else f"{found.mm_per_px:.4g} mm per px"
    show_table(["raster", "figure"], [("cracks", found.cracks), ("length", length), ("scale", scale)])
    for file in (found.probability, found.mask, found.table, found.map):
        if file is not None:
            say(f"written: {file}")
    if found.without_outline:
        notice(f"without outline in {found.map}, being too large: {found.without_outline}; give more --memory")
    if found.map is None:
        notice(
            f"{raster}: has no place on the ground, or control points alone (apply them with `gdalwarp`), so there "
            "is no GeoPackage"
        )
