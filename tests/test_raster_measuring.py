"""Cracks of a raster, measured window by window, are those of the photograph measured at once."""

from __future__ import annotations

import math
import weakref
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import Affine, from_origin
from typer.testing import CliRunner

import fissura
from fissura.cli import app
from fissura.errors import FissuraError
from fissura.files import owned
from fissura.measuring import DEFAULT_SEVERITY, Crack, measure
from fissura.rasters import open_raster
from fissura.segmenting import Cleaning
from fissura.verbs.raster_cracks import RasterCracks, measure_raster
from fissura.verbs.rasters import SegmentedRaster, scale_of
from model_files import CARD, network, write_model

UTM = "EPSG:32632"
EAST, NORTH, PIXEL_M = 691_000.0, 5_334_000.0, 0.002
GRID = from_origin(EAST, NORTH, PIXEL_M, PIXEL_M)
SHAPE = (1300, 1700)


def cracked() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a photograph, its mask and its probability map: long cracks, a fork, a ring, short ones, a dot."""
    rows, columns = np.indices(SHAPE, sparse=True)
    distance = np.full(SHAPE, np.inf)
    long = np.abs(rows - 250 - 0.45 * columns - 20 * np.sin(columns / 60)) / math.hypot(1, 0.45)
    distance = np.minimum(distance, np.where((columns > 40) & (columns < 1650), long - 2.5, np.inf))
    fork = np.abs(columns - 900 + 0.3 * (rows - 100)) / math.hypot(1, 0.3)
    distance = np.minimum(distance, np.where((rows > 100) & (rows < 1200), fork - 1.8, np.inf))
    ring = np.abs(np.hypot(rows - 1000, columns - 350) - 180)
    distance = np.minimum(distance, ring - 2.0)
    for row, column, length in ((505, 200, 60), (700, 1500, 90), (30, 30, 12), (1030, 1020, 40), (100, 1023, 30)):
        short = np.abs(rows - row - 0.2 * (columns - column))
        distance = np.minimum(distance, np.where(np.abs(columns - column) < length / 2, short - 1.5, np.inf))
    probability = (0.5 - 0.5 * np.tanh(1.5 * distance)).astype(np.float32)
    rng = np.random.default_rng(3)
    photo = rng.normal(150, 4, (*SHAPE, 3)) * (1 - 0.6 * probability[:, :, None])
    return photo.clip(0, 255).astype(np.uint8), probability > 0.5, probability


def write(path: Path, bands: np.ndarray, **options: object) -> Path:
    bands = bands[None] if bands.ndim == 2 else bands.transpose(2, 0, 1)
    profile = {"driver": "GTiff", "count": len(bands), "height": bands.shape[1], "width": bands.shape[2]}
    with rasterio.open(path, "w", dtype="uint8", **{"crs": UTM, "transform": GRID, **profile, **options}) as file:
        file.write(bands.astype(np.uint8))
    return path


@pytest.fixture(scope="module")
def in_windows(tmp_path_factory: pytest.TempPathFactory) -> tuple[RasterCracks, pd.DataFrame, pd.DataFrame]:
    """Measure in windows of 512 px and at once; give both tables, ordered by place."""
    folder = tmp_path_factory.mktemp("raster")
    photo, mask, probability = cracked()
    levels = np.rint(probability * 255)
    with (
        open_raster(write(folder / "photo.tif", photo)) as raster,
        open_raster(write(folder / "mask.tif", mask * 255)) as mask_raster,
        open_raster(write(folder / "probability.tif", levels)) as chances,
    ):
        found = measure_raster(
            raster, mask_raster, chances, mm_per_px=0.2, severity=DEFAULT_SEVERITY, free_bytes=2**20
        )
        tables = found.table(folder / "photo.tif", SHAPE).measurement.table()
    at_once = measure(mask, levels.astype(np.float32) / 255, photo, 0.2).table()
    by_place = ["box_y_px", "box_x_px"]
    return found, tables.sort_values(by_place, ignore_index=True), at_once.sort_values(by_place, ignore_index=True)


def test_what_crosses_windows_is_one_crack(in_windows: tuple[RasterCracks, pd.DataFrame, pd.DataFrame]) -> None:
    found, windowed, at_once = in_windows
    assert len(windowed) == len(at_once) == 7
    same = ["area_px", "box_x_px", "box_y_px", "box_width_px", "box_height_px", "pattern", "severity"]
    pd.testing.assert_frame_equal(windowed[same], at_once[same])
    counts = ["branch_count", "junction_count", "number"]
    pd.testing.assert_frame_equal(windowed[counts], at_once[counts])
    np.testing.assert_allclose(windowed["confidence"], at_once["confidence"], rtol=1e-6)
    np.testing.assert_allclose(windowed["length_px"], at_once["length_px"], rtol=0.002)
    np.testing.assert_allclose(windowed["width_mean_mm"], at_once["width_mean_mm"], rtol=0.02)
    np.testing.assert_allclose(windowed["width_p95_px"], at_once["width_p95_px"], rtol=0.05)
    turned = (windowed["orientation_deg"] - at_once["orientation_deg"] + 90) % 180 - 90
    has_direction = at_once["box_width_px"] != at_once["box_height_px"]  # the ring has none
    assert turned[has_direction].abs().max() < 2
    assert [crack.number for crack in found.cracks] == list(range(1, 8))


def test_a_short_crack_is_measured_to_the_last_digit(
    in_windows: tuple[RasterCracks, pd.DataFrame, pd.DataFrame],
) -> None:
    _, windowed, at_once = in_windows
    short = at_once["length_px"] < 100  # two of them cross sides of windows
    assert short.sum() >= 4
    pd.testing.assert_frame_equal(windowed[short], at_once[short], rtol=1e-9)


def _measured_in_windows(
    folder: Path, photo: np.ndarray, probability: np.ndarray, free_bytes: int, nodata: int | None = None
) -> Crack:
    """Measure the one crack of a raster."""
    with (
        open_raster(write(folder / "photo.tif", photo, nodata=nodata)) as raster,
        open_raster(write(folder / "mask.tif", (probability > 0.5) * 255)) as mask,
        open_raster(write(folder / "probability.tif", np.rint(probability * 255))) as chances,
    ):
        cracks = measure_raster(
            raster, mask, chances, mm_per_px=None, severity=DEFAULT_SEVERITY, free_bytes=free_bytes
        ).cracks
    assert len(cracks) == 1
    return cracks[0]


def test_a_piece_broader_than_the_margin_is_measured_as_a_whole_where_memory_allows(tmp_path: Path) -> None:
    probability = np.zeros((1000, 1000), np.float32)
    probability[350:650, 350:650] = 1
    photo = np.repeat(150 - 120 * probability[:, :, None], 3, axis=2).astype(np.uint8)
    at_once = measure(probability > 0.5, probability, photo).cracks[0]
    in_windows = _measured_in_windows(tmp_path, photo, probability, 2**25)  # windows of 512 px
    assert at_once.length_px == pytest.approx(300, rel=0.02)
    assert in_windows.length_px == pytest.approx(at_once.length_px)
    assert in_windows.width_max_px == pytest.approx(at_once.width_max_px)


def test_widths_beside_missing_data_are_those_of_the_crack(tmp_path: Path) -> None:
    distance = np.abs(np.arange(200) - 100)[:, None] + np.zeros(200)
    probability = 0.5 - 0.5 * np.tanh(1.5 * (distance - 2.5))
    grey = np.random.default_rng(0).normal(150, 4, (200, 200)) * (1 - 0.6 * probability)
    grey[106:] = 255
    photo = np.repeat(grey[:, :, None], 3, axis=2)
    crack = _measured_in_windows(tmp_path, photo, probability, 2**25, nodata=255)
    assert crack.width_mean_px == pytest.approx(5, abs=0.15)


@pytest.mark.parametrize("journal", ["wal", "journal"])
def test_a_geopackage_that_is_open_in_another_program_is_refused_before_the_network_runs(
    journal: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "quay.tif", np.full((300, 400, 3), 150))
    (tmp_path / "out").mkdir()
    (tmp_path / f"out/cracks.gpkg-{journal}").touch()
    with pytest.raises(FissuraError, match=r"cracks\.gpkg: is open in another program; close it there"):
        _segment(tmp_path, path)
    assert not (tmp_path / "out/mask.tif").exists()


def _segment(tmp_path: Path, path: Path, **options: object) -> SegmentedRaster:
    cleaning = Cleaning(low=0.3, high=0.9, min_extent_px=40, min_extent_fraction=0.5)
    card = CARD.model_copy(update={"cleaning": cleaning, "tile_px": 512, "overlap_px": 48})
    model = write_model(tmp_path / "model.onnx", network(gain=-6.0, bias=-6.0, kernel_px=3), card)
    return fissura.segment_raster(
        path, model=model, out=tmp_path / "out", engine="onnxruntime", memory="8GiB", **options
    )


def test_two_runs_over_rasters_never_mix_their_maps(tmp_path: Path) -> None:
    path = write(tmp_path / "quay.tif", np.zeros((64, 64, 3), np.uint8))
    with owned(tmp_path / "out"), pytest.raises(FissuraError, match="another run writes here"):
        _segment(tmp_path, path)


def test_a_raster_becomes_maps_a_table_and_a_geopackage(tmp_path: Path) -> None:
    photo, mask, _ = cracked()
    path = write(tmp_path / "quay.tif", photo, tiled=True)
    done = _segment(tmp_path, path)
    table = pd.read_csv(done.table)
    assert set(table["photo"]) == {"quay.tif"}
    assert len(table) == done.cracks > 2
    assert table["mm_per_px"].unique() == pytest.approx([PIXEL_M * 1000])
    assert table["length_px"].is_monotonic_decreasing
    found = rasterio.open(done.mask).read(1) > 0
    assert (found & mask).sum() / mask.sum() > 0.9
    assert table["area_px"].sum() == found.sum()
    lines = geopandas.read_file(done.map, layer="centre_lines")
    outlines = geopandas.read_file(done.map, layer="outlines")
    assert lines.crs == outlines.crs == UTM
    assert outlines.geometry.is_valid.all()
    np.testing.assert_allclose(outlines.area / PIXEL_M**2, table["area_px"], rtol=1e-6)
    np.testing.assert_allclose(lines.length / PIXEL_M, table["length_px"], rtol=1e-3)
    burned = rasterio.features.rasterize(outlines.geometry, out_shape=SHAPE, transform=GRID)
    np.testing.assert_array_equal(burned > 0, found)
    assert done.without_outline == 0


def test_cracks_are_given_one_by_one_and_not_held(
    in_windows: tuple[RasterCracks, pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    found, (_, mask, _) = in_windows[0], cracked()
    with open_raster(write(tmp_path / "mask.tif", mask * 255)) as mask_raster:
        each = found.one_by_one(tmp_path / "quay.tif", mask_raster, math.inf)
        for crack in found.cracks:
            labels = weakref.ref(next(each).measurement.labels)
            assert labels() is None, crack.number


def test_a_raster_without_a_place_has_no_map_nor_that_of_an_earlier_one(tmp_path: Path) -> None:
    photo, _, _ = cracked()
    assert _segment(tmp_path, write(tmp_path / "quay.tif", photo[:300, :300])).map is not None
    path = write(tmp_path / "wall.tif", photo[:600, :600], crs=None, transform=rasterio.Affine.identity())
    done = _segment(tmp_path, path, mm_per_px=0.5)
    assert done.map is None
    assert done.mm_per_px == 0.5
    assert not (tmp_path / "out" / "cracks.gpkg").exists()


def test_a_raster_without_cracks_has_an_empty_map_in_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/raster.json").write_text('{"engine": "onnxruntime", "band_px": 512}')
    (tmp_path / "out/cracks.gpkg").write_bytes(b"of another raster")
    done = _segment(tmp_path, write(tmp_path / "quay.tif", np.full((300, 400, 3), 150)))
    assert (done.cracks, done.length_px) == (0, 0)
    assert len(pd.read_csv(done.table)) == 0
    for layer in ("centre_lines", "outlines"):
        frame = geopandas.read_file(done.map, layer=layer)
        assert len(frame) == 0
        assert frame.crs == UTM
        assert "length_px" in frame


@pytest.mark.parametrize("mm_per_px", [0, -1, math.nan, 1e300])
def test_a_scale_that_is_none_is_refused_before_the_network_runs(mm_per_px: float, tmp_path: Path) -> None:
    path = write(tmp_path / "quay.tif", np.full((300, 400, 3), 150))
    with pytest.raises(FissuraError, match="mm per px is none; give a number from 1e-06"):
        _segment(tmp_path, path, mm_per_px=mm_per_px)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("crs", "expected"),
    [
        (UTM, 2.0),
        ("EPSG:32632+5773", 2.0),  # with heights
        ("EPSG:21781", 2.0),  # oblique Mercator
        ("EPSG:2263", 2.0 * 0.3048006096),
        ("EPSG:4326", None),
        *((f"EPSG:{mercator}", None) for mercator in (3857, 900913, 3395)),
    ],
)
def test_the_scale_comes_from_the_reference_system(crs: str, expected: float | None, tmp_path: Path) -> None:
    with open_raster(write(tmp_path / "a.tif", np.zeros((4, 4)), crs=crs)) as raster:
        assert scale_of(raster) == (None if expected is None else pytest.approx(expected))


def test_a_reference_system_without_a_place_in_it_is_no_scale(tmp_path: Path) -> None:
    with open_raster(write(tmp_path / "a.tif", np.zeros((4, 4)), transform=Affine.identity())) as raster:
        assert scale_of(raster) is None


@pytest.mark.parametrize(("height_m", "expected"), [(0.002, 2.0), (0.00201, 2.005), (0.0021, None), (0.0005, None)])
def test_pixels_that_are_not_square_are_no_scale(height_m: float, expected: float | None, tmp_path: Path) -> None:
    turned = Affine.translation(EAST, NORTH) @ Affine.rotation(30) @ Affine.scale(PIXEL_M, -height_m)
    with open_raster(write(tmp_path / "a.tif", np.zeros((4, 4)), transform=turned)) as raster:
        assert scale_of(raster) == (None if expected is None else pytest.approx(expected, rel=1e-4))


def test_neither_the_raster_nor_a_map_of_ones_own_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    path = write(tmp_path / "out/mask.tif", np.full((64, 64), 150, np.uint8))
    with pytest.raises(FissuraError, match=r"mask\.tif: is read here and would be written over"):
        _segment(tmp_path, path)
    path = path.rename(tmp_path / "quay.tif")
    (tmp_path / "out/cracks.gpkg").write_bytes(b"drawn by hand")
    with pytest.raises(FissuraError, match=r"cracks\.gpkg: is there already, and not from `fissura segment-raster`"):
        _segment(tmp_path, path)
    assert (tmp_path / "out/cracks.gpkg").read_bytes() == b"drawn by hand"


def test_the_command_segments_a_raster_and_says_where_all_is(tmp_path: Path) -> None:
    photo, _, _ = cracked()
    path = write(tmp_path / "quay.tif", photo[:700, :900], tiled=True)
    model = write_model(tmp_path / "model.onnx", network(gain=-6.0, bias=-6.0, kernel_px=3))
    words = ["segment-raster", path, "--model", model, "--out", tmp_path / "out", "--engine", "onnxruntime"]
    words += ["--memory", "8GiB"]  # for the tests before have filled it
    result = CliRunner().invoke(app, [str(word) for word in words], prog_name="fissura")
    assert result.exit_code == 0, result.stderr
    facts = dict(line.split("\t") for line in result.stdout.splitlines() if "\t" in line)
    assert facts["scale"] == "2 mm per px"
    assert facts["length"].endswith(" m")
    written = [line.removeprefix("written: ") for line in result.stdout.splitlines() if line.startswith("written")]
    assert [Path(name).name for name in written] == ["probability.tif", "mask.tif", "cracks.csv", "cracks.gpkg"]
    assert all(Path(name).is_file() for name in written)
    refused = CliRunner().invoke(app, [str(word) for word in [*words, "--memory", "much"]], prog_name="fissura")
    assert refused.exit_code == 1
    assert "memory: much is no amount" in refused.stderr
