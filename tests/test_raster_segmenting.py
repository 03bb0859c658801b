"""Rasters of any size become maps at their own place, in bounded memory, and go on after a kill."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import Affine, from_origin

from fissura.errors import FissuraError
from fissura.rasters import streaming
from fissura.rasters.memory import band_width, cache_bytes, memory_bytes
from fissura.rasters.normalising import normaliser_of
from fissura.rasters.reading import open_raster
from fissura.rasters.streaming import engine_begun_with
from fissura.rasters.vrt import _PICTURE, Source, mosaic_vrt
from fissura.rasters.windows import Window, windows_of
from fissura.rasters.writing import Parts
from fissura.segmenting import Cleaning, Segmenter, clean, pieces
from fissura.segmenting.normalising import Normaliser, luminance
from fissura.segmenting.tiling import grid_of
from model_files import CARD, network, write_model

UTM = "EPSG:32632"
GRID = from_origin(691_000.0, 5_334_000.0, 0.01, 0.01)
CLEANING = Cleaning(low=0.3, high=0.9, min_extent_px=40, min_extent_fraction=0.5)
SHAPE = (700, 1300)
# The budget is for the whole process, which the tests before have filled with libraries.
segment_raster = partial(streaming.segment_raster, budget_bytes=2**33)


def wall(shape: tuple[int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    """Draw a rough wall with dark lines that cross many tiles, windows and blocks."""
    rng = np.random.default_rng(seed)
    photo = rng.normal(150, 12, (*shape, 3)).clip(0, 255).astype(np.uint8)
    rows, columns = np.indices(shape, sparse=True)
    for start, slope in ((60, 0.4), (500, -0.3), (350, 0.02)):
        photo[np.abs(rows - start - slope * columns - 12 * np.sin(columns / 25)) < 2.5] = 40
    return photo


def write_raster(path: Path, photo: np.ndarray, *, holds_data: np.ndarray | None = None, **options: object) -> Path:
    bands = photo[None] if photo.ndim == 2 else photo.transpose(2, 0, 1)
    profile = {"driver": "GTiff", "height": bands.shape[1], "width": bands.shape[2], "count": len(bands)}
    profile |= {"dtype": photo.dtype, "crs": UTM, "transform": GRID, **options}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", **profile) as file:
        file.write(bands)
        if holds_data is not None:
            file.write_mask(holds_data)
    return path


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read(1)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    """Give a network that looks 9 px around each pixel, so that tiles do not agree near their edges."""
    card = CARD.model_copy(update={"cleaning": CLEANING, "tile_px": 256, "overlap_px": 48})
    model = network(gain=-6.0, bias=-3.0, kernel_px=9)
    return Segmenter(write_model(tmp_path_factory.mktemp("model") / "model.onnx", model, card))


@pytest.mark.parametrize("layout", [{"tiled": True, "blockxsize": 128, "blockysize": 128}, {}, {"BIGTIFF": "YES"}])
def test_the_maps_of_a_raster_are_those_of_the_same_photograph(
    layout: dict[str, object], segmenter: Segmenter, tmp_path: Path
) -> None:
    photo = wall()
    whole = segmenter.segment(photo)
    seen: list[tuple[int, int]] = []
    path = write_raster(tmp_path / "wall.tif", photo, compress="deflate", **layout)
    maps = segment_raster(path, segmenter, tmp_path / "out", progress=lambda *at: seen.append(at))
    np.testing.assert_array_equal(read(maps.mask) == 255, whole.mask)
    assert whole.mask.any()
    assert np.abs(read(maps.probability) / 255 - whole.probability).max() <= 1 / 255 + 1e-5
    assert seen == [(done, 28) for done in range(29)]
    assert not (tmp_path / "out" / ".parts").exists()


def test_maps_are_cogs_at_the_rasters_own_place(segmenter: Segmenter, tmp_path: Path) -> None:
    turned = Affine.translation(691_000, 5_334_000) @ Affine.rotation(30) @ Affine.scale(0.01, -0.01)
    path = write_raster(tmp_path / "wall.tif", wall(), transform=turned)
    maps = segment_raster(path, segmenter, tmp_path / "out")
    for name in (maps.probability, maps.mask):
        with rasterio.open(name) as file:
            assert file.crs == UTM
            assert file.transform.almost_equals(turned)
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert file.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
            assert file.block_shapes == [(512, 512)]
            assert file.overviews(1)
            assert file.dtypes == ("uint8",)
            assert file.dataset_mask().all()


@pytest.mark.parametrize("how", ["nodata", "alpha", "alpha and nodata", "mask"])
def test_what_holds_no_data_is_never_crack_and_stays_without_data(
    how: str, segmenter: Segmenter, tmp_path: Path
) -> None:
    photo = wall().clip(1)
    holds_data = np.ones(SHAPE, bool)
    holds_data[:, 900:] = False
    holds_data[300:330, 200:600] = False
    photo[~holds_data] = 0  # as dark as a crack
    if how.startswith("alpha"):
        alpha = np.where(holds_data, np.uint8(255), np.uint8(0))
        if how == "alpha and nodata":  # each has its share
            alpha[:, :900] = 255
            photo[:, 900:] = 150
        nodata = 0 if "nodata" in how else None
        rgba = np.dstack([photo, alpha])
        path = write_raster(tmp_path / "wall.tif", rgba, photometric="RGB", alpha="YES", nodata=nodata)
    elif how == "nodata":
        path = write_raster(tmp_path / "wall.tif", photo, nodata=0)
    else:
        path = write_raster(tmp_path / "wall.tif", photo, holds_data=holds_data)
    maps = segment_raster(path, segmenter, tmp_path / "out")
    for name in (maps.probability, maps.mask):
        with rasterio.open(name) as file:
            np.testing.assert_array_equal(file.dataset_mask() > 0, holds_data)
            assert not file.read(1)[~holds_data].any()
    border = np.zeros(SHAPE, bool)
    border[:, 890:900] = True
    border[290:340, 190:610] = True
    without_cracks = border & holds_data & (photo.min(axis=2) > 90)
    # The border between data and none is no dark line: what is found beside it belongs to the cracks that end there.
    assert (read(maps.mask)[without_cracks] > 0).mean() < 0.1
    with open_raster(path) as raster:
        normaliser = normaliser_of(raster, "grey")
    assert normaliser.mean == pytest.approx(luminance(photo)[holds_data].mean(), rel=1e-6)
    assert normaliser.std == pytest.approx(luminance(photo)[holds_data].std(), rel=1e-6)


def test_the_statistics_of_a_raster_are_those_of_the_photograph(tmp_path: Path) -> None:
    photo = wall()
    expected = Normaliser.of(photo, "grey")
    with open_raster(write_raster(tmp_path / "wall.tif", photo, tiled=True)) as raster:
        found = normaliser_of(raster, "grey")
        few = normaliser_of(raster, "grey", most_megapixels=0.5)
    assert (found.mean, found.std) == pytest.approx((expected.mean, expected.std), rel=1e-6)
    assert few.mean != expected.mean
    assert (few.mean, few.std) == pytest.approx((expected.mean, expected.std), rel=0.2)


@pytest.mark.parametrize("white", [255, 0])
def test_a_grey_raster_is_segmented_as_its_photograph(white: int, segmenter: Segmenter, tmp_path: Path) -> None:
    grey = wall()[:, :, 0]
    stored, photometric = (grey, "MINISBLACK") if white else (255 - grey, "MINISWHITE")
    path = write_raster(tmp_path / "grey.tif", stored, photometric=photometric)
    maps = segment_raster(path, segmenter, tmp_path / "out")
    expected = segmenter.segment(np.repeat(grey[:, :, None], 3, axis=2)).mask
    np.testing.assert_array_equal(read(maps.mask) == 255, expected)


def test_narrow_bands_give_the_same_maps_as_one(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raster(tmp_path / "wall.tif", wall())
    at_once = segment_raster(path, segmenter, tmp_path / "one")
    monkeypatch.setattr("fissura.rasters.streaming.band_width", lambda *_: 512)
    banded = segment_raster(path, segmenter, tmp_path / "three")
    np.testing.assert_array_equal(read(banded.probability), read(at_once.probability))
    np.testing.assert_array_equal(read(banded.mask), read(at_once.mask))


def _digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.tif")}


KILLED = """
import os, signal, sys
from pathlib import Path
from fissura.segmenting import Segmenter
from fissura.rasters.streaming import segment_raster
path, model, out, at = sys.argv[1:]
def progress(done, total):
    if done == int(at):
        os.kill(os.getpid(), signal.SIGKILL)
