"""Cracks on the map: GDAL and GeoPandas find them where the raster says they are."""

from __future__ import annotations

import json
import sqlite3
import sys
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
from pyogrio.errors import DataLayerError
from pyproj import Geod, Transformer
from rasterio.transform import Affine, from_origin
from shapely.geometry import shape

from fissura.errors import FissuraError
from fissura.exchanging import PhotoCracks, export, write_geopackage
from small_cracks import measured

UTM = "EPSG:32632"  # metres, zone 32 north
EAST, NORTH, PIXEL_M = 691_000.0, 5_334_000.0, 0.01
GRID = from_origin(EAST, NORTH, PIXEL_M, PIXEL_M)
TURNED = Affine.translation(EAST, NORTH) @ Affine.rotation(30) @ Affine.scale(PIXEL_M, -PIXEL_M)


def raster(path: Path, mask: np.ndarray, transform: Affine | None = GRID, crs: str | None = UTM) -> PhotoCracks:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "height": mask.shape[0], "width": mask.shape[1], "count": 1, "dtype": "uint8"}
    if transform is not None:
        profile["transform"] = transform
    with rasterio.open(path, "w", crs=crs, **profile) as file:
        file.write(np.zeros(mask.shape, np.uint8), 1)
    return PhotoCracks(path, measured(mask, mm_per_px=PIXEL_M * 1000))


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((60, 100), bool)
    mask[20, 10:90] = True
    mask[range(30, 50), range(40, 60)] = True  # joined by corners
    mask[55, 5] = True
    return mask


