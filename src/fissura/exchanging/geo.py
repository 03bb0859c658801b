"""Cracks on the map, for rasters that know their place on the ground: GeoJSON and GeoPackage.

Each crack gives a centre line (one line per branch) and an outline (the borders of its pixels), with the
columns of `fissura.measuring.crack_table`. Needs the extra ``geo``, which is imported when it is first used.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.exchanging.photo_cracks import PhotoCracks, line_of
from fissura.files import written_whole

if TYPE_CHECKING:
    import geopandas
    from affine import Affine
    from rasterio.crs import CRS

_DEGREE_DIGITS = 11  # a micrometre on the ground; the usual seven would round a crack's width away
_LAYERS = {"centre_lines": "MultiLineString", "outlines": "MultiPolygon"}
_PHOTOS_AT_ONCE = 64  # are written at once: a GeoPackage takes many rows as quickly as one


@dataclass(frozen=True)
class Place:
    """Where a raster lies.

    Attributes:
        transform: from column and row, counted in pixels from the raster's upper left corner, to x and y.
        crs: the reference system of x and y.
    """

    transform: Affine
    crs: CRS


def place_of(photo: PhotoCracks) -> Place:
    """Read where a photograph lies on the ground from its georeferenced raster.

    Raises:
        FissuraError: if the extra ``geo`` is not installed, or the file is no raster with a place and a
            reference system, or not the one that was measured.
    """
    _require_extra()
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.open(photo.photo) as raster:
                place, size = Place(raster.transform, raster.crs), (raster.height, raster.width)
        except RasterioError as error:
            raise FissuraError(f"{photo.photo}: cannot be read as a raster ({error}); give a GeoTIFF") from error
    if not place.crs or place.transform.is_identity:
        raise FissuraError(
            f"{photo.photo}: does not say where it lies on the ground; export GeoTIFFs with a reference system, "
            "or choose another format"
        )
    measured = (photo.measurement.height_px, photo.measurement.width_px)
    if size != measured:
        raise FissuraError(
            f"{photo.photo}: is {size[1]} x {size[0]} px, its measurement {measured[1]} x {measured[0]} px; "
            "measure the raster itself"
        )
    return place


def write_geojson(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Write one GeoJSON collection in WGS84 longitude and latitude, as RFC 7946 has it.

    The property ``part`` tells centre lines from outlines.

    Raises:
        FissuraError: as `place_of`; if a reference system does not lead to longitude and latitude; or if the file
            cannot be written.
    """
    _require_extra()
    separator = "\n"
    with written_whole(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for photo in photos:
            for layer, table in _tables(photo):
                for feature in _features(photo.photo, table.assign(part=layer)):
                    file.write(separator + json.dumps(feature))
                    separator = ",\n"
        file.write("\n]}\n")


def refuse_open(geopackage: Path) -> None:
    """Refuse to replace a GeoPackage that a GIS holds open: its journal would be taken for the new one's.

    Raises:
        FissuraError: if there is a journal beside it.
    """
    for journal in (f"{geopackage}-wal", f"{geopackage}-journal"):
        if Path(journal).exists():
            raise FissuraError(f"{geopackage}: is open in another program; close it there, or delete {journal}")


def write_geopackage(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Write one GeoPackage in the rasters' own reference system, with the layers centre_lines and outlines.

    Raises:
        FissuraError: as `place_of`; if two rasters have different reference systems; if ``out`` does not end
            in ``.gpkg`` or is open in another program; or if the file cannot be written.
    """
    _require_extra()
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    if out.suffix.lower() != ".gpkg":
        raise FissuraError(f"{out}: no program opens a GeoPackage of this name; end it in .gpkg")
    refuse_open(out)
    crs, begun = None, False
    with written_whole(out) as temporary:
        temporary.unlink()  # GDAL makes the file itself, and takes an empty one for a damaged one
        # Unlike a loop, this holds no photograph, and so none of its labels, while the next one is made.
        remaining = map(_with_tables, photos)
        while some := list(islice(remaining, _PHOTOS_AT_ONCE)):
            tables: dict[str, list[geopandas.GeoDataFrame]] = {layer: [] for layer in _LAYERS}
            for photo, by_layer in some:
                for layer, table in by_layer:
                    if crs is not None and table.crs != crs:
                        raise FissuraError(
                            f"{photo}: has another reference system than the rasters before it; export it "
                            "into a file of its own, or choose geojson"
                        )
                    crs = table.crs
                    tables[layer].append(table)
            for layer, kind in _LAYERS.items():
                table = pd.concat(tables[layer])
                try:
                    pyogrio.write_dataframe(
                        table, temporary, layer=layer, driver="GPKG", geometry_type=kind, append=begun
                    )
                except (DataSourceError, DataLayerError) as error:
                    raise FissuraError(
                        f"{out}: cannot be written ({error}); choose another place with --out or free the disk"
                    ) from error
            begun = True


def _require_extra() -> None:
    try:
        for package in ("rasterio", "geopandas", "pyogrio"):
            import_module(package)
    except ImportError as error:
        raise FissuraError(
            f"geographic formats: {error.name} is not installed; run: pip install 'fissura[geo]'"
        ) from error


def _with_tables(photo: PhotoCracks) -> tuple[Path, list[tuple[str, geopandas.GeoDataFrame]]]:
    return photo.photo, list(_tables(photo))


def _tables(photo: PhotoCracks) -> Iterator[tuple[str, geopandas.GeoDataFrame]]:
    """Give a photograph's cracks as one table of centre lines and one of outlines, a row per crack."""
    import geopandas

    place = place_of(photo)
    facts = photo.measurement.table()
    facts.insert(0, "photo", photo.name)
    for layer, shapes in zip(_LAYERS, (_centre_lines(photo, place), _outlines(photo, place)), strict=True):
        yield layer, geopandas.GeoDataFrame(facts, geometry=shapes, crs=place.crs)


def _centre_lines(photo: PhotoCracks, place: Place) -> list[Any]:
    from shapely import MultiLineString

    return [
        MultiLineString([_on_ground(line_of(branch) + 0.5, place) for branch in crack.branches])
        for crack in photo.measurement.cracks
    ]


def _outlines(photo: PhotoCracks, place: Place) -> list[Any]:
    from rasterio import windows
    from rasterio.features import shapes
    from shapely import MultiPolygon
    from shapely.geometry import shape

    labels = photo.measurement.labels
    parts: dict[int, list[Any]] = {crack.number: [] for crack in photo.measurement.cracks}
    here = windows.transform(windows.Window(*photo.labels_at_px, *labels.shape[::-1]), place.transform)
    # With four neighbours, pixels that touch at a corner are polygons that touch: a valid MultiPolygon.
    for polygon, number in shapes(labels, mask=labels > 0, connectivity=4, transform=here):
        parts[int(number)].append(shape(polygon))
    return [MultiPolygon(polygons) for polygons in parts.values()]


def _on_ground(points_px: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
    """Carry (N, 2) columns and rows, counted from the raster's corner, over to x and y."""
    t = place.transform
    points: NDArray[np.float64] = points_px @ np.array([[t.a, t.d], [t.b, t.e]]) + (t.c, t.f)
    return points


def _features(photo: Path, table: geopandas.GeoDataFrame) -> Iterator[dict[str, Any]]:
    import shapely
    from pyproj.exceptions import ProjError

    nowhere = FissuraError(
        f"{photo}: lies in a reference system that does not lead to longitude and latitude, such as a local "
        "one; choose geopackage"
    )
    try:
        lonlat = table.to_crs("OGC:CRS84")
    except ProjError as error:
        raise nowhere from error
    if not np.isfinite(shapely.get_coordinates(lonlat.geometry.array)).all():
        raise nowhere
    rounded = shapely.transform(lonlat.geometry.array, lambda points: points.round(_DEGREE_DIGITS))
    # RFC 7946: outer rings run counter-clockwise.
    lonlat = lonlat.set_geometry(shapely.orient_polygons(rounded, exterior_cw=False), crs=lonlat.crs)
    yield from lonlat.iterfeatures(na="null", drop_id=True)