segment_raster(Path(path), Segmenter(Path(model), threads=1), Path(out), progress=progress)
"""


@pytest.mark.slow
def test_after_a_kill_it_goes_on_and_ends_the_same_to_the_byte(segmenter: Segmenter, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "wall.tif", wall((1500, 700)))
    segment_raster(path, segmenter, tmp_path / "whole")
    model = write_model(tmp_path / "model.onnx", network(gain=-6.0, bias=-3.0, kernel_px=9), segmenter.card)
    killed = subprocess.run([sys.executable, "-c", KILLED, path, model, tmp_path / "out", "20"], check=False)
    assert killed.returncode == -9
    seen: list[int] = []
    segment_raster(path, segmenter, tmp_path / "out", resume=True, progress=lambda done, _: seen.append(done))
    assert seen[0] > 0  # it did not begin anew
    assert _digests(tmp_path / "out") == _digests(tmp_path / "whole")
    assert engine_begun_with(tmp_path / "out") == "onnxruntime"
    segment_raster(path, segmenter, tmp_path / "out", resume=True, progress=lambda *_: pytest.fail("nothing is left"))


def test_another_raster_in_the_place_of_the_first_begins_anew(segmenter: Segmenter, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "wall.tif", wall())
    segment_raster(path, segmenter, tmp_path / "out")
    write_raster(path, wall(seed=1))
    maps = segment_raster(path, segmenter, tmp_path / "out", resume=True)
    np.testing.assert_array_equal(read(maps.mask) == 255, segmenter.segment(wall(seed=1)).mask)


def test_a_run_is_resumed_though_the_raster_is_named_in_another_way(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raster(tmp_path / "wall.tif", wall((300, 400)))
    segment_raster(path, segmenter, tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    nothing_left = partial(pytest.fail, "nothing is left")
    segment_raster(Path("wall.tif"), segmenter, Path("out"), resume=True, progress=lambda *_: nothing_left())


def test_a_file_may_be_called_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_raster(tmp_path / "wall.tif", wall((64, 64))).rename(tmp_path / "http:wall.tif")
    with open_raster(Path("http:wall.tif")) as raster:
        assert raster.shape == (64, 64)


def test_alpha_beside_four_bands_says_what_holds_no_data(tmp_path: Path) -> None:
    bands = np.full((64, 64, 5), 150, np.uint8)  # red, green, blue, near infrared, alpha
    bands[:20, :, 4] = 0
    path = write_raster(tmp_path / "wall.tif", bands, photometric="RGB", alpha="YES")
    with rasterio.open(path, "r+") as file:
        colours = ColorInterp.red, ColorInterp.green, ColorInterp.blue
        file.colorinterp = (*colours, ColorInterp.undefined, ColorInterp.alpha)
    with open_raster(path) as raster:
        assert raster.has_nodata
        np.testing.assert_array_equal(raster.holds_data(Window(0, 0, 64, 64)), bands[:, :, 4] > 0)


@contextmanager
def _disk_full_at(file_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_a_full_disk_cut_off_is_never_taken_for_finished(tmp_path: Path) -> None:
    windows = list(windows_of(700, 600, (512, 600)))
    levels = np.random.default_rng(0).integers(0, 255, (700, 600), np.uint8)
    with open_raster(write_raster(tmp_path / "wall.tif", wall((700, 600)))) as raster:
        parts = Parts(tmp_path / "parts", raster)
        first = levels[windows[0].rows]
        for file_bytes in (20_000, 300_000):
            with _disk_full_at(file_bytes), pytest.raises(FissuraError, match="cannot be written"):
                parts.write(windows[0], first, first >= 0)
            assert not parts.has(windows[0])
        for window in windows:
            parts.write(window, levels[window.rows], levels[window.rows] >= 0)
        parts.join(tmp_path / "whole.tif", windows)
        for short_bytes in (1, 5000, 200_000):
            at = (tmp_path / "whole.tif").stat().st_size - short_bytes
            with (
                _disk_full_at(at),
                pytest.raises(FissuraError, match="free the disk, then resume"),
            ):
                parts.join(tmp_path / "map.tif", windows)
            assert not (tmp_path / "map.tif").exists()
        parts.join(tmp_path / "map.tif", windows)
    np.testing.assert_array_equal(read(tmp_path / "map.tif"), levels)


def test_a_run_resumed_with_less_memory_does_not_take_as_much_as_before(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raster(tmp_path / "wall.tif", wall())

    def stop(done: int, _: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_raster(path, segmenter, tmp_path / "out", progress=stop)
    resumed = partial(segment_raster, path, segmenter, tmp_path / "out", resume=True)
    with monkeypatch.context() as narrow:
        narrow.setattr("fissura.rasters.streaming.band_width", lambda *_: 512)
        with pytest.raises(FissuraError, match=r"bands of 1300 px, of which 512 px fit now; give as much as before"):
            resumed(budget_bytes=2**33 - 1)
        with pytest.raises(KeyboardInterrupt):
            resumed(progress=stop)  # with as much memory it goes on
    resumed(budget_bytes=2**33 - 1)  # its bands fit into that too
    monkeypatch.setattr("fissura.rasters.streaming.band_width", lambda *_: 512)
    resumed(budget_bytes=2**33 - 2)  # the network has run: only it needs bands


def test_memory_decides_on_the_bands(tmp_path: Path) -> None:
    with open_raster(write_raster(tmp_path / "wall.tif", wall((64, 6000)), tiled=True)) as raster:
        assert band_width(raster, 512, 2**30) == 6000
        width = band_width(raster, 512, 40 * 2**20)
        assert width % 512 == 0
        assert 1024 <= width < 6000
        assert cache_bytes(raster, width, 512) < 40 * 2**20
        with pytest.raises(FissuraError, match=r"stored in blocks of .* more memory"):
            band_width(raster, 512, 2**20)
    assert memory_bytes("1GiB") == memory_bytes("1024 MB") == memory_bytes("1g") == 2**30
    with pytest.raises(FissuraError, match="no amount"):
        memory_bytes("much")


def test_what_cannot_be_segmented_is_said_on_one_line(segmenter: Segmenter, tmp_path: Path) -> None:
    with pytest.raises(FissuraError, match="give at least"):
        segment_raster(write_raster(tmp_path / "a.tif", wall()), segmenter, tmp_path / "a", budget_bytes=2**24)
    deep = write_raster(tmp_path / "deep.tif", wall().astype(np.uint16))
    with pytest.raises(FissuraError, match="make them 8 bits"):
        segment_raster(deep, segmenter, tmp_path / "out")
    (tmp_path / "no.tif").write_bytes(b"no raster")
    with pytest.raises(FissuraError, match=r"no\.tif: cannot be read as a raster .*; give .* name in \.vrt"):
        segment_raster(tmp_path / "no.tif", segmenter, tmp_path / "out")
    cut = write_raster(tmp_path / "cut.tif", wall())
    cut.write_bytes(cut.read_bytes()[:1_000_000])
    with pytest.raises(FissuraError, match=r"cut\.tif: cannot be read"):
        segment_raster(cut, segmenter, tmp_path / "out")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "mask.tif").write_bytes(b"drawn by hand")
    with pytest.raises(FissuraError, match="not from `fissura segment-raster`"):
        segment_raster(tmp_path / "a.tif", segmenter, tmp_path / "theirs")


@pytest.mark.parametrize("drawing", [{"closing_px": 3}, {"closing_px": 1, "crest_share": 0.9}])
def test_cracks_are_drawn_alike_across_the_sides_of_windows(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawing: dict[str, Any]
) -> None:
    cleaning = CLEANING.model_copy(update=drawing)
    monkeypatch.setattr(streaming, "WINDOW_PX", (128, 256))
    monkeypatch.setattr(segmenter, "cleaning", cleaning)
    photo = wall()
    rough = np.random.default_rng(1).uniform(0.1, 0.5, 58).repeat(15)
    photo[:, 430:] = 150 + rough[None, :, None] * (photo[:, 430:] - 150.0)  # faint there, more and less
    maps = segment_raster(write_raster(tmp_path / "wall.tif", photo), segmenter, tmp_path / "out")
    found = segmenter.segment(photo)
    whole = pieces(found.probability, cleaning.low)
    with_specks = whole.parts(whole.kept(cleaning), cleaning).labels > 0
    assert (found.mask != clean(found.probability, CLEANING)).any()
    assert (found.mask != with_specks).any() == (cleaning.flank_share > 0)
    np.testing.assert_array_equal(read(maps.mask) == 255, found.mask)


def _deep_zoom(folder: Path, photo: np.ndarray, tile_px: int = 254, overlap_px: int = 1) -> Path:
    level = int(np.ceil(np.log2(max(photo.shape[:2]))))
    tiles = folder / "wall_files" / str(level)
    tiles.mkdir(parents=True)
    for row in range(0, photo.shape[0], tile_px):
        for column in range(0, photo.shape[1], tile_px):
            top, left = max(row - overlap_px, 0), max(column - overlap_px, 0)
            tile = photo[top : row + tile_px + overlap_px, left : column + tile_px + overlap_px]
            cv2.imwrite(str(tiles / f"{column // tile_px}_{row // tile_px}.png"), np.atleast_3d(tile)[:, :, ::-1])
    (folder / "wall.dzi").write_text(
        f'<?xml version="1.0"?><Image TileSize="{tile_px}" Overlap="{overlap_px}" Format="png" '
        'xmlns="http://schemas.microsoft.com/deepzoom/2008">'
        f'<Size Width="{photo.shape[1]}" Height="{photo.shape[0]}"/></Image>'
    )
    return folder / "wall.dzi"


def test_a_deep_zoom_picture_is_read_as_the_photograph_it_was(segmenter: Segmenter, tmp_path: Path) -> None:
    photo = wall()
    path = _deep_zoom(tmp_path, photo)
    maps = segment_raster(path, segmenter, tmp_path / "out")
    np.testing.assert_array_equal(read(maps.mask) == 255, segmenter.segment(photo).mask)
    (tmp_path / "wall_files" / "11" / "2_1.png").unlink()
    with pytest.raises(FissuraError, match="this tile is missing"):
        segment_raster(path, segmenter, tmp_path / "again")


def test_a_deep_zoom_picture_of_a_grey_scan_is_read(segmenter: Segmenter, tmp_path: Path) -> None:
    grey = wall()[:, :, 0]
    maps = segment_raster(_deep_zoom(tmp_path, grey), segmenter, tmp_path / "out")
    expected = segmenter.segment(np.repeat(grey[:, :, None], 3, axis=2)).mask
    np.testing.assert_array_equal(read(maps.mask) == 255, expected)


def test_a_deep_zoom_picture_of_one_endless_tile_is_refused(segmenter: Segmenter, tmp_path: Path) -> None:
    path = _deep_zoom(tmp_path, wall())
    path.write_text(path.read_text().replace('TileSize="254"', 'TileSize="2000000000"'))
    with pytest.raises(FissuraError, match="makes no sense; make it anew"):
        segment_raster(path, segmenter, tmp_path / "out")


def test_a_deep_zoom_picture_with_other_tiles_is_another(segmenter: Segmenter, tmp_path: Path) -> None:
    path = _deep_zoom(tmp_path, wall())
    segment_raster(path, segmenter, tmp_path / "out")
    segment_raster(path, segmenter, tmp_path / "out", resume=True, progress=lambda *_: pytest.fail("nothing is left"))
    shutil.rmtree(tmp_path / "wall_files")
    _deep_zoom(tmp_path / "other", wall(seed=1)).with_name("wall_files").rename(tmp_path / "wall_files")
    maps = segment_raster(path, segmenter, tmp_path / "out", resume=True)
    np.testing.assert_array_equal(read(maps.mask) == 255, segmenter.segment(wall(seed=1)).mask)


@pytest.mark.parametrize("begins", [b"RIFF<\x0b\0\0WEBPVP8 ", b"RIFFa<b\0WEBPVP8 ", b"\xff\xd8\xff\xe1<\0Exif\0\0"])
def test_sizes_in_tiles_may_look_like_the_beginning_of_xml(begins: bytes) -> None:
    assert _PICTURE.match(begins)


@pytest.mark.parametrize("before", [b"", b" " * 900, b"\xef\xbb\xbf", b"junk ", b"\xff\xd8\xff\xfeAA", b"RIFF<"])
@pytest.mark.parametrize("where", ["quay.tif", "wall_files/11/2_1.png"])
def test_a_virtual_raster_under_a_pictures_name_is_not_opened(where: str, before: bytes, tmp_path: Path) -> None:
    path = _deep_zoom(tmp_path, wall()) if where != "quay.tif" else tmp_path / where
    write_raster(tmp_path / "secret.tif", wall())
    source = Source(tmp_path / "secret.tif", 0, 0, Window(0, 0, *SHAPE))
    (tmp_path / where).write_bytes(before + mosaic_vrt(SHAPE, 3, [source]).encode())
    with (
        pytest.raises(FissuraError, match=r"quay\.tif: cannot be read as a raster|2_1\.png: this tile is no JPEG"),
        open_raster(path) as raster,
    ):
        raster.read(Window(0, 0, *SHAPE))


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    write_raster(tmp_path / "wall.tif", wall())
    for name in (f"GTIFF_DIR:1:{tmp_path}/wall.tif", f"/vsizip/{tmp_path}/wall.zip/wall.tif", str(tmp_path)):
        with pytest.raises(FissuraError, match="there is no such file"), open_raster(Path(name)):
            pass


def test_the_mask_of_tiles_is_that_of_the_whole_and_no_tile_shows_in_it(segmenter: Segmenter) -> None:
    photo = wall()
    sides = [(0, -side % 16) for side in SHAPE]
    padded = np.pad(photo, (*sides, (0, 0)), mode="reflect")
    whole = segmenter.probability_of_tile(padded, Normaliser.of(photo, "grey"))[: SHAPE[0], : SHAPE[1]]
    differs = segmenter.segment(photo).mask != clean(whole, CLEANING)
    assert differs.mean() <= 0.001
    for axis, tiles in enumerate(grid_of(*SHAPE, 256, 48)):
        edges = [edge for tile in tiles for edge in (tile.start, tile.stop) if 0 < edge < SHAPE[axis]]
        beside = np.array([[edge - 1, edge] for edge in edges]).ravel()
        assert not np.take(differs, beside, axis=axis).any()
