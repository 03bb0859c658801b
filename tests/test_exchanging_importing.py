"""Corrected masks become a data set that training reads; what is hostile or does not fit is listed or refused."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from fissura.errors import FissuraError
from fissura.exchanging import ExportFormat, export, import_masks
from fissura.photos import load_data, read_mask, read_photo, save_image
from small_cracks import cracked_photo, photos_on_disk

SHAPE = (6, 8)
FULL = {"size": list(SHAPE), "counts": [0, 48]}


def coco(path: Path, *names: str, segmentation: object = FULL) -> Path:
    """Write a COCO file in which these photographs are all crack."""
    content = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "categories": [{"id": 1, "name": "crack"}],
        "annotations": [
            {"image_id": number, "category_id": 1, "segmentation": segmentation} for number in range(len(names))
        ],
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


def test_a_manifest_of_somebody_elses_is_kept(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    (tmp_path / "manifest.csv").write_text("photo,label\nphotos/1.png,cracked\n")
    with pytest.raises(FissuraError, match="not from `fissura import-masks`; choose another --out"):
        import_masks(coco(tmp_path / "a.json", "1.png"), tmp_path / "photos", tmp_path)
    assert (tmp_path / "manifest.csv").read_text() == "photo,label\nphotos/1.png,cracked\n"


def test_an_import_that_fails_leaves_no_manifest_of_masks_that_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1.png", "2.png"):
        photo(tmp_path / "photos" / name)
    source = coco(tmp_path / "a.json", "1.png", "2.png")
    manifest = import_masks(source, tmp_path / "photos", tmp_path / "out").manifest
    with pytest.raises(FissuraError, match="none of its masks can be used"):
        import_masks(coco(tmp_path / "b.json", "3.png"), tmp_path / "photos", tmp_path / "out")
    assert manifest.exists()  # no mask of it was touched

    def stop_at_the_second(path: Path) -> NDArray[np.uint8]:
        if path.name == "2.png":
            raise KeyboardInterrupt
        return read_photo(path)

    monkeypatch.setattr("fissura.exchanging.importing.read_photo", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        import_masks(source, tmp_path / "photos", tmp_path / "out")
    assert not manifest.exists()


def test_a_mask_for_an_absent_photograph_does_not_keep_out_that_of_its_namesake(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    summary = import_masks(coco(tmp_path / "a.json", "north/1.png", "1.png"), tmp_path / "photos", tmp_path / "out")
    ((name, reason),) = summary.skipped
    assert name == "north/1.png"
    assert reason == "there is no such photograph; the one of that name has a mask of its own"
    assert summary.cracked == 1


def test_a_whole_name_is_meant_before_the_same_one_without_suffix(tmp_path: Path) -> None:
    masks = {"1.jpg": np.eye(*SHAPE, dtype=bool), "1.jpg.png": np.ones(SHAPE, bool)}
    for name in masks:
        photo(tmp_path / "photos" / name)
    for format in ("coco", "cvat"):
        export([cracked_photo(name, mask) for name, mask in masks.items()], format, tmp_path / "a")
        assert import_masks(tmp_path / "a", tmp_path / "photos", tmp_path / "out").skipped == ()
        for name, mask in masks.items():
            np.testing.assert_array_equal(read_mask(tmp_path / f"out/masks/{name}.png"), mask)


def test_names_that_a_mask_or_a_manifest_cannot_have_are_listed(tmp_path: Path) -> None:
    long, odd = f"{'n' * 250}.png", os.fsdecode(b"caf\xe9")
    for name in ("1.png", long):
        photo(tmp_path / "photos" / name)
    source = coco(tmp_path / "a.json", long, "1.png")
    summary = import_masks(source, tmp_path / "photos", tmp_path / "out")
    ((name, reason),) = summary.skipped
    assert name == long[:120]
    assert reason == "its name is too long for a mask of that name; shorten it"
    photo(tmp_path / odd / "1.png")
    with pytest.raises(FissuraError, match="is no UTF-8, which a data set could not name"):
        import_masks(coco(tmp_path / "a.json", "1.png"), tmp_path / odd, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_nothing_is_written_behind_a_link(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    for folder in ("elsewhere", "out"):
        (tmp_path / folder).mkdir()
    (tmp_path / "out/masks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FissuraError, match="lies behind a link that leads out"):
        import_masks(coco(tmp_path / "a.json", "1.png"), tmp_path / "photos", tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


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
        '{"annotations": [], "images": [{"id": 1, "file_name": "1.png"}, {"id": 1, "file_name": "2.png"}]}',
    ],
)
def test_a_file_that_is_no_export_is_refused_on_one_line(tmp_path: Path, content: str) -> None:
    photo(tmp_path / "photos/1.png")
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(FissuraError, match=r"a\.json: ") as caught:
        import_masks(tmp_path / "a.json", tmp_path / "photos", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out/manifest.csv").exists()


@pytest.mark.parametrize(
    "content",
    [
        {"annotations": [], "images": [{"id": 1, "file_name": "1.png"}], "categories": [{"id": 1, "name": "joint"}]},
        [
            {
                "data": {"image": "1.png"},
                "annotations": [{"result": [{"type": "brushlabels", "value": {"brushlabels": ["joint"]}}]}],
            }
        ],
    ],
)
def test_an_only_label_is_not_taken_for_crack(tmp_path: Path, content: object) -> None:
    photo(tmp_path / "photos/1.png")
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(FissuraError, match=r"a\.json: none of its labels begins with crack \(joint\); rename"):
        import_masks(tmp_path / "a.json", tmp_path / "photos", tmp_path / "out")


def test_other_things_that_cannot_be_imported_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "photos/1.png")
    source = coco(tmp_path / "a.json", "1.png")
    with pytest.raises(FissuraError, match="within the folder of photographs"):
        import_masks(source, tmp_path / "photos", tmp_path / "photos/out")
    photo(tmp_path / "walls/images/1.png")
    with pytest.raises(FissuraError, match="walls: is a data set, which a manifest would change"):
        import_masks(source, tmp_path / "walls/images", tmp_path / "walls")
    with pytest.raises(FissuraError, match="no such file or folder"):
        import_masks(source, tmp_path / "elsewhere", tmp_path / "out")
    with pytest.raises(FissuraError, match=r"1\.png: is no folder; give the folder of the photographs"):
        import_masks(source, tmp_path / "photos/1.png", tmp_path / "out")
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
