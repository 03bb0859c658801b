"""COCO files: pycocotools reads what was written, and what pycocotools and other tools write is read."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw
from pycocotools import mask as pycoco
from pycocotools.coco import COCO

from fissura.exchanging import export, import_masks
from fissura.exchanging.coco import read_coco, write_coco
from fissura.photos import read_mask, save_image
from small_cracks import cracked_photo, photos_on_disk, some_masks

SHAPE = (12, 15)


def opened(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(path)


def test_pycocotools_finds_every_crack_with_its_measurements(tmp_path: Path) -> None:
    photos = [cracked_photo(name, mask, 0.25) for name, mask in some_masks().items()]
    export(photos, "coco", tmp_path / "cracks.json")
    coco = opened(tmp_path / "cracks.json")
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["crack"]
    assert [image["file_name"] for image in coco.dataset["images"]] == [photo.name for photo in photos]
    for photo, image in zip(photos, coco.dataset["images"], strict=True):
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        assert len(annotations) == len(photo.measurement.cracks)
        for crack, annotation in zip(photo.measurement.cracks, annotations, strict=True):
            np.testing.assert_array_equal(coco.annToMask(annotation), photo.measurement.labels == crack.number)
            assert annotation["area"] == pycoco.area(annotation["segmentation"]) == crack.area_px
            assert annotation["bbox"] == pycoco.toBbox(annotation["segmentation"]).tolist()
            assert annotation["score"] == 0.75
            assert annotation["attributes"]["length_mm"] == crack.length_mm
            assert annotation["attributes"]["pattern"] == "diagonal"


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    export([cracked_photo("1.png", np.eye(4, dtype=bool))], "coco", tmp_path / "cracks.json")
    content = (tmp_path / "cracks.json").read_text()
    assert "NaN" not in content
    assert "null" not in content
    assert "length_mm" not in content


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_any_mask_survives_the_round_trip(mask: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cracks.json"
        write_coco(path, [cracked_photo("1.png", mask)])
        (correction,) = read_coco(path, json.loads(path.read_text()))
        np.testing.assert_array_equal(correction.read(mask.shape), mask)


def test_export_and_import_give_the_same_masks(tmp_path: Path) -> None:
    masks = photos_on_disk(tmp_path / "photos")
    export([cracked_photo(name, mask) for name, mask in masks.items()], "coco", tmp_path / "cracks.json")
    summary = import_masks(tmp_path / "cracks.json", tmp_path / "photos", tmp_path / "out")
    assert (summary.cracked, summary.uncracked, summary.skipped) == (4, 1, ())
    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(tmp_path / f"out/masks/{name}.png", mask.shape), mask)


def content_with(segmentation: object, **image: object) -> dict[str, object]:
    return {
        "images": [{"id": 7, "file_name": "1.png", "height": SHAPE[0], "width": SHAPE[1], **image}],
        "categories": [{"id": 3, "name": "Crack"}, {"id": 4, "name": "joint"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "segmentation": segmentation},
            {"id": 2, "image_id": 7, "category_id": 4, "segmentation": [[0, 0, 15, 0, 15, 12]]},
        ],
    }


def read(content: dict[str, object]) -> np.ndarray:
    (correction,) = read_coco(Path("a.json"), content)
    return correction.read(SHAPE)


def test_polygons_and_plain_counts_are_read_as_pycocotools_reads_them() -> None:
    polygons = [[1.0, 1.0, 9.5, 2.0, 8.0, 10.5, 2.0, 7.0], [10, 0, 15, 0, 15, 12, 12, 12]]
    expected = pycoco.decode(pycoco.merge(pycoco.frPyObjects(polygons, *SHAPE))).astype(bool)
    assert 20 < expected.sum() < 120
    np.testing.assert_array_equal(read(content_with(polygons)), expected)
    columns = expected.ravel(order="F")
    counts = np.diff(np.r_[0, np.flatnonzero(np.diff(columns.astype(int))) + 1, columns.size]).tolist()
    counts = counts if not columns[0] else [0, *counts]
    np.testing.assert_array_equal(read(content_with({"size": list(SHAPE), "counts": counts})), expected)


def test_annotations_of_other_categories_are_no_crack() -> None:
    content = content_with(None)
    del content["annotations"][0]
    np.testing.assert_array_equal(read(content), np.zeros(SHAPE, bool))


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"segmentation": [], "bbox": [1, 2, 9, 3]}, "a box only; draw its outline"),
        ({"segmentation": None, "bbox": [1, 2, 9, 3]}, "a box only; draw its outline"),
        ({"bbox": [1, 2, 9, 3]}, "a box only; draw its outline"),
        ({"segmentation": [[1, 5, 9, 5, 9, 5.4, 1, 5.4]]}, "holds no pixel"),
        ({"segmentation": [[20, 20, 30, 20, 30, 30]]}, "holds no pixel"),
        ({"segmentation": [[1, 5, 9, 5, 9, 9]], "category_id": 5}, "a category that the file does not name"),
    ],
)
def test_a_photograph_is_not_uncracked_for_a_crack_that_cannot_be_drawn(
    tmp_path: Path, annotation: dict[str, object], reason: str
) -> None:
    for name in ("1.png", "good.png"):
        save_image(tmp_path / "photos" / name, np.zeros((*SHAPE, 3), np.uint8))
    content = content_with(None)
    content["images"].append({"id": 8, "file_name": "good.png"})
    content["annotations"][0] = {"id": 1, "image_id": 7, "category_id": 3, **annotation}
    (tmp_path / "a.json").write_text(json.dumps(content))
    summary = import_masks(tmp_path / "a.json", tmp_path / "photos", tmp_path / "out")
    ((name, why),) = summary.skipped
    assert name == "1.png"
    assert reason in why
    assert (summary.cracked, summary.uncracked) == (0, 1)


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [12, 15], "counts": "0" * 5},
        {"size": [12, 15], "counts": "oooooooooooooooooooooooo"},
        {"size": [12, 15], "counts": "\x00\x01"},
        {"size": [12, 15], "counts": "é"},
        {"size": [12, 15], "counts": [181]},
        {"size": [12, 15], "counts": [200, -20]},
        {"size": [12, 15], "counts": [10**18, 10**18]},
        {"size": [12, 15], "counts": [10**30]},
        {"size": [12, 15], "counts": [[180]]},
        {"size": [12, 15], "counts": None},
        {"size": [10**9, 10**9], "counts": [10**18]},
        {"size": [12]},
        {"counts": [180]},
        [[0, 0, 1]],
        [[0, 0, 1, 1, 2]],
        [[0, 0, float("nan"), 1, 2, 2]],
        [[0, 0, float("inf"), 1, 2, 2]],
        [["a", "b", "c", "d", "e", "f"]],
        [[0, 0, 15, 12] * 200_000],
        [[-1e18, 0, 1e18, 0, 1e18, 1e18, -1e18, 1e18]],
        [[1e9, 1e9, 1e9 + 9, 1e9, 1e9, 1e9 + 9]],
        [[1e300, 0, -1e300, 0, 0, 1e308]],
        "1 2 3",
        7,
        None,
    ],
)
def test_hostile_masks_are_skipped(tmp_path: Path, segmentation: object) -> None:
    save_image(tmp_path / "photos/1.png", np.zeros((*SHAPE, 3), np.uint8))
    save_image(tmp_path / "photos/good.png", np.zeros((*SHAPE, 3), np.uint8))
    content = content_with(segmentation)
    content["images"].append({"id": 8, "file_name": "good.png"})
    (tmp_path / "a.json").write_text(json.dumps(content))
    summary = import_masks(tmp_path / "a.json", tmp_path / "photos", tmp_path / "out")
    assert [name for name, _ in summary.skipped] == ["1.png"]
    assert [path.name for path in (tmp_path / "out/masks").iterdir()] == ["good.png.png"]


def test_polygons_are_cut_where_they_leave_the_picture() -> None:
    np.testing.assert_array_equal(read(content_with([[-1e5, 0, 1e5, 0, 1e5, 1e5, -1e5, 1e5]])), np.ones(SHAPE))
    slanted = np.array([[-200, 100], [300, 300], [300, 306], [-200, 106]])
    seen = Image.new("1", (400, 400))
    ImageDraw.Draw(seen).polygon([tuple(corner) for corner in slanted.tolist()], fill=1)
    content = content_with([slanted.ravel().tolist()], height=400, width=400)
    del content["annotations"][1]
    (correction,) = read_coco(Path("a.json"), content)
    found, expected = correction.read((400, 400)), np.asarray(seen)
    assert (found & expected).sum() / (found | expected).sum() > 0.8  # but for the outline's own pixels
    np.testing.assert_array_equal(np.flatnonzero(found[:, 0])[[0, -1]], (180, 185))
