"""Scoring a method on a small data set whose every figure can be worked out by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchmetrics.functional.classification import binary_precision, binary_recall

from fissura.errors import FissuraError
from fissura.photos import DataSet, Photo, load_data
from fissura.scoring import evaluate, illustrate
from fissura.scoring.curves import Curves

SIDE = 40


@dataclass(frozen=True)
class Answer:
    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    score: float


def darkness(photo: NDArray[np.uint8]) -> Answer:
    """A method: the darker the likelier; the mask is what is darker than half."""
    probability = 1 - photo.mean(axis=2, dtype=np.float32) / 255
    return Answer(probability, probability > 0.5, float(probability.max()))


def nothing(photo: NDArray[np.uint8]) -> Answer:
    empty = np.zeros(photo.shape[:2], np.float32)
    return Answer(empty, empty > 0.5, 0.0)


def bars(*spans: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask with a full-height bar over each span of columns."""
    mask = np.zeros((SIDE, SIDE), bool)
    for begin, end in spans:
        mask[:, begin:end] = True
    return mask


def save(path: Path, dark: NDArray[np.bool_]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = np.where(dark, 20, 230).astype(np.uint8)
    Image.fromarray(grey).convert("RGB").save(path)
    return path


def save_mask(path: Path, mask: NDArray[np.bool_]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Two sources; `darkness` scores Dice 1, 2/3 and 1/2 on the cracked and has one false alarm of two."""

    def cracked(name: str, source: str, dark: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Photo:
        mask = save_mask(tmp_path / "masks" / f"{name}.png", truth)
        return Photo(save(tmp_path / f"{name}.png", dark), "cracked", mask, source, group=name)

    def uncracked(name: str, source: str, dark: NDArray[np.bool_]) -> Photo:
        return Photo(save(tmp_path / f"{name}.png", dark), "uncracked", None, source, group=name)

    return DataSet(
        (
            cracked("perfect", "wall", bars((10, 14)), bars((10, 14))),
            cracked("wide", "wall", bars((10, 18)), bars((10, 14))),  # precision 1/2, recall 1
            cracked("shifted", "road", bars((10, 14)), bars((12, 16))),  # half of each
            uncracked("quiet", "wall", bars()),
            uncracked("noisy", "road", bars((30, 31))),
        )
    )


def figures(evaluation, scope: str = "overall") -> pd.Series:
    return evaluation.summary.query("scope == @scope").set_index("metric")["value"]


def test_every_figure_of_a_small_data_set_worked_out_by_hand(data):
    overall = figures(evaluate(data, darkness))
    assert overall["dice_cracked"] == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert overall["iou"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert overall["precision"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert overall["recall"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert overall["tolerance_f1_0px"] == pytest.approx(overall["dice_cracked"])
    wide_with_tolerance = 2 * (6 / 8) / (6 / 8 + 1)  # two of the four false columns are within 2 px
    assert overall["tolerance_f1_2px"] == pytest.approx((1 + wide_with_tolerance + 1) / 3)
    # All five photographs: the quiet one scores 1, the noisy one 0.
    assert overall["dice_original"] == pytest.approx((1 + 2 / 3 + 1 / 2 + 1 + 0) / 5, abs=1e-6)
    tp, fp, fn = 4 + 4 + 2, 0 + 4 + 2 + 1, 0 + 0 + 2  # in columns
    assert overall["dice_pooled"] == pytest.approx(2 * tp / (2 * tp + fp + fn))
    assert overall["false_alarm_rate"] == 1 / 2
    assert overall["accuracy"] == 4 / 5
    assert overall["auroc"] == pytest.approx((3 * 1 + 3 * 0.5) / 6)  # the noisy one ties with the cracked


def test_mean_of_sources_counts_every_source_the_same(data):
    evaluation = evaluate(data, darkness)
    wall, road = figures(evaluation, "wall"), figures(evaluation, "road")
    assert wall["dice_cracked"] == pytest.approx(5 / 6)
    assert road["dice_cracked"] == pytest.approx(1 / 2)
    mean = figures(evaluation, "mean of sources")
    assert mean["dice_cracked"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert mean["false_alarm_rate"] == pytest.approx((0 + 1) / 2)


def test_no_interval_of_the_mean_where_a_source_has_but_one_group(data):
    roads = DataSet(tuple(photo for photo in data if photo.source == "wall" or photo.label == "cracked"))
    summary = evaluate(roads, darkness).summary.set_index(["scope", "metric"])
    assert summary.loc[("mean of sources", "dice_cracked"), "value"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert summary.loc[("mean of sources", "dice_cracked"), ["low95", "high95"]].isna().all()
    assert summary.loc[("wall", "dice_cracked"), ["low95", "high95"]].notna().all()


def test_one_source_alone_is_summarised_once(data):
    alone = DataSet(tuple(replace(photo, source="wall") for photo in data))
    assert set(evaluate(alone, darkness).summary["scope"]) == {"overall"}


def test_predicting_nothing_pleases_the_original_measure_only(data):
    overall = figures(evaluate(data, nothing))
    assert overall["dice_original"] == pytest.approx(2 / 5, abs=1e-6)  # the two uncracked ones
    assert overall["dice_cracked"] == 0
    assert overall["dice_pooled"] == 0
    assert overall["false_alarm_rate"] == 0
    assert overall["auroc"] == 0.5


def test_without_masks_only_image_level_figures_are_left(data):
    evaluation = evaluate(data.without_masks(), darkness)
    overall = figures(evaluation)
    assert overall["accuracy"] == 4 / 5
    assert np.isnan(overall["dice_cracked"])
    assert np.isnan(overall["dice_original"])  # 1/2 on the uncracked ones, which need no mask, would flatter
    assert np.isnan(overall["dice_pooled"])
    quiet = DataSet(tuple(photo for photo in data if photo.label == "uncracked"))
    assert figures(evaluate(quiet, darkness))["dice_original"] == pytest.approx(1 / 2)
    assert evaluation.photos["has_truth"].tolist() == [False, False, False, True, True]
    assert evaluation.photos["tp_px"].isna().tolist() == [True, True, True, False, False]


def test_a_mask_tells_a_missing_label(data):
    unlabelled = DataSet(tuple(replace(photo, label=None) for photo in data))
    evaluation = evaluate(unlabelled, darkness)
    assert evaluation.photos["label"].tolist() == ["cracked"] * 3
    assert [Path(one.photo).stem for one in evaluation.skipped] == ["quiet", "noisy"]
    assert "neither a label nor a mask" in evaluation.skipped[0].reason


def test_photographs_of_one_group_widen_the_interval(tmp_path):
    photos = []
    for place in range(24):
        shift = place // 6  # tiles of one parent are equally hard
        truth = bars((10, 16))
        path = save(tmp_path / f"{place}.png", bars((10 + shift, 16 + shift)))
        mask = save_mask(tmp_path / "masks" / f"{place}.png", truth)
        photos.append(Photo(path, "cracked", mask, "wall", group=f"parent {place // 6}"))

    def width(photos: list[Photo]) -> float:
        line = evaluate(DataSet(tuple(photos)), darkness).summary.set_index("metric").loc["dice_cracked"]
        assert line["low95"] < line["value"] < line["high95"]
        return float(line["high95"] - line["low95"])

    assert width(photos) > 1.8 * width([replace(photo, group="") for photo in photos])


def test_one_group_alone_claims_no_interval(data):
    siblings = DataSet(tuple(replace(photo, source="wall", group="the wall") for photo in data))
    summary = evaluate(siblings, darkness).summary
    assert summary["value"].notna().all()
    assert summary[["low95", "high95"]].isna().all(axis=None)


def test_a_figure_that_rests_on_one_group_claims_no_interval(data):
    summary = evaluate(DataSet((data[0], *data.uncracked)), darkness).summary.query("scope == 'overall'")
    claimed = set(summary["metric"][summary["low95"].notna()])
    assert claimed == {"dice_original", "dice_pooled", "accuracy", "false_alarm_rate"}  # and no AUROC of one crack
    pooled = evaluate(DataSet((data[0], data[3])), darkness).summary.set_index("metric").loc["dice_pooled"]
    assert pooled["value"] == 1
    assert np.isnan(pooled["low95"])  # the uncracked photograph has no pixel in it


def test_a_cracked_photograph_with_an_empty_mask_is_left_out(data, tmp_path):
    zero_or_one = tmp_path / "masks" / "zero_or_one.png"
    Image.fromarray(bars((10, 14)).astype(np.uint8)).save(zero_or_one)
    evaluation = evaluate(DataSet((replace(data[0], mask=zero_or_one), *data.photos[1:])), nothing)
    (skipped,) = evaluation.skipped
    assert "zero_or_one.png: is empty, though its photograph is labelled cracked; masks hold 255" in skipped.reason
    assert figures(evaluation)["dice_cracked"] == 0
    cracked = (replace(photo, mask=zero_or_one) for photo in data if photo.label == "cracked")
    with pytest.raises(FissuraError, match=r"not one cracked photograph could be scored.*zero_or_one\.png: is empty"):
        evaluate(DataSet((*cracked, *data.uncracked)), nothing)


def test_a_source_called_as_all_sources_are_is_told_apart_from_them(data, tmp_path):
    called = {"wall": "overall", "road": "mean of sources"}
    evaluation = evaluate(DataSet(tuple(replace(photo, source=called[photo.source]) for photo in data)), darkness)
    assert figures(evaluation, "source overall")["dice_cracked"] == pytest.approx(5 / 6)
    assert figures(evaluation)["dice_cracked"] == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert list(evaluation.dice_over_threshold) == ["overall", "source mean of sources", "source overall"]
    evaluation.write(tmp_path / "scores")
    illustrate(evaluation, darkness, tmp_path / "scores")


def test_bad_files_are_listed_and_the_rest_is_scored(data, tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("not a photograph")
    other_size = save_mask(tmp_path / "masks" / "other_size.png", np.ones((8, 8), bool))
    bad = (
        Photo(text, "cracked"),
        Photo(tmp_path / "missing.jpg", "cracked"),
        Photo(data[0].path, "cracked", other_size),
        Photo(data[0].path, "cracked", text),
    )
    evaluation = evaluate(DataSet(bad + data.photos), darkness)
    assert figures(evaluation)["dice_cracked"] == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    assert [one.photo for one in evaluation.skipped] == [str(photo.path) for photo in bad]
    reasons = [one.reason for one in evaluation.skipped]
    assert "text.jpg" in reasons[0]
    assert "missing.jpg" in reasons[1]
    assert "other_size.png" in reasons[2]
    assert "text.jpg" in reasons[3]


def test_nothing_to_score_is_an_error_that_names_a_file(tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("not a photograph")
    with pytest.raises(FissuraError, match=r"none of the 1 photographs.*text\.jpg"):
        evaluate(DataSet((Photo(text, "cracked"),)), darkness)
    with pytest.raises(FissuraError, match="none of the 0 photographs"):
        evaluate(DataSet(()), darkness)


def test_grey_truth_reaches_the_original_measure_alone(tmp_path):
    truth = np.where(bars((10, 14)), 255, np.where(bars((9, 15)), 100, 0)).astype(np.uint8)
    mask = tmp_path / "mask.png"
    Image.fromarray(truth).save(mask)
    photo = Photo(save(tmp_path / "photo.png", bars((10, 14))), "cracked", mask)
    row = evaluate(DataSet((photo,)), darkness).photos.iloc[0]
    assert row["dice"] == 1
    assert row["dice_original"] == pytest.approx(2 * 4 / (4 + 4 + 2 * 100 / 255), abs=1e-6)


def test_transparent_background_of_a_mask_is_no_crack_to_any_measure(tmp_path):
    crack = bars((10, 14))
    rgba = np.full((SIDE, SIDE, 4), 255, np.uint8)
    rgba[..., 3] = crack * 255
    mask = tmp_path / "mask.png"
    Image.fromarray(rgba).save(mask)
    photo = Photo(save(tmp_path / "photo.png", crack), "cracked", mask)
    row = evaluate(DataSet((photo,)), darkness).photos.iloc[0]
    assert row["dice"] == 1
    assert row["dice_original"] == pytest.approx(1)


def test_the_same_seed_gives_the_same_intervals_and_progress_is_told(data):
    told: list[tuple[int, int]] = []
    first = evaluate(data, darkness, seed=3, progress=lambda done, total: told.append((done, total)))
    pd.testing.assert_frame_equal(first.summary, evaluate(data, darkness, seed=3).summary)
    assert told == [(done, 5) for done in range(1, 6)]


def test_curves_agree_with_thresholding_every_map(data):
    evaluation = evaluate(data, darkness)
    curve, pixels = evaluation.dice_over_threshold, evaluation.precision_recall
    assert list(curve.columns) == ["overall", "road", "wall"]
    for threshold in (0.25, 0.5, 0.875):
        at_threshold = evaluate(
            data, lambda photo, t=threshold: replace(darkness(photo), mask=darkness(photo).probability >= t)
        )
        assert curve["overall"].loc[threshold] == pytest.approx(figures(at_threshold)["dice_cracked"])
        tp, fp, fn = (at_threshold.photos[f"{kind}_px"].sum() for kind in ("tp", "fp", "fn"))
        assert pixels["precision"].loc[threshold] == pytest.approx(tp / (tp + fp))
        assert pixels["recall"].loc[threshold] == pytest.approx(tp / (tp + fn))
    assert pixels["recall"].iloc[0] == 1


def test_curves_agree_with_torchmetrics_on_noise():
    draw = np.random.default_rng(0)
    truth = draw.random((60, 60)) < 0.1
    probability = np.clip(draw.normal(0.3 + 0.3 * truth, 0.2), 0, 1).astype(np.float32)
    curves = Curves()
    curves.add(probability, truth, cracked=True, source="noise")
    p, t = torch.from_numpy(probability), torch.from_numpy(truth).int()
    for threshold in (0.25, 0.5, 0.75):
        line = curves.precision_recall().loc[threshold]
        assert line["precision"] == pytest.approx(float(binary_precision(p, t, threshold)), abs=1e-6)
        assert line["recall"] == pytest.approx(float(binary_recall(p, t, threshold)), abs=1e-6)


def test_written_files_hold_the_same_figures(data, tmp_path):
    evaluation = evaluate(data, darkness)
    evaluation.write(tmp_path / "scores")
    summary = pd.read_csv(tmp_path / "scores" / "summary.csv")
    pd.testing.assert_frame_equal(summary, evaluation.summary, check_dtype=False)
    assert list(summary.columns) == ["scope", "metric", "value", "low95", "high95", "n"]
    photos = pd.read_csv(tmp_path / "scores" / "photos.csv")
    assert photos["dice"].tolist() == pytest.approx([1, 2 / 3, 1 / 2, 1, 0])
    assert photos["fp_px"].tolist() == [0, 4 * SIDE, 2 * SIDE, 0, SIDE]
    report = json.loads((tmp_path / "scores" / "summary.json").read_text())
    assert report["summary"]["overall"]["dice_cracked"]["value"] == figures(evaluation)["dice_cracked"]
    assert report["summary"]["overall"]["dice_cracked"]["n"] == 3
    assert report["data"] == {"fingerprint": data.fingerprint(), "scored": 5, "skipped": 0}
    assert pd.read_csv(tmp_path / "scores" / "precision_recall.csv").shape == (256, 3)
    assert len(list((tmp_path / "scores").iterdir())) == 5  # nothing half-written is left


def test_an_unwritable_folder_is_an_error_the_user_can_mend(data, tmp_path):
    (tmp_path / "scores").write_text("a file stands here")
    with pytest.raises(FissuraError, match="scores"):
        evaluate(data, darkness).write(tmp_path / "scores")


def test_illustrate_draws_what_there_is_truth_for(data, tmp_path):
    pictures = illustrate(evaluate(data, darkness), darkness, tmp_path / "all")
    assert [path.name for path in pictures] == [
        "dice_over_threshold.png",
        "precision_recall.png",
        "gallery.png",
    ]
    for path in pictures:
        with Image.open(path) as picture:
            picture.verify()
    unmasked = DataSet(data.without_masks().photos[:3])
    assert illustrate(evaluate(unmasked, darkness), darkness, tmp_path / "all") == []
    assert list((tmp_path / "all").iterdir()) == []  # pictures of another score would stand beside these tables


def test_a_picture_of_an_earlier_score_that_cannot_be_removed_is_named(data, tmp_path, monkeypatch):
    def fail(self, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "gallery.png").touch()
    evaluation = evaluate(data, darkness)
    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(FissuraError, match=r"gallery\.png: cannot be removed \(Permission denied\); choose another"):
        illustrate(evaluation, darkness, tmp_path)


def test_the_room_brings_no_torch():
    code = "import fissura.scoring, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.real_data
def test_real_photographs_are_scored_per_source(real_data):
    test = load_data(real_data / "field").with_split("test")
    evaluation = evaluate(DataSet(test.photos[::12]), darkness, resamples=200)
    assert evaluation.skipped == ()
    assert set(evaluation.summary["scope"]) >= {"overall", "CFD", "CONCRETE", "CRACK500", "mean of sources"}
    overall = figures(evaluation)
    assert 0 < overall["dice_cracked"] < 1
    assert overall["tolerance_f1_2px"] > overall["tolerance_f1_0px"]
