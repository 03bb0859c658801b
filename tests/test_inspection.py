"""Inspection finds what would mislead training or scoring, and no bad photograph ends it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fissura.errors import FissuraError
from fissura.photos import DataSet, Photo, load_data, read_photo
from fissura.photos.duplicates import near_pairs, perceptual_hash, thumbnail
from fissura.photos.findings import association
from fissura.photos.inspection import inspect_data
from fissura.reporting.inspection_sheet import draw_inspection
from fissura.scoring import evaluate, illustrate


def wall(seed: int, height: int = 96, width: int = 128) -> Image.Image:
    """A grainy surface under uneven light, another one for each seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(90, 170, (height // 8, width // 8), dtype=np.uint8))
    light = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=float)
    grey = light + rng.normal(0, 12, (height, width))
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")


def put(image: Image.Image, path: Path, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four cracked and four uncracked photographs, all different."""
    for seed in range(8):
        put(wall(seed), tmp_path / "walls" / ("cracked" if seed < 4 else "uncracked") / f"{seed}.png")
    return tmp_path / "walls"


def test_a_sound_data_set(root: Path) -> None:
    steps: list[tuple[int, int]] = []
    seen = inspect_data(load_data(root), progress=lambda done, total: steps.append((done, total)))
    assert seen.warnings == ()
    assert seen.exact_duplicates == seen.near_duplicates == ()
    assert seen.unreadable == {}
    assert steps == [(done, 8) for done in range(1, 9)]
    assert seen.counts.loc[("none", "walls")].to_dict() == {"cracked": 4, "uncracked": 4}
    assert seen.sizes.to_dict("records") == [{"width_px": 128, "height_px": 96, "photos": 8}]


def test_names_that_are_no_text_end_neither_inspection_nor_scoring(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    put(wall(1), tmp_path / name / "cracked" / f"{name}.png")
    put(wall(2), tmp_path / name / "uncracked" / f"{name}.png")
    (tmp_path / name / "cracked" / f"{name}.jpg").write_text("no picture")
    data = load_data(tmp_path / name)
    seen = inspect_data(data)
    told = json.loads(seen.to_json())
    assert {photo["source"] for photo in told["photos"]} == {"caf\\udce9"}
    assert [Path(path).name for path in seen.unreadable] == ["caf\\udce9.jpg"]
    draw_inspection(seen, data, tmp_path / "inspection.png")
    blank = np.zeros((96, 128), np.float32)
    evaluation = evaluate(data, lambda _: SimpleNamespace(probability=blank, mask=blank > 0, score=0.0))
    evaluation.write(tmp_path / "scores")
    assert len(pd.read_csv(tmp_path / "scores/photos.csv")) == 2
    illustrate(
        evaluation, lambda _: SimpleNamespace(probability=blank, mask=blank < 1, score=0.0), tmp_path / "scores"
    )


def test_bad_photographs_are_listed_and_the_rest_inspected(root: Path) -> None:
    (root / "cracked/text.jpg").write_text("no picture")
    (root / "cracked/cut.png").write_bytes((root / "cracked/0.png").read_bytes()[:2000])
    (root / "uncracked/empty.jpg").touch()
    seen = inspect_data(load_data(root))
    assert {Path(path).name for path in seen.unreadable} == {"text.jpg", "cut.png", "empty.jpg"}
    assert "3 of 11 photographs cannot be read" in seen.warnings[0]
    assert seen.photos["width_px"].count() == 8
    assert seen.exact_duplicates == ()


def test_nothing_readable_at_all(tmp_path: Path) -> None:
    (tmp_path / "cracked").mkdir()
    (tmp_path / "cracked/a.jpg").write_text("no picture")
    seen = inspect_data(load_data(tmp_path))
    assert "1 of 1 photographs cannot be read" in seen.warnings[0]
    assert "No photograph is labelled uncracked" in seen.warnings[1]
    draw_inspection(seen, load_data(tmp_path), tmp_path / "sheet.png")
    assert read_photo(tmp_path / "sheet.png").size


def test_exact_copies_across_labels_and_splits(tmp_path: Path) -> None:
    for seed in range(6):
        put(
            wall(seed),
            tmp_path / ("train" if seed < 4 else "test") / ("crack" if seed % 2 else "noncrack") / f"{seed}.png",
        )
    put(wall(0), tmp_path / "train/crack/copy.png")  # 0 is uncracked
    put(wall(1), tmp_path / "test/crack/copy.png")  # 1 is in train
    seen = inspect_data(load_data(tmp_path))
    assert {tuple(sorted(p.name for p in group)) for group in seen.exact_duplicates} == {
        ("0.png", "copy.png"),
        ("1.png", "copy.png"),
    }
    assert seen.near_duplicates == ()  # a copy is not reported twice
    said = " ".join(seen.warnings)
    assert "1 pair of photographs are copies of one file but have different labels" in said
    assert "1 pair of photographs are copies of one file and stand on both sides of the train/test split" in said


@pytest.mark.parametrize(
    "change",
    [
        lambda image: (image, {"format": "JPEG", "quality": 60}),
        lambda image: (image.resize((96, 72), Image.Resampling.LANCZOS), {}),
        lambda image: (image.point(lambda value: min(255, int(value * 1.2))), {}),
        lambda image: (image.point(lambda value: int(value * 0.6 + 20)), {}),
    ],
    ids=["re-encoded", "smaller", "brighter", "flatter"],
)
def test_near_duplicates(root: Path, change) -> None:
    image, options = change(wall(2))
    put(image, root / "uncracked/again.png", **options)
    seen = inspect_data(load_data(root))
    assert [{path.name for path in pair} for pair in seen.near_duplicates] == [{"2.png", "again.png"}]
    assert any("show the same picture but have different labels" in warning for warning in seen.warnings)


def test_plain_surfaces_are_not_each_others_duplicates() -> None:
    flat = [np.full((64, 64, 3), grey, dtype=np.uint8) for grey in (90, 91, 120, 200)]
    shade = np.linspace(80, 160, 96)[None, :, None] * np.ones((96, 1, 3))
    rng = np.random.default_rng(0)
    smooth = [np.clip(shade + rng.normal(0, 4, (96, 96, 1)), 0, 255).astype(np.uint8) for _ in range(12)]
    photos = flat + smooth
    hashes = [perceptual_hash(photo) for photo in photos]
    assert min((a != b).sum() for i, a in enumerate(hashes) for b in hashes[:i]) <= 12  # candidates there are
    assert near_pairs(hashes, [thumbnail(photo) for photo in photos]) == []


def test_near_pairs_across_blocks_of_many_photographs() -> None:
    rng = np.random.default_rng(1)
    hashes = list(rng.random((2500, 64)) < 0.5)
    small = list(rng.integers(0, 255, (2500, 64, 64), dtype=np.uint8))
    for copy, original in ((2400, 7), (1030, 1020), (2499, 2498)):
        hashes[copy], small[copy] = hashes[original], small[original]
    assert near_pairs(hashes, small) == [(7, 2400), (1020, 1030), (2498, 2499)]
    assert near_pairs([], []) == []


def test_masks_are_checked_against_their_photographs(tmp_path: Path) -> None:
    images, masks = tmp_path / "images", tmp_path / "masks"
    for seed, name in enumerate(("CFD_1", "CFD_2", "CFD_3", "noncrack_CFD_4", "noncrack_CFD_5")):
        put(wall(seed), images / f"{name}.jpg")
    half = Image.fromarray(np.repeat(np.array([[0], [255]], dtype=np.uint8), 48, axis=0).repeat(128, axis=1))
    put(half, masks / "CFD_1.png")
    put(half.resize((64, 48)), masks / "CFD_2.png")
    put(half.point(lambda value: value // 255), masks / "CFD_3.png")
    put(half, masks / "noncrack_CFD_4.png")
    seen = inspect_data(load_data(tmp_path))
    table = seen.photos.set_index(seen.photos["photo"].map(lambda photo: Path(photo).stem))
    assert table.loc["CFD_1", "crack_fraction"] == pytest.approx(0.5)
    assert table["has_mask"].to_dict()["noncrack_CFD_5"] is False
    assert "the mask is 64 x 48 px" in table.loc["CFD_2", "mask_problem"]
    said = " ".join(seen.warnings)
    assert "Masks that cannot be used: 1." in said
    assert "Cracked photographs with an empty mask: 1 (images/CFD_3.jpg)" in said
    assert "Uncracked photographs with crack in their mask: 1 (images/noncrack_CFD_4.jpg)" in said


def test_cracked_photographs_without_a_mask_beside_others_that_have_one(tmp_path: Path) -> None:
    crack = Image.fromarray(np.repeat(np.array([[0], [255]], np.uint8), 48, axis=0).repeat(128, axis=1))
    for seed, name in enumerate(("CFD_1", "CFD_2", "noncrack_CFD_3", "noncrack_CFD_4")):
        put(wall(seed), tmp_path / "images" / f"{name}.png")
    assert inspect_data(load_data(tmp_path)).warnings == ()  # labels alone are all that training needs
    put(crack, tmp_path / "masks/CFD_1.png")
    (warning,) = inspect_data(load_data(tmp_path)).warnings
    assert warning.startswith("1 of 2 cracked photographs have no mask: images/CFD_2.png.")
    put(wall(4), tmp_path / "images/CFD_5.png")
    assert inspect_data(load_data(tmp_path)).warnings == ()  # a person has corrected a few


def test_masks_among_photographs_are_named(root: Path) -> None:
    mask = np.zeros((96, 128), np.uint8)
    mask[40:44] = 255
    put(Image.fromarray(mask), root / "cracked/0_mask.png")
    (warning,) = inspect_data(load_data(root)).warnings
    assert "as masks are: 1 (cracked/0_mask.png)" in warning


def test_label_told_by_source_and_size(tmp_path: Path) -> None:
    for seed in range(20):
        put(wall(seed, 48, 48), tmp_path / "bridge/cracked" / f"{seed}.png")
        put(wall(100 + seed, 64, 64), tmp_path / "tunnel/uncracked" / f"{seed}.png")
    seen = inspect_data(load_data(tmp_path / "bridge", tmp_path / "tunnel"))
    assert seen.label_told_by == {"source": pytest.approx(1, abs=0.02), "size": pytest.approx(1, abs=0.02)}
    said = " ".join(seen.warnings)
    assert "In source bridge 100% of the photographs are cracked" in said
    assert "The size of a photograph tells its label" in said


def test_association_against_known_values() -> None:
    labels = pd.Series(["cracked", "uncracked"] * 500)
    assert association(labels, labels) == pytest.approx(1, abs=1e-3)
    assert association(labels, pd.Series(["a", "a", "b", "b"] * 250)) == 0
    assert association(labels, pd.Series(range(1000))) == 0  # without the correction of bias this would be 1
    assert association(labels, pd.Series(["one"] * 1000)) == 0
    assert association(pd.Series([None, None], dtype="str"), pd.Series([1, 2])) == 0


def test_association_approaches_the_uncorrected_measure_of_scipy() -> None:
    from scipy.stats.contingency import association as cramer

    rng = np.random.default_rng(0)
    label = pd.Series(rng.random(20_000) < 0.4)
    source = pd.Series(np.where(rng.random(20_000) < 0.6, label, rng.integers(0, 3, 20_000)))
    expected = cramer(pd.crosstab(label, source).to_numpy(), method="cramer")
    assert association(label, source) == pytest.approx(expected, abs=2e-3)


def test_tiles_of_one_photograph_on_both_sides(tmp_path: Path) -> None:
    for seed, name in enumerate(("train/images/CRACK500_2016_1_0_0.png", "test/images/CRACK500_2016_1_0_360.png")):
        put(wall(seed), tmp_path / name)
    assert any("tiles on both sides" in warning for warning in inspect_data(load_data(tmp_path)).warnings)


def test_a_copy_in_a_data_set_without_a_split_leaks_into_the_test_split_of_another(
    root: Path, tmp_path: Path
) -> None:
    put(wall(0), tmp_path / "roads/test/cracked/copy.png")
    put(wall(20), tmp_path / "roads/test/uncracked/other.png")
    alone, together = (inspect_data(load_data(*roots)) for roots in ([root], [root, tmp_path / "roads"]))
    assert alone.warnings == ()  # and no split is none that anything could leak across
    assert any("copies of one file and stand on both sides" in warning for warning in together.warnings)


def test_photographs_without_a_label(tmp_path: Path) -> None:
    data = DataSet(
        (Photo(put(wall(0), tmp_path / "a.png"), None), Photo(put(wall(1), tmp_path / "b.png"), "cracked"))
    )
    seen = inspect_data(data)
    assert any("Photographs without a label: 1" in warning for warning in seen.warnings)
    assert seen.counts.to_dict("records") == [{"cracked": 1, "unlabelled": 1}]


def test_json_holds_everything(root: Path) -> None:
    (root / "cracked/text.jpg").write_text("no picture")
    put(wall(1), root / "cracked/copy.png")
    told = json.loads(inspect_data(load_data(root)).to_json())
    assert len(told["photos"]) == 10
    assert told["counts"] == [{"split": "none", "source": "walls", "cracked": 6, "uncracked": 4}]
    assert [Path(path).name for path in told["exact_duplicates"][0]] == ["1.png", "copy.png"]
    unread = next(row for row in told["photos"] if row["problem"])
    assert unread["width_px"] is None
    assert len(told["warnings"]) == 2


def test_sheet_frames_both_labels(root: Path, tmp_path: Path) -> None:
    (root / "cracked/text.jpg").write_text("no picture")
    data = load_data(root)
    draw_inspection(inspect_data(data), data, tmp_path / "out/sheet.png")
    sheet = read_photo(tmp_path / "out/sheet.png").reshape(-1, 3).astype(int)
    for colour in ((0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2)):
        assert (np.abs(sheet - colour).max(axis=1) < 12).sum() > 2000
    with pytest.raises(FissuraError, match="cannot be written"):
        draw_inspection(inspect_data(data), data, root / "cracked/0.png/sheet.png")


@pytest.mark.real_data
def test_names_with_dollars_are_drawn_as_they_are(root: Path, tmp_path: Path) -> None:
    odd = root.rename(tmp_path / "$x^{$")
    (odd / "cracked/$y_{$.jpg").write_text("no picture")
    data = load_data(odd)
    seen = inspect_data(data)
    assert "$y_{$" in "".join(seen.warnings)
    draw_inspection(seen, data, tmp_path / "sheet.png")
    assert read_photo(tmp_path / "sheet.png").size


def test_real_photographs(real_data: Path) -> None:
    seen = inspect_data(load_data(real_data / "field"))
    assert seen.unreadable == {}
    assert seen.exact_duplicates == seen.near_duplicates == ()
    assert seen.label_told_by["source"] == pytest.approx(0.21, abs=0.02)
    assert [warning for warning in seen.warnings if "In source CFD 93%" in warning] == list(seen.warnings)
    assert seen.sizes["photos"].tolist() == [800, 370, 119]
