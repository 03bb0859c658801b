"""Every picture file becomes (H, W, 3) uint8 RGB the right way up, or one line that names it."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.photos import find_photos, read_mask, read_photo, save_image


@pytest.fixture
def picture() -> np.ndarray:
    """A smooth picture whose four corners differ, so that a wrong turn shows."""
    y, x = np.mgrid[0:24, 0:40]
    return np.stack([x * 6, y * 10, 255 - x * 3 - y * 5], axis=-1).astype(np.uint8)


def write_deep(path: Path, colours: np.ndarray, exif: bytes = b"", extratags: Any = ()) -> None:
    """Write 16-bit colours, which Pillow cannot."""
    if path.suffix == ".tiff":
        tifffile.imwrite(path, colours, photometric="rgb", extratags=extratags)
        return
    png = cv2.imencode(".png", colours[:, :, ::-1])[1].tobytes()
    chunk = b"eXIf" + exif.removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) if exif else b""
    path.write_bytes(png[:33] + chunk + png[33:])  # behind the header


def refused(path: Path) -> str:
    """Read a photograph that must be refused, and give the one line."""
    with pytest.raises(UnreadablePhotoError) as caught:
        read_photo(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    assert "; " in line  # what is wrong; the mend
    return line


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "webp", "jpg"])
def test_reads_each_format(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture).save(path, **({"lossless": True} if suffix == "webp" else {}))
    photo = read_photo(path)
    assert photo.shape == (24, 40, 3)
    assert photo.dtype == np.uint8
    tolerance = 12 if suffix == "jpg" else 0
    np.testing.assert_allclose(photo.astype(int), picture.astype(int), atol=tolerance)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: np.rot90(a, 1)),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "tiff", "16 bits.png", "16 bits.tiff"])
def test_applies_exif_orientation(tmp_path: Path, picture: np.ndarray, orientation, turned, suffix) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    if suffix.startswith("16"):
        tag = {"exif": exif.tobytes()} if suffix.endswith("png") else {"extratags": [(0x0112, 3, 1, orientation)]}
        write_deep(path, picture.astype(np.uint16) * 257, **tag)
    else:
        Image.fromarray(picture).save(path, exif=exif)
    np.testing.assert_array_equal(read_photo(path), turned(picture))


@pytest.mark.parametrize("mode", ["L", "I;16", "P", "RGB", "RGBA", "CMYK"])
def test_uncompressed_tiffs_are_turned_as_compressed_ones(tmp_path: Path, picture: np.ndarray, mode: str) -> None:
    image = Image.fromarray(picture)
    image = Image.fromarray(picture[:, :, 0] * np.uint16(257)) if mode == "I;16" else image.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "raw.tiff", exif=exif)
    image.save(tmp_path / "packed.tiff", exif=exif, compression="tiff_lzw")
    np.testing.assert_array_equal(read_photo(tmp_path / "raw.tiff"), read_photo(tmp_path / "packed.tiff"))


def test_an_odd_tag_beside_the_orientation_keeps_no_photograph_out(tmp_path: Path, picture: np.ndarray) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path, quality=95)
    upright = read_photo(path)
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHI4s", 0x0128, 2, 4, b"abc\0")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    jpeg = path.read_bytes()
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    np.testing.assert_array_equal(read_photo(path), np.rot90(upright, -1))


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_converts_modes_as_pillow_does(tmp_path: Path, picture: np.ndarray, mode: str) -> None:
    path = tmp_path / "a.tiff"
    image = Image.fromarray(picture).convert(mode)
    image.save(path)
    np.testing.assert_array_equal(read_photo(path), np.asarray(image.convert("RGB")))


def test_inverted_cmyk_jpeg_keeps_its_brightness(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (16, 16), (0, 0, 0, 0)).save(path)  # no ink: white paper
    assert read_photo(path).min() > 245


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bit_is_scaled_over_its_whole_range(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 257, 25700, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    assert read_photo(tmp_path / f"a.{suffix}")[0, :, 0].tolist() == [0, 1, 100, 255]


def test_12_bit_camera_values_in_16_bits_are_not_left_black(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 2048, 4095]], dtype=np.uint16)).save(tmp_path / "a.tiff")
    assert read_photo(tmp_path / "a.tiff")[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@pytest.mark.parametrize(("factor", "off_by"), [(1, 0), (257, 0), (16, 1)])  # 8, 16 and 12 bits
def test_16_bit_colours_are_scaled_as_grey_ones(
    tmp_path: Path, picture: np.ndarray, suffix: str, factor: int, off_by: int
) -> None:
    picture[0, 0] = 255
    path = tmp_path / f"a.{suffix}"
    write_deep(path, picture.astype(np.uint16) * factor)
    np.testing.assert_allclose(read_photo(path).astype(int), picture, atol=off_by)


def test_16_bit_colours_in_separate_planes_are_refused(tmp_path: Path, picture: np.ndarray) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", picture.transpose(2, 0, 1) * np.uint16(257), photometric="rgb", planarconfig="separate"
    )
    assert "separate planes" in refused(tmp_path / "a.tif")


def test_16_bit_grey_with_white_as_zero(tmp_path: Path, picture: np.ndarray) -> None:
    grey = picture[:, :, 0]
    tifffile.imwrite(tmp_path / "a.tif", 65535 - grey * np.uint16(257), photometric="miniswhite")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif")[:, :, 0], grey)


def test_8_bit_values_in_16_bits_keep_their_meaning(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 100, 255]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png")[0, :, 0].tolist() == [0, 100, 255]
    assert read_mask(tmp_path / "a.png").tolist() == [[False, False, True]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([-1000.0, 0.0, 1000.0], [0, 128, 255]),
        ([np.nan, 0.0, 1.0], [0, 0, 255]),
        ([7e8, 7e8, 7e8], [0, 0, 0]),
    ],
)
def test_float_tiff(tmp_path: Path, values: list[float], expected: list[int]) -> None:
    Image.fromarray(np.array([values], dtype=np.float32)).save(tmp_path / "a.tiff")
    assert read_photo(tmp_path / "a.tiff")[0, :, 1].tolist() == expected


def test_float_tiff_without_a_number_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), np.nan, dtype=np.float32)).save(tmp_path / "a.tiff")
    assert "no pixel holds a number" in refused(tmp_path / "a.tiff")


def test_transparent_pixels_take_the_mean_of_the_visible_ones(tmp_path: Path) -> None:
    rgba = np.zeros((2, 4, 4), dtype=np.uint8)
    rgba[:, :2] = (100, 120, 140, 255)
    rgba[:, 2] = (200, 220, 240, 255)
    rgba[:, 3] = (0, 0, 0, 0)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo[:, :3], rgba[:, :3, :3])
    assert photo[0, 3].tolist() == [133, 153, 173]


def test_the_colour_under_transparency_is_right_on_large_photographs_too(tmp_path: Path) -> None:
    rgba = np.full((4500, 5000, 4), (230, 231, 232, 255), dtype=np.uint8)
    rgba[0, 0] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png", compress_level=0)
    assert read_photo(tmp_path / "a.png")[0, 0].tolist() == [230, 231, 232]


def test_transparent_palette_and_grey(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode=None).convert("P")
    image.putpalette([10, 20, 30, 200, 210, 220])
    image.save(tmp_path / "p.png", transparency=0)
    assert read_photo(tmp_path / "p.png").tolist() == [[[200, 210, 220], [200, 210, 220]]]
    Image.merge("LA", [Image.new("L", (3, 3), 90), Image.new("L", (3, 3), 255)]).save(tmp_path / "la.png")
    assert (read_photo(tmp_path / "la.png") == 90).all()


def test_transparent_pixels_of_16_bit_grey_take_the_mean_of_the_visible_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[0, 65535, 25700]], np.uint16)).save(path)
    png = path.read_bytes()
    assert read_photo(path)[0, :, 0].tolist() == [0, 255, 100]
    chunk = b"tRNS" + struct.pack(">H", 65535)
    path.write_bytes(png[:33] + struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:])
    assert read_photo(path)[0, :, 0].tolist() == [0, 50, 100]
    assert not read_mask(path).any()


@pytest.mark.parametrize("suffix", ["tiff", "mpo.jpg"])
def test_first_of_several_frames(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    first = Image.fromarray(picture)
    path = tmp_path / f"a.{suffix}"
    first.save(
        path,
        format="TIFF" if suffix == "tiff" else "MPO",  # two JPEGs in one file, as phones write them
        save_all=True,
        append_images=[Image.new("RGB", first.size)],
    )
    np.testing.assert_allclose(read_photo(path).astype(int), picture.astype(int), atol=12)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is this large and holds no pixels: decoding it would fail in another way."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    empty = b"IDAT" + zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (chunk, empty, b"IEND")
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("side", "said"), [(10_000, "100.0 megapixels, the limit is 64"), (30_000, "more than 178")])
def test_too_many_megapixels_are_refused_on_the_header_alone(tmp_path: Path, side: int, said: str) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side))
    assert f"has {said}" in refused(path)


def test_the_limit_can_be_moved(tmp_path: Path, picture: np.ndarray) -> None:
    save_image(tmp_path / "a.png", picture)
    with pytest.raises(UnreadablePhotoError, match=r"limit is 0\.0005"):
        read_photo(tmp_path / "a.png", max_megapixels=0.0005)
    assert read_photo(tmp_path / "a.png", max_megapixels=24 * 40 / 1e6).shape == picture.shape


def test_files_that_are_no_photographs(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    assert "is no JPEG, PNG, TIFF, WebP or BMP" in refused(tmp_path / "text.jpg")
    (tmp_path / "empty.png").touch()
    assert "0 bytes" in refused(tmp_path / "empty.png")
    (tmp_path / "folder.png").mkdir()
    assert "is a folder" in refused(tmp_path / "folder.png")
    assert "no such file" in refused(tmp_path / "gone.png")
    assert "set a UTF-8 one" in refused(tmp_path / "\ud800.png")  # as every other letter in locale C
    Image.new("RGB", (4, 4)).save(tmp_path / "gif.jpg", format="GIF")
    assert "is no JPEG" in refused(tmp_path / "gif.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path, picture: np.ndarray) -> None:
    save_image(tmp_path / "a.png", picture)
    (tmp_path / "a.png").chmod(0)
    assert "permission" in refused(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp", "bmp"])
def test_truncated_files_are_refused_and_nothing_else_is_said(
    tmp_path: Path, suffix: str, recwarn: pytest.WarningsRecorder
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"whole.{suffix}")
    whole = (tmp_path / f"whole.{suffix}").read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    for length in (len(whole) // 2, 60):
        cut.write_bytes(whole[:length])
        refused(cut)
    assert [str(warning.message) for warning in recwarn] == []


@settings(max_examples=150, deadline=None)
@given(
    suffix=st.sampled_from(["jpg", "png", "tiff", "webp", "bmp"]),
    wounds=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_damage_anywhere_gives_a_photograph_or_one_line(tmp_path_factory, suffix, wounds) -> None:
    path = tmp_path_factory.mktemp("damaged") / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.arange(16 * 20 * 3, dtype=np.uint8).reshape(16, 20, 3)).save(
        path, **({} if suffix == "bmp" else {"exif": exif})
    )
    content = bytearray(path.read_bytes())
    for place, value in wounds:
        content[int(place * (len(content) - 1))] = value
    path.write_bytes(content)
    said = ""
    try:
        photo = read_photo(path)
    except UnreadablePhotoError as error:
        said = str(error)
    if said:
        assert said.startswith(f"{path}: ")
        assert "\n" not in said
    else:
        assert photo.dtype == np.uint8
        assert photo.ndim == 3


def test_mask_is_above_127(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 127, 128, 255]], dtype=np.uint8)).save(tmp_path / "m.png")
    mask = read_mask(tmp_path / "m.png", (1, 4))
    assert mask.dtype == np.bool_
    assert mask.tolist() == [[False, False, True, True]]


def test_transparent_mask_pixels_are_no_crack(tmp_path: Path) -> None:
    rgba = np.full((1, 2, 4), 255, dtype=np.uint8)
    rgba[0, 1, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png").tolist() == [[True, False]]


def test_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.new("L", (4, 3)).save(tmp_path / "m.png")
    with pytest.raises(UnreadablePhotoError, match=r"m\.png: the mask is 4 x 3 px, its photograph 5 x 3 px"):
        read_mask(tmp_path / "m.png", (3, 5))


def test_find_photos_goes_into_folders_and_passes_hidden_ones_over(tmp_path: Path, picture: np.ndarray) -> None:
    for name in ("b.JPG", "deep/er/a.png", ".hidden/c.png", "deep/.d.png", "deep/._e.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    (tmp_path / "notes.txt").write_text("no photograph")
    (tmp_path / "odd.dat").write_text("named outright")
    assert find_photos([tmp_path]) == [tmp_path / "b.JPG", tmp_path / "deep/er/a.png"]
    assert find_photos([tmp_path / "odd.dat", tmp_path, tmp_path / "b.JPG"])[-1] == tmp_path / "odd.dat"
    assert len(find_photos([tmp_path, tmp_path / "b.JPG"])) == 2


def test_a_photograph_that_must_be_converted_first_is_found_until_it_has_been(
    tmp_path: Path, picture: np.ndarray
) -> None:
    heic = tmp_path / "IMG_1.HEIC"
    heic.write_bytes(b"\0\0\0\x18ftypheic")
    Image.fromarray(picture).save(tmp_path / "IMG_2.jpg")
    (tmp_path / "IMG_2.dng").write_bytes(b"raw")
    assert find_photos([tmp_path]) == [heic, tmp_path / "IMG_2.jpg"]
    with pytest.raises(UnreadablePhotoError, match=r"IMG_1\.HEIC: is no JPEG.*; convert it to 8-bit PNG"):
        read_photo(heic)
    Image.fromarray(picture).save(tmp_path / "IMG_1.png")
    assert find_photos([tmp_path]) == [tmp_path / "IMG_1.png", tmp_path / "IMG_2.jpg"]


def test_find_photos_follows_links_and_leaves_nothing_out_unseen(tmp_path: Path, picture: np.ndarray) -> None:
    elsewhere, wall = tmp_path / "elsewhere", tmp_path / "wall"
    for folder in (elsewhere, wall):
        folder.mkdir()
        Image.fromarray(picture).save(folder / "1.png")
    (wall / "linked").symlink_to(elsewhere)
    (elsewhere / "round").symlink_to(wall)
    (wall / "annexed.jpg").symlink_to(tmp_path / "nowhere")
    os.mkfifo(wall / "pipe.jpg")
    found = find_photos([wall, wall / ".." / "wall"])
    assert [path.relative_to(wall).as_posix() for path in found] == ["1.png", "annexed.jpg", "linked/1.png"]
    assert "no such file" in refused(found[1])


def test_folders_that_may_not_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    listed = os.scandir

    def locked(path: Any) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", locked)
    assert find_photos([tmp_path]) == [tmp_path / "locked"]
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "may not be read" in refused(tmp_path / "locked")


def test_find_photos_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FissuraError, match="no photographs found"):
        find_photos([tmp_path])
    with pytest.raises(FissuraError, match="nowhere: no such file or folder"):
        find_photos([tmp_path / "nowhere"])


def test_save_image_round_trip_and_refusals(tmp_path: Path, picture: np.ndarray) -> None:
    save_image(tmp_path / "new/folder/a.png", picture)
    np.testing.assert_array_equal(read_photo(tmp_path / "new/folder/a.png"), picture)
    save_image(tmp_path / "grey.jpg", picture[:, :, 0])
    assert read_photo(tmp_path / "grey.jpg").shape == picture.shape
    with pytest.raises(FissuraError, match=r"end the name in \.png or \.jpg"):
        save_image(tmp_path / "a.gif", picture)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FissuraError, match="cannot be written"):
        save_image(tmp_path / "file/a.png", picture)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "grey.jpg", "new"]


def test_pictures_too_long_for_jpeg_are_made_smaller(tmp_path: Path) -> None:
    save_image(tmp_path / "a.jpg", np.full((131, 66_000), 9, np.uint8))
    assert Image.open(tmp_path / "a.jpg").size == (65_500, 130)


def test_pictures_too_long_for_opencv_are_written_all_the_same(tmp_path: Path) -> None:
    line = np.full((1, 1_000_001), 9, np.uint8)
    save_image(tmp_path / "a.png", line)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), line)


def test_a_tiff_is_as_large_as_its_tiles(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((16, 16), np.uint8), tile=(2048, 2048), compression="zlib")
    with pytest.raises(UnreadablePhotoError, match=r"has 4\.2 megapixels, the limit is 4"):
        read_photo(tmp_path / "a.tif", max_megapixels=4)


@pytest.mark.parametrize("progressive", [True, False])
def test_a_jpeg_of_endless_scans_is_refused(tmp_path: Path, picture: np.ndarray, progressive: bool) -> None:
    Image.fromarray(picture).save(tmp_path / "a.jpg", progressive=progressive)
    content = (tmp_path / "a.jpg").read_bytes()
    assert read_photo(tmp_path / "a.jpg").shape == picture.shape
    scan, end = content[content.rindex(b"\xff\xda") : -2], content[-2:]
    (tmp_path / "a.jpg").write_bytes(content[:-2] + 100 * scan + end)
    assert "has over 100 scans" in refused(tmp_path / "a.jpg")


def test_a_pipe_is_no_photograph(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    assert "is no file" in refused(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["I;16", "RGBA"])
def test_large_photographs_take_a_few_times_their_own_memory(tmp_path: Path, mode: str) -> None:
    side = 3000
    rng = np.random.default_rng(0)
    values = rng.integers(0, 65536, (side, side), np.uint16) if mode == "I;16" else None
    image = Image.fromarray(values) if values is not None else Image.new("RGBA", (side, side), (9, 8, 7, 100))
    image.save(tmp_path / "a.tif")
    tracemalloc.start()
    photo = read_photo(tmp_path / "a.tif")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * photo.nbytes  # of 12 to 23 times, were it computed with as a whole
