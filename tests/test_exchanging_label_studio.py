"""Label Studio's JSON: its own run-length code, checked against its converter's and @thi.ng/rle-pack's facts."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from fissura.errors import FissuraError
from fissura.exchanging import export, import_masks
from fissura.exchanging.label_studio import decode_brush, encode_brush
from fissura.photos import read_mask, save_image
from small_cracks import cracked_photo, photos_on_disk, some_masks

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))
SHAPE = (4, 5)
STROKE = np.zeros(SHAPE, bool)
STROKE[1, 1:4] = STROKE[3, 0] = True
# What label-studio-converter 0.0.59 gives for STROKE.
STROKE_CODE = [0, 0, 0, 80, 57, 27, 254, 23, 0, 183, 255, 133, 192, 35, 255, 190, 0]


def rgba_of(code: list[int]) -> list[int]:
    """Unpack a code bit by bit, as the documents of @thi.ng/rle-pack describe it; slow and plain."""
    bits = "".join(f"{byte:08b}" for byte in code)
    place = 0

    def take(count: int) -> int:
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    total, word, sizes = take(32), take(5) + 1, [take(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < total:
        if take(1):
            count = take(sizes[take(2)]) + 1
            values += [take(word)] * count
        else:
            count = take(sizes[take(2)]) + 1
            values += [take(word) for _ in range(count)]
    return values


def packed(values: list[int], literally: bool) -> list[int]:
    """Pack values in chunks of up to 16, repeated ones or told one by one, as the browser's packer mixes them."""
    bits = f"{len(values):032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    start = 0
    while start < len(values):
        end = start + 1
        while end < min(len(values), start + 16) and (literally or values[end] == values[start]):
            end += 1
        told = values[start:end] if literally else values[start : start + 1]
        bits += f"{0 if literally else 1}01{end - start - 1:04b}" + "".join(f"{value:08b}" for value in told)
        start = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[index : index + 8], 2) for index in range(0, len(bits), 8)]


def task(name: str, code: list[int], shape: tuple[int, int], **region: object) -> dict[str, object]:
    value = {"format": "rle", "rle": code, "brushlabels": ["crack"]}
    result = {
        "type": "brushlabels",
        "value": value,
        "original_height": shape[0],
        "original_width": shape[1],
        **region,
    }
    return {"data": {"image": name}, "annotations": [{"result": [result]}]}


def imported(tmp_path: Path, tasks: object, **photos: tuple[int, int]) -> dict[str, str]:
    """Import tasks for black photographs ``<name>.png`` of these shapes; give the reasons of those skipped."""
    for name, shape in photos.items():
        save_image(tmp_path / f"photos/{name}.png", np.zeros((*shape, 3), np.uint8))
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    return dict(import_masks(tmp_path / "tasks.json", tmp_path / "photos", tmp_path / "out").skipped)


def mask_of(tmp_path: Path, name: str) -> np.ndarray:
    return read_mask(tmp_path / f"out/masks/{name}.png.png")


def test_the_code_is_that_of_label_studios_converter() -> None:
    assert encode_brush(STROKE) == STROKE_CODE
    np.testing.assert_array_equal(decode_brush(STROKE_CODE, SHAPE), STROKE)


@given(MASKS)
def test_the_documented_unpacking_finds_the_mask_in_every_channel(mask: np.ndarray) -> None:
    rgba = np.reshape(rgba_of(encode_brush(mask)), (*mask.shape, 4))
    np.testing.assert_array_equal(rgba, np.where(mask[:, :, None], 255, 0).repeat(4, axis=2))


@given(MASKS)
def test_codes_told_value_by_value_are_read(mask: np.ndarray) -> None:
    values = np.zeros((*mask.shape, 4), int)
    values[mask] = (200, 30, 40, 255)
    for literally in (False, True):
        np.testing.assert_array_equal(decode_brush(packed(values.ravel().tolist(), literally), mask.shape), mask)


def test_runs_longer_than_the_longest_count_are_split() -> None:
    mask = np.zeros((300, 400), bool)
    mask[:120] = True
    np.testing.assert_array_equal(np.reshape(rgba_of(encode_brush(mask)), (300, 400, 4))[:, :, 3] > 0, mask)
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), mask.shape), mask)


def test_a_soft_or_half_transparent_brush_is_cut_at_half_its_opacity() -> None:
    alpha = np.array([[0, 30, 90, 120, 120, 50]])
    code = packed(np.repeat(alpha, 4).tolist(), literally=True)
    np.testing.assert_array_equal(decode_brush(code, (1, 6)), [[False, False, True, True, True, False]])


