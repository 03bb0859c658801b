"""CVAT zips: Pillow reads what was written as CVAT's documents say, and CVAT's own exports are read."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fissura.errors import FissuraError
from fissura.exchanging import export, import_masks
from fissura.photos import read_mask, save_image
from small_cracks import cracked_photo, photos_on_disk, some_masks

# As CVAT exports a project whose label is called crack.
LABELMAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncrack:250,50,83::\njoint:36,179,83::\n"


def png(pixels: np.ndarray) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, format="PNG")
    return packed.getvalue()


def zipped(path: Path, entries: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def photo(path: Path, shape: tuple[int, int] = (4, 6)) -> None:
    save_image(path, np.zeros((*shape, 3), np.uint8))


def test_the_zip_is_laid_out_as_cvat_documents_it(tmp_path: Path) -> None:
    photos = [cracked_photo(name, mask) for name, mask in some_masks().items()]
    export(photos, "cvat", tmp_path / "masks.zip")
    with zipfile.ZipFile(tmp_path / "masks.zip") as file:
        assert file.testzip() is None
        stems = file.read("ImageSets/Segmentation/default.txt").decode().split()
        assert stems == ["north/1", "north/2", "south/1", "south/clean", "all"]
        lines = file.read("labelmap.txt").decode().splitlines()
        assert lines[1:] == ["background:0,0,0::", "crack:128,0,0::"]
        for stem, cracked in zip(stems, photos, strict=True):
            classes = np.asarray(Image.open(file.open(f"SegmentationClass/{stem}.png")).convert("RGB"))
            np.testing.assert_array_equal((classes == (128, 0, 0)).all(axis=2), cracked.mask)
            np.testing.assert_array_equal((classes == 0).all(axis=2), ~cracked.mask)
            objects = Image.open(file.open(f"SegmentationObject/{stem}.png"))
            colours = np.asarray(objects.convert("RGB")).reshape(-1, 3)
            np.testing.assert_array_equal(np.asarray(objects), cracked.measurement.labels)
            assert len(np.unique(colours, axis=0)) == len(np.unique(cracked.measurement.labels))
            # The first colours of Pascal VOC's palette, as its development kit prints them.
            known = {1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128)}
            for number, colour in known.items():
                assert {tuple(c) for c in colours[cracked.measurement.labels.ravel() == number]} <= {colour}


def test_more_cracks_than_colours_are_still_a_whole_mask(tmp_path: Path) -> None:
    mask = np.zeros((40, 60), bool)
    mask[::2, ::2] = True  # 600 cracks
    export([cracked_photo("1.png", mask)], "cvat", tmp_path / "masks.zip")
    with zipfile.ZipFile(tmp_path / "masks.zip") as file:
        objects = np.asarray(Image.open(file.open("SegmentationObject/1.png")))
    np.testing.assert_array_equal(objects > 0, mask)


def test_export_and_import_give_the_same_masks(tmp_path: Path) -> None:
    masks = photos_on_disk(tmp_path / "photos")
    export([cracked_photo(name, mask) for name, mask in masks.items()], "cvat", tmp_path / "masks.zip")
    summary = import_masks(tmp_path / "masks.zip", tmp_path / "photos", tmp_path / "out")
    assert (summary.cracked, summary.uncracked, summary.skipped) == (4, 1, ())
    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(tmp_path / f"out/masks/{name}.png", mask.shape), mask)


def test_coloured_and_grey_masks_of_several_labels_are_read(tmp_path: Path) -> None:
    values = np.array([[0, 1, 1, 0, 2, 2]] * 4, np.uint8)
    colours = np.array([(0, 0, 0), (250, 50, 83), (36, 179, 83)], np.uint8)
    source = zipped(
        tmp_path / "masks.zip",
        {
            "labelmap.txt": LABELMAP,
            "SegmentationClass/grey.png": png(values),
            "SegmentationClass/coloured.png": png(colours[values]),
            "ImageSets/Segmentation/default.txt": "grey\ncoloured\nuntouched\n",
        },
    )
    for name in ("grey", "coloured", "untouched"):
        photo(tmp_path / f"photos/{name}.jpg")
    summary = import_masks(source, tmp_path / "photos", tmp_path / "out")
    for name in ("grey", "coloured"):
        np.testing.assert_array_equal(read_mask(tmp_path / f"out/masks/{name}.jpg.png"), values == 1)
    assert summary.skipped == (("untouched", "it is listed, but has no mask; annotate it, or leave it out"),)


@pytest.mark.parametrize("label", ["crack: wide", "crack:b:c:d"])
def test_a_label_may_hold_colons(tmp_path: Path, label: str) -> None:
    photo(tmp_path / "photos/1.png")
    labelmap = f"background:0,0,0::\n{label}:250,50,83::\n"
    colours = np.full((4, 6, 3), (250, 50, 83), np.uint8)
    entries = {"labelmap.txt": labelmap, "SegmentationClass/1.png": png(colours)}
    summary = import_masks(zipped(tmp_path / "masks.zip", entries), tmp_path / "photos", tmp_path / "out")
    assert (summary.cracked, summary.skipped) == (1, ())


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_hostile_entries_are_skipped_and_nothing_is_written_outside(tmp_path: Path) -> None:
    good, bomb = png(np.ones((4, 6), np.uint8)), png(np.zeros((9000, 9000), np.uint8))
    claimed: list[bytes] = []
    for side_px in (10_000, 60_000):  # of the one Pillow warns, the other it refuses
        claim = b"IHDR" + struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
        claimed.append(good[:12] + claim + struct.pack(">I", zlib.crc32(claim)) + good[33:])
    entries = {
        "labelmap.txt": LABELMAP,
        "SegmentationClass/1.png": good,
        "SegmentationClass/../../../evil.png": good,
        "SegmentationClass//etc/evil.png": good,
        "SegmentationClass/c:\\evil.png": good,
        "SegmentationClass/2.png": bomb,
        "SegmentationClass/3.png": good[:40],
        "SegmentationClass/4.png": b"\0" * (65 << 20),
        "SegmentationClass/5.png": png(np.full((4, 6), 77, np.uint8)),
        "SegmentationClass/6.png": b"",
        "SegmentationClass/7.png": claimed[0],
        "SegmentationClass/8.png": claimed[1],
        "evil.txt": "x",
    }
    (tmp_path / "a/b/c").mkdir(parents=True)
    source = zipped(tmp_path / "a/b/c/masks.zip", entries)
    for number in range(1, 9):
        photo(tmp_path / f"a/b/photos/{number}.png")
    before = set(tmp_path.rglob("*"))
    summary = import_masks(source, tmp_path / "a/b/photos", tmp_path / "a/b/out")
    new = {path.relative_to(tmp_path).as_posix() for path in set(tmp_path.rglob("*")) - before}
    assert new == {"a/b/out", "a/b/out/masks", "a/b/out/masks/1.png.png", "a/b/out/manifest.csv"}
    reasons = dict(summary.skipped)
    assert len(summary.skipped) == 10
    assert reasons["../../../evil"] == reasons["/etc/evil"] == "there is no such photograph"
    assert reasons["2"] == "the mask is 9000 x 9000 px, its photograph 6 x 4 px"
    assert "larger than any mask" in reasons["4"]
    assert reasons["7"] == reasons["8"] == "the mask is larger than any photograph"
    assert reasons["5"] == "it has 24 px in colours that labelmap.txt does not name"


@pytest.mark.parametrize(
    ("labelmap", "message"),
    [
        (None, "no labelmap.txt"),
        ("background:0,0,0::\njoint:1,2,3::\nstain:4,5,6::\n", r"none of its labels .* crack \(joint, stain\)"),
        ("background:0,0,0::\nRiss:1,2,3::\n", r"none of its labels .* \(Riss\); rename the one that means it"),
        ("background:0,0,0::\ncrack:0,0,0::\n", "crack and background have one colour; give each its own"),
        ("background:0,0,0::\njoint:1,2,3::\ncrack:1,2,3::\n", "crack and joint have one colour"),
        ("background\n", "is no zip that can be read"),
        ("crack:a,b,c::\n", "is no zip that can be read"),
    ],
)
def test_a_zip_that_is_none_of_cvats_is_refused(tmp_path: Path, labelmap: str | None, message: str) -> None:
    photo(tmp_path / "photos/1.png")
    entries = {} if labelmap is None else {"labelmap.txt": labelmap}
    source = zipped(tmp_path / "masks.zip", {**entries, "SegmentationClass/1.png": png(np.zeros((4, 6), np.uint8))})
    with pytest.raises(FissuraError, match=message):
        import_masks(source, tmp_path / "photos", tmp_path / "out")


def test_lists_and_label_maps_longer_than_any_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    labels = "crack:255,0,0::\n" + "".join(f"joint {n}:{n % 256},1,1::\n" for n in range(256))
    names = "".join(f"{number}\n" for number in range(200_001))
    for labelmap, listed, reason in ((labels, "", "has 257 labels"), (LABELMAP, names, "lists more photographs")):
        entries = {"labelmap.txt": labelmap, "ImageSets/Segmentation/default.txt": listed}
        source = zipped(
            tmp_path / "masks.zip", {**entries, "SegmentationClass/1.png": png(np.zeros((4, 6), np.uint8))}
        )
        with pytest.raises(FissuraError, match=f"{reason}.*; export it from CVAT again"):
            import_masks(source, tmp_path / "photos", tmp_path / "out")


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    whole = zipped(tmp_path / "masks.zip", {"labelmap.txt": LABELMAP, "SegmentationClass/1.png": b"x" * 3000})
    central = whole.read_bytes().index(b"PK\1\2")
    for start, damage in ((30, b"\xff" * 30), (central + 6, b"\xff")):  # the first file's name; a zip of version 25.5
        content = bytearray(whole.read_bytes())
        content[start : start + len(damage)] = damage
        (tmp_path / "damaged.zip").write_bytes(content)
        with pytest.raises(FissuraError, match=r"damaged\.zip: is no zip that can be read"):
            import_masks(tmp_path / "damaged.zip", tmp_path / "photos", tmp_path / "out")


def test_an_entry_that_cannot_be_unpacked_is_skipped(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        photo(tmp_path / f"photos/{name}.png")
    mask = png(np.ones((4, 6), np.uint8))
    entries = {"labelmap.txt": LABELMAP, "SegmentationClass/good.png": mask, "SegmentationClass/bad.png": mask}
    source = zipped(tmp_path / "masks.zip", entries)
    content = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as file:
        start = file.getinfo("SegmentationClass/bad.png").header_offset
    content[start + 60 : start + 80] = bytes(20)
    source.write_bytes(content)
    summary = import_masks(source, tmp_path / "photos", tmp_path / "out")
    assert summary.cracked == 1
    assert summary.skipped[0][0] == "bad"
    assert "cannot be unpacked" in summary.skipped[0][1]