def test_a_geopackage_has_lines_and_outlines_in_the_rasters_own_system(tmp_path: Path, mask: np.ndarray) -> None:
    photos = [raster(tmp_path / "a.tif", mask), raster(tmp_path / "b.tif", np.eye(20, dtype=bool))]
    assert export(photos, "geopackage", tmp_path / "cracks.gpkg") == 2
    assert dict(pyogrio.list_layers(tmp_path / "cracks.gpkg")) == {
        "centre_lines": "MultiLineString",
        "outlines": "MultiPolygon",
    }
    lines = geopandas.read_file(tmp_path / "cracks.gpkg", layer="centre_lines")
    outlines = geopandas.read_file(tmp_path / "cracks.gpkg", layer="outlines")
    assert lines.crs == outlines.crs == UTM
    assert list(lines["photo"]) == list(outlines["photo"]) == ["a.tif"] * 3 + ["b.tif"]
    # The first crack: row 20, columns 10 to 89, drawn between those pixels' centres.
    expected = [(EAST + 10.5 * PIXEL_M, NORTH - 20.5 * PIXEL_M), (EAST + 89.5 * PIXEL_M, NORTH - 20.5 * PIXEL_M)]
    np.testing.assert_allclose(list(lines.geometry[0].geoms[0].coords), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(lines.length * 1000, lines["length_mm"], rtol=1e-9)
    assert outlines.is_valid.all()
    np.testing.assert_allclose(outlines.area * 1e6, outlines["area_mm2"], rtol=1e-6)
    left, bottom, right, top = outlines.geometry[0].bounds
    np.testing.assert_allclose(
        (left - EAST, NORTH - top, right - EAST, NORTH - bottom), (0.1, 0.2, 0.9, 0.21), atol=1e-6
    )


def test_a_geopackage_holds_the_labels_of_one_photograph_at_a_time(tmp_path: Path, mask: np.ndarray) -> None:
    held: list[weakref.ref[np.ndarray]] = []

    def made(name: str) -> PhotoCracks:
        photo = raster(tmp_path / name, mask)
        held.append(weakref.ref(photo.measurement.labels))
        return photo

    def photos() -> Iterator[PhotoCracks]:
        for number in range(3):
            assert [labels for labels in held if labels() is not None] == []
            yield made(f"{number}.tif")

    write_geopackage(tmp_path / "cracks.gpkg", photos())
    assert len(geopandas.read_file(tmp_path / "cracks.gpkg", layer="outlines")) == 9


def test_a_turned_raster_is_followed(tmp_path: Path, mask: np.ndarray) -> None:
    export([raster(tmp_path / "a.tif", mask, TURNED)], "geopackage", tmp_path / "cracks.gpkg")
    lines = geopandas.read_file(tmp_path / "cracks.gpkg", layer="centre_lines")
    with rasterio.open(tmp_path / "a.tif") as file:
        expected = [file.xy(20, 10), file.xy(20, 89)]
    np.testing.assert_allclose(list(lines.geometry[0].geoms[0].coords), expected, rtol=0, atol=1e-6)
    outlines = geopandas.read_file(tmp_path / "cracks.gpkg", layer="outlines")
    assert outlines.buffer(PIXEL_M / 100).contains(lines.geometry).all()


def test_geojson_is_longitude_and_latitude_as_rfc_7946_has_it(tmp_path: Path, mask: np.ndarray) -> None:
    export([raster(tmp_path / "a.tif", mask)], "geojson", tmp_path / "cracks.geojson")
    content = json.loads((tmp_path / "cracks.geojson").read_text())
    assert set(content) == {"type", "features"}  # RFC 7946 knows no crs member
    lines = [one for one in content["features"] if one["properties"]["part"] == "centre_lines"]
    assert [one["geometry"]["type"] for one in lines] == ["MultiLineString"] * 3
    ((start, end),) = lines[0]["geometry"]["coordinates"]
    expected = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(
        EAST + 10.5 * PIXEL_M, NORTH - 20.5 * PIXEL_M
    )
    np.testing.assert_allclose(start, expected, rtol=0, atol=1e-9)
    assert 11 < start[0] < 12  # Munich, longitude first
    assert 48 < start[1] < 49
    _, _, metres = Geod(ellps="WGS84").inv(*start, *end)
    assert metres == pytest.approx(0.79, rel=2e-3)  # the map's own scale is 0.9996 at best
    for one in content["features"]:
        if one["properties"]["part"] == "outlines":
            assert all(polygon.exterior.is_ccw for polygon in shape(one["geometry"]).geoms)
    frame = geopandas.read_file(tmp_path / "cracks.geojson")  # GDAL's reader
    assert frame.crs == "EPSG:4326"
    assert len(frame) == 6
    assert list(frame["severity"]) == ["wide"] * 6
    assert list(frame["length_mm"][:3]) == list(frame["length_mm"][3:])


def test_what_is_not_known_is_null(tmp_path: Path, mask: np.ndarray) -> None:
    photo = PhotoCracks(raster(tmp_path / "a.tif", mask).photo, measured(mask))
    export([photo], "geojson", tmp_path / "cracks.geojson")
    export([photo], "geopackage", tmp_path / "cracks.gpkg")
    content = json.loads((tmp_path / "cracks.geojson").read_text(), parse_constant=pytest.fail)
    assert {one["properties"]["length_mm"] for one in content["features"]} == {None}
    assert geopandas.read_file(tmp_path / "cracks.gpkg", layer="outlines")["length_mm"].isna().all()


def test_photographs_without_cracks_give_empty_layers(tmp_path: Path) -> None:
    clean = raster(tmp_path / "a.tif", np.zeros((5, 6), bool))
    export([clean], "geojson", tmp_path / "cracks.geojson")
    assert json.loads((tmp_path / "cracks.geojson").read_text())["features"] == []
    export([clean, raster(tmp_path / "b.tif", np.eye(5, dtype=bool))], "geopackage", tmp_path / "cracks.gpkg")
    assert len(geopandas.read_file(tmp_path / "cracks.gpkg", layer="outlines")) == 1


def test_rasters_of_two_systems_go_into_geojson_but_not_into_one_geopackage(tmp_path: Path, mask: np.ndarray) -> None:
    other = from_origin(11.5, 48.1, 1e-7, 1e-7)
    photos = [raster(tmp_path / "a.tif", mask), raster(tmp_path / "b.tif", mask, other, "EPSG:4326")]
    with pytest.raises(FissuraError, match=r"b\.tif: has another reference system"):
        export(photos, "geopackage", tmp_path / "cracks.gpkg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.tif"]
    export(photos, "geojson", tmp_path / "cracks.geojson")
    frame = geopandas.read_file(tmp_path / "cracks.geojson")
    assert frame.total_bounds[0] == pytest.approx(11.5, abs=0.1)


@pytest.mark.parametrize("cracked", [True, False])
def test_a_local_system_goes_into_a_geopackage_alone(tmp_path: Path, mask: np.ndarray, cracked: bool) -> None:
    photo = raster(tmp_path / "site.tif", mask & cracked, crs='LOCAL_CS["Site grid",UNIT["metre",1]]')
    with pytest.raises(FissuraError, match=r"site\.tif: lies in a reference system .* local one; choose geopackage"):
        export([photo], "geojson", tmp_path / "cracks.geojson")
    assert not (tmp_path / "cracks.geojson").exists()
    export([photo], "geopackage", tmp_path / "cracks.gpkg")
    outlines = geopandas.read_file(tmp_path / "cracks.gpkg", layer="outlines")
    assert len(outlines) == 3 * cracked


def test_what_lies_nowhere_on_earth_is_refused(tmp_path: Path, mask: np.ndarray) -> None:
    photo = raster(tmp_path / "far.tif", mask, from_origin(1e9, 1e9, 1, 1))
    with pytest.raises(FissuraError, match=r"far\.tif: .* does not lead to longitude and latitude"):
        export([photo], "geojson", tmp_path / "cracks.geojson")
    assert not (tmp_path / "cracks.geojson").exists()


def test_outlines_of_the_finest_pixels_are_valid(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((60, 80)) < 0.6
    export(
        [raster(tmp_path / "a.tif", mask, from_origin(EAST, NORTH, 1e-4, 1e-4))], "geojson", tmp_path / "a.geojson"
    )
    frame = geopandas.read_file(tmp_path / "a.geojson")
    assert frame.is_valid.all()


def test_a_full_disk_is_told_of_a_geopackage(
    tmp_path: Path, mask: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> NoReturn:
        raise DataLayerError("disk I/O error")

    monkeypatch.setattr(pyogrio, "write_dataframe", full)
    with pytest.raises(FissuraError, match=r"cracks\.gpkg: cannot be written \(disk I/O error\); .* free the disk"):
        export([raster(tmp_path / "a.tif", mask)], "geopackage", tmp_path / "cracks.gpkg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_geopackage_that_is_open_in_another_program_is_not_replaced(tmp_path: Path, mask: np.ndarray) -> None:
    photo, out = raster(tmp_path / "a.tif", mask), tmp_path / "cracks.gpkg"
    export([photo], "geopackage", out)
    with closing(sqlite3.connect(out)) as other_program:
        other_program.execute("PRAGMA journal_mode = WAL")
        other_program.execute("UPDATE gpkg_contents SET description = 'mine'")
        other_program.commit()
        with pytest.raises(FissuraError, match=r"cracks\.gpkg: is open in another program; close it there"):
            export([photo], "geopackage", out)
    export([photo], "geopackage", out)


@pytest.mark.parametrize("format", ["geojson", "geopackage"])
def test_photographs_without_a_place_are_refused(tmp_path: Path, mask: np.ndarray, format: str) -> None:
    plain = raster(tmp_path / "plain.tif", mask, None, None)
    unnamed = raster(tmp_path / "unnamed.tif", mask, GRID, None)
    other = PhotoCracks(raster(tmp_path / "other.tif", mask).photo, measured(mask[:10]))
    damaged = PhotoCracks(tmp_path / "damaged.tif", measured(mask))
    damaged.photo.write_bytes(b"II*\0 no raster")
    missing = PhotoCracks(tmp_path / "missing.tif", measured(mask))
    for photo, message in (
        (plain, r"plain\.tif: does not say where it lies"),
        (unnamed, r"unnamed\.tif: does not say where it lies"),
        (other, "is 100 x 60 px, its measurement 100 x 10 px"),
        (damaged, r"damaged\.tif: cannot be read as a raster"),
        (missing, r"missing\.tif: cannot be read as a raster"),
    ):
        with pytest.raises(FissuraError, match=message):
            export([photo], format, tmp_path / "out/cracks.gpkg")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("format", ["geojson", "geopackage"])
def test_without_the_extra_the_mend_is_told(
    tmp_path: Path, mask: np.ndarray, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = raster(tmp_path / "a.tif", mask)
    monkeypatch.setitem(sys.modules, "geopandas", None)
    with pytest.raises(FissuraError, match=r"geopandas is not installed; run: pip install 'fissura\[geo\]'"):
        export([photo], format, tmp_path / "cracks.gpkg")


def test_a_geopackage_must_be_called_one(tmp_path: Path, mask: np.ndarray) -> None:
    with pytest.raises(FissuraError, match=r"end it in \.gpkg"):
        export([raster(tmp_path / "a.tif", mask)], "geopackage", tmp_path / "cracks.gpk")
