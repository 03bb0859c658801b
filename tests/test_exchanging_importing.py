"""Corrected masks become a data set that training reads; what is hostile or does not fit is listed or refused."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fissura.errors import FissuraError
from fissura.exchanging import ExportFormat, export, import_masks
from fissura.photos import load_data, read_mask, save_image
from small_cracks import cracked_photo, photos_on_disk

SHAPE = (6, 8)
FULL = {"size": list(SHAPE), "counts": [0, 48]}


def coco(path: Path, *names: str, segmentation: object = FULL) -> Path:
    """Write a COCO file in which these photographs are all crack."""
    content = {
        "images": [{"id": name, "file_name": name} for name in names],
        "categories": [{"id": 1, "name": "crack"}],
        "annotations": [{"image_id": name, "category_id": 1, "segmentation": segmentation} for name in names],
    }
    path.write_text(json.dumps(content), "utf-8")
    return path


def photo(path: Path) -> None:
    save_image(path, np.zeros((*SHAPE, 3), np.uint8))


def test_the_data_set_is_read_with_labels_masks_and_source(tmp_path: Path) -> None:
    masks = photos_on_disk(tmp_path / "walls")
    export([cracked_photo(name, mask) for name, mask in masks.items()], "coco", tmp_path / "a.json")
    summary = import_masks(tmp_path / "a.json", tmp_path / "walls", tmp_path / "out")
    for root in (summary.manifest, tmp_path / "out"):
        data = load_data(root)
        found = {photo.path.resolve().relative_to(tmp_path / "walls").as_posix(): photo for photo in data}
        assert set(found) == set(masks)
        for name, mask in masks.items():
            assert found[name].label == ("cracked" if mask.any() else "uncracked")
            assert found[name].source == "walls"
            np.testing.assert_array_equal(read_mask(found[name].mask, mask.shape), mask)


def test_a_second_import_replaces_the_first(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    for counts, label in (([0, 48], "cracked"), ([48], "uncracked")):
        source = coco(tmp_path / "a.json", "1.png", segmentation={"size": list(SHAPE), "counts": counts})
        import_masks(source, tmp_path / "photos", tmp_path / "out")
        assert load_data(tmp_path / "out")[0].label == label


@pytest.mark.parametrize("name", ["1.png", "1", "b/1.png", "task/b/1.png", "task\\b\\1.png", "images/00ff00ff-1.png"])
def test_a_photograph_is_found_by_the_names_programs_give_it(tmp_path: Path, name: str) -> None:
    photo(tmp_path / "photos/a/b/1.png")
    photo(tmp_path / "photos/a/2.png")
    import_masks(coco(tmp_path / "a.json", name), tmp_path / "photos", tmp_path / "out")
    assert (tmp_path / "out/masks/a/b/1.png.png").is_file()


def test_names_that_lead_nowhere_elsewhere_or_to_two_are_listed(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png", "2.png"):
        photo(tmp_path / "photos" / name)
    photo(tmp_path / "secret.png")
    bad = [
        "missing.png",
        "1.png",
        "../secret.png",
        str(tmp_path / "secret.png"),
        "",
        "..",
        "\x1b[2J.png",
        "2.jpg",
        "/" * 9,
    ]
    summary = import_masks(coco(tmp_path / "a.json", "a/1.png", *bad), tmp_path / "photos", tmp_path / "out")
    assert [name for name, _ in summary.skipped] == [name.replace("\x1b", "?")[:120] for name in bad]
    assert dict(summary.skipped)["1.png"] == "2 photographs go by this name"
    written = [path for path in tmp_path.rglob("*") if "photos" not in path.parts and path.is_file()]
    names = {path.relative_to(tmp_path).as_posix() for path in written}
    assert names == {"a.json", "secret.png", "out/manifest.csv", "out/masks/a/1.png.png"}


def test_photographs_that_differ_by_suffix_alone_keep_their_own_masks(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    photo(tmp_path / "photos/1.jpg")
    summary = import_masks(coco(tmp_path / "a.json", "1.png", "1.jpg"), tmp_path / "photos", tmp_path / "out")
    assert summary.cracked == 2
    assert {path.name for path in (tmp_path / "out/masks").iterdir()} == {"1.png.png", "1.jpg.png"}


def test_a_second_mask_for_a_photograph_and_a_damaged_photograph_are_listed(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    (tmp_path / "photos/2.png").write_bytes(b"no picture")
    summary = import_masks(
        coco(tmp_path / "a.json", "1.png", "1.png", "2.png"), tmp_path / "photos", tmp_path / "out"
    )
    assert summary.cracked == 1
    assert summary.skipped[0] == ("1.png", "a mask for the same photograph came before it")
    assert "2.png: is no JPEG" in summary.skipped[1][1]


def test_a_photograph_too_large_to_train_with_is_listed_with_what_can_be_done_here(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    Image.new("1", (8001, 8001)).save(tmp_path / "photos/2.png")
    summary = import_masks(coco(tmp_path / "a.json", "1.png", "2.png"), tmp_path / "photos", tmp_path / "out")
    ((name, reason),) = summary.skipped
    assert name == "2.png"
    assert "cut it into tiles, or raise max_megapixels where the verb has it" in reason


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no json",
        "[" * 100_000,
        "7",
        "null",
        "{}",
        "[7]",
        "[{}]",
        '[{"data": {"image": 7}}]',
        '[{"data": {}}]',
        '[{"data": {"image": "http://[bad"}}]',
        '[{"data": {"image": "1.png"}, "annotations": 7}]',
        '[{"data": {"image": "1.png"}, "annotations": [7]}]',
        '[{"data": {"image": "1.png"}, "annotations": [{}]}]',
        '[{"data": {"image": "1.png"}, "annotations": [{"result": [7]}]}]',
        '{"annotations": 7}',
        '{"annotations": [], "images": 7}',
        '{"annotations": [], "images": [], "categories": [{}]}',
        '{"annotations": [], "images": []}',
        '{"annotations": [{}], "images": [{"id": 1, "file_name": "1.png"}]}',
        '{"annotations": [{"category_id": [], "image_id": 1}], "images": [{"id": 1, "file_name": "1.png"}]}',
        '{"annotations": [], "images": [{"id": {}, "file_name": "1.png"}]}',
        '{"annotations": [], "images": [], "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}',
    ],
)
def test_a_file_that_is_no_export_is_refused_on_one_line(tmp_path: Path, content: str) -> None:
    photo(tmp_path / "photos/1.png")
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(FissuraError, match=r"a\.json: ") as caught:
        import_masks(tmp_path / "a.json", tmp_path / "photos", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out/manifest.csv").exists()


def test_other_things_that_cannot_be_imported_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    source = coco(tmp_path / "a.json", "1.png")
    with pytest.raises(FissuraError, match="within the folder of photographs"):
        import_masks(source, tmp_path / "photos", tmp_path / "photos/out")
    with pytest.raises(FissuraError, match="no such file or folder"):
        import_masks(source, tmp_path / "elsewhere", tmp_path / "out")
    with pytest.raises(FissuraError, match=r"missing\.json: cannot be read"):
        import_masks(tmp_path / "missing.json", tmp_path / "photos", tmp_path / "out")
    with pytest.raises(FissuraError, match="cannot be read"):
        import_masks(tmp_path, tmp_path / "photos", tmp_path / "out")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FissuraError, match="is no JSON"):
        import_masks(tmp_path / "binary.json", tmp_path / "photos", tmp_path / "out")


def test_a_file_too_large_to_parse_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate((1 << 30) + 1)  # takes no room on the disk
    with pytest.raises(FissuraError, match="larger than 1 GiB"):
        import_masks(tmp_path / "a.json", tmp_path / "photos", tmp_path / "out")


@pytest.mark.parametrize("format", ["coco", "cvat", "label-studio"])
@settings(max_examples=40)
@given(data=st.data())
def test_a_file_damaged_anywhere_is_imported_in_part_or_refused(format: ExportFormat, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photo(root / "photos/1.png")
        mask = np.eye(*SHAPE, dtype=bool)
        export([cracked_photo("1.png", mask)], format, root / "export")
        content = bytearray((root / "export").read_bytes().replace(b"predictions", b"annotations"))
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        (root / "export").write_bytes(content)
        with contextlib.suppress(FissuraError):
            summary = import_masks(root / "export", root / "photos", root / "out")
            assert summary.cracked + summary.uncracked == 1
            assert read_mask(root / "out/masks/1.png.png").shape == SHAPE
        assert {path.name for path in root.iterdir()} <= {"photos", "export", "out"}