def test_tasks_are_predictions_that_a_person_can_correct(tmp_path: Path) -> None:
    photos = [cracked_photo(name, mask) for name, mask in some_masks().items()]
    export(photos, "label-studio", tmp_path / "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert [t["data"]["image"] for t in tasks] == [f"/data/local-files/?d={photo.name}" for photo in photos]
    for photo, one in zip(photos, tasks, strict=True):
        assert "annotations" not in one
        (prediction,) = one["predictions"]
        assert len(prediction["result"]) == int(photo.mask.any())
        for region in prediction["result"]:
            assert {key: region[key] for key in ("from_name", "to_name", "type")} == {
                "from_name": "label",
                "to_name": "image",
                "type": "brushlabels",
            }
            size = (region["original_height"], region["original_width"])
            rgba = np.reshape(rgba_of(region["value"]["rle"]), (*size, 4))
            np.testing.assert_array_equal(rgba[:, :, 3] > 0, photo.mask)


def test_export_and_import_of_accepted_predictions_give_the_same_masks(tmp_path: Path) -> None:
    masks = photos_on_disk(tmp_path / "photos")
    export([cracked_photo(name, mask) for name, mask in masks.items()], "label-studio", tmp_path / "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    for one in tasks:  # what the button Submit does
        one["annotations"] = one.pop("predictions")
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    summary = import_masks(tmp_path / "tasks.json", tmp_path / "photos", tmp_path / "out")
    assert (summary.cracked, summary.uncracked, summary.skipped) == (4, 1, ())
    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(tmp_path / f"out/masks/{name}.png", mask.shape), mask)


ODD_NAMES = ("wall #3.jpg", "a+b.jpg", "a&b.jpg", "100%25.jpg", "south/50%.jpg", "what?.jpg", "Gewölbe.jpg")


def test_names_of_any_letters_reach_label_studio_and_come_back(tmp_path: Path) -> None:
    for name in ODD_NAMES:
        save_image(tmp_path / "photos" / name, np.zeros((*SHAPE, 3), np.uint8))
    export([cracked_photo(name, STROKE) for name in ODD_NAMES], "label-studio", tmp_path / "tasks.json")
    content = (tmp_path / "tasks.json").read_text().replace("predictions", "annotations")
    served = [parse_qs(urlsplit(one["data"]["image"]).query)["d"] for one in json.loads(content)]
    assert served == [[name] for name in ODD_NAMES]
    (tmp_path / "tasks.json").write_text(content)
    summary = import_masks(tmp_path / "tasks.json", tmp_path / "photos", tmp_path / "out")
    assert (summary.cracked, summary.skipped) == (len(ODD_NAMES), ())


@pytest.mark.parametrize("name", ["wall #3", "a+b", "a&b", "what?", "50%"])
def test_addresses_without_escapes_are_read_too(tmp_path: Path, name: str) -> None:
    address = f"/data/local-files/?d={name}.png"
    assert imported(tmp_path, [task(address, STROKE_CODE, SHAPE)], **{name: SHAPE}) == {}


def test_predictions_that_nobody_has_looked_at_are_not_imported(tmp_path: Path) -> None:
    photos_on_disk(tmp_path / "photos")
    photos = [cracked_photo(name, mask) for name, mask in some_masks().items()]
    export(photos, "label-studio", tmp_path / "tasks.json")
    with pytest.raises(FissuraError, match="nobody has annotated it"):
        import_masks(tmp_path / "tasks.json", tmp_path / "photos", tmp_path / "out")


@pytest.mark.parametrize(
    "address",
    [
        "/data/upload/3/0a1b2c3d-stroke.png",
        "/data/local-files/?d=walls/photos/stroke.png",
        "https://example.com/some%20where/stroke.png?signature=abc#top",
        "s3://bucket/stroke.png",
        "stroke.png",
    ],
)
def test_photographs_are_found_wherever_label_studio_kept_them(tmp_path: Path, address: str) -> None:
    assert imported(tmp_path, [task(address, STROKE_CODE, SHAPE)], stroke=SHAPE, other=SHAPE) == {}
    np.testing.assert_array_equal(mask_of(tmp_path, "stroke"), STROKE)


def test_the_latest_annotation_counts_and_cancelled_ones_do_not(tmp_path: Path) -> None:
    one = task("1.png", STROKE_CODE, SHAPE)
    (annotation,) = one["annotations"]
    one["annotations"] = [
        {"result": [], "updated_at": "2026-03-09T22:16:08Z"},
        {**annotation, "updated_at": "2026-05-09T22:16:08Z"},
        {"result": [], "updated_at": "2026-06-09T22:16:08Z", "was_cancelled": True},
    ]
    two = {"data": {"image": "2.png"}, "annotations": [{"result": [], "was_cancelled": True}]}
    skipped = imported(tmp_path, [one, two], **{"1": SHAPE, "2": SHAPE})
    np.testing.assert_array_equal(mask_of(tmp_path, "1"), STROKE)
    assert list(skipped) == ["2.png"]


def answer(kind: str, value: object) -> dict[str, object]:
    return {"from_name": "verdict", "to_name": "image", "type": kind, "value": value}


def test_answers_about_the_whole_picture_do_not_keep_its_mask_out(tmp_path: Path) -> None:
    drawn, empty = task("1.png", STROKE_CODE, SHAPE), task("2.png", STROKE_CODE, SHAPE)
    (brush,) = drawn["annotations"][0]["result"]
    drawn["annotations"][0]["result"] = [
        answer("choices", {"choices": ["cracked"]}),
        brush,
        answer("choices", {"choices": ["poor light"]}),
        answer("rating", {"rating": 4}),
        answer("textarea", {"text": ["under the beam"]}),
        answer("number", {"number": 3}),
        answer("datetime", {"datetime": "2026-11-01"}),
        answer("taxonomy", {"taxonomy": [["wall", "north"]]}),
    ]
    empty["annotations"][0]["result"] = [answer("choices", {"choices": ["uncracked"]})]
    assert imported(tmp_path, [drawn, empty], **{"1": SHAPE, "2": SHAPE}) == {}
    np.testing.assert_array_equal(mask_of(tmp_path, "1"), STROKE)
    assert not mask_of(tmp_path, "2").any()


def test_a_label_may_stand_in_a_result_of_its_own(tmp_path: Path) -> None:
    one, other = (task(name, STROKE_CODE, SHAPE, id="a", type="brush") for name in ("1.png", "2.png"))
    for drawn, label in ((one, "crack"), (other, "joint")):
        (brush,) = drawn["annotations"][0]["result"]
        del brush["value"]["brushlabels"]
        drawn["annotations"][0]["result"].append({"id": "a", "type": "labels", "value": {"labels": [label]}})
    assert imported(tmp_path, [one, other], **{"1": SHAPE, "2": SHAPE}) == {}
    np.testing.assert_array_equal(mask_of(tmp_path, "1"), STROKE)
    assert not mask_of(tmp_path, "2").any()


@pytest.mark.parametrize(
    "value",
    [
        {"format": "rle", "rle": STROKE_CODE},
        {"format": "rle", "rle": STROKE_CODE, "brushlabels": []},
        {"points": [[0, 0], [50, 0], [50, 50]], "closed": True},
    ],
)
def test_a_photograph_is_not_uncracked_for_a_region_without_a_label(tmp_path: Path, value: dict[str, object]) -> None:
    unlabelled = task("1.png", STROKE_CODE, SHAPE, value=value)
    skipped = imported(tmp_path, [unlabelled, task("2.png", STROKE_CODE, SHAPE)], **{"1": SHAPE, "2": SHAPE})
    assert skipped == {"1.png": "it has a region without a label; give the region its label, or delete it"}


def test_a_photograph_said_to_be_cracked_is_not_uncracked_for_want_of_a_mask(tmp_path: Path) -> None:
    said, good = task("1.png", STROKE_CODE, SHAPE), task("2.png", STROKE_CODE, SHAPE)
    said["annotations"][0]["result"] = [answer("choices", {"choices": ["Cracked"]})]
    skipped = imported(tmp_path, [said, good], **{"1": SHAPE, "2": SHAPE})
    assert skipped == {"1.png": "it is said to be cracked, but no crack is drawn; draw it with the brush"}


@pytest.mark.parametrize(
    ("code", "region"),
    [
        (STROKE_CODE[:-3], {}),
        ([], {}),
        ([0, 0, 0, 84, *STROKE_CODE[4:]], {}),
        ([255, 255, 255, 255, *STROKE_CODE[4:]], {}),
        ([*STROKE_CODE[:6], 255, 255, 255, 255, 255], {}),
        ([256] * 9, {}),
        (["a"], {}),
        (10**9, {}),
        (None, {}),
        (STROKE_CODE, {"original_height": 10**9, "original_width": 10**9}),
        (STROKE_CODE, {"image_rotation": 90}),
        (STROKE_CODE, {"value": {"brushlabels": ["crack"], "points": []}}),
    ],
)
def test_hostile_regions_are_skipped(tmp_path: Path, code: object, region: dict[str, object]) -> None:
    tasks = [task("bad.png", code, SHAPE, **region), task("good.png", STROKE_CODE, SHAPE)]
    assert list(imported(tmp_path, tasks, bad=SHAPE, good=SHAPE)) == ["bad.png"]
    assert [path.name for path in (tmp_path / "out/masks").iterdir()] == ["good.png.png"]
