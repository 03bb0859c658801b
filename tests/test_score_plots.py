"""The pictures of a score: drawn in any odd circumstance, in colours that mean what they say."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageColor

from fissura.errors import FissuraError
from fissura.reporting import score_plots
from fissura.reporting.score_plots import Example, draw_gallery, draw_precision_recall, draw_threshold_curve

FOUND, FALSE, MISSED = (ImageColor.getrgb(colour) for colour in score_plots.DIFFERENCE.values())


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.int64)


def count(picture: np.ndarray, colour: tuple[int, ...]) -> int:
    """Count the pixels within a hair of a colour."""
    return int((np.abs(picture - np.array(colour)).max(axis=2) <= 6).sum())


def example(truth: tuple[int, int], prediction: tuple[int, int], name="a.jpg", shape=(90, 120)) -> Example:
    masks = [np.zeros(shape, bool) for _ in range(2)]
    for mask, (begin, end) in zip(masks, (truth, prediction), strict=True):
        mask[:, begin:end] = True
    return Example(name, np.full((*shape, 3), 140, np.uint8), *masks, dice=0.5)


def test_the_difference_colours_found_false_and_missed(tmp_path):
    def counts(one: Example) -> np.ndarray:
        draw_gallery(tmp_path / "gallery.png", {"Best": [one]})
        picture = pixels(tmp_path / "gallery.png")
        return np.array([count(picture, colour) for colour in (FOUND, FALSE, MISSED)])

    key = counts(example((0, 0), (0, 0)))  # the legend's own patches
    assert (key > 0).all()
    same = counts(example((20, 60), (20, 60))) - key
    assert same[0] > 1000
    assert (same[1:] == 0).all()
    overshoot = counts(example((20, 40), (20, 60))) - key
    assert overshoot[0] == pytest.approx(overshoot[1], rel=0.1)
    assert overshoot[2] == 0
    missed = counts(example((20, 60), (0, 0))) - key
    assert missed[2] == pytest.approx(same[0], rel=0.05)
    assert (missed[:2] == 0).all()


def test_a_crack_one_pixel_wide_in_a_huge_photograph_stays_visible(tmp_path):
    thin = example((2000, 2001), (0, 0), shape=(3000, 4000))
    draw_gallery(tmp_path / "thin.png", {"Worst": [thin]})
    draw_gallery(tmp_path / "none.png", {"Worst": [example((0, 0), (0, 0), shape=(3000, 4000))]})
    thin_blue = np.abs(pixels(tmp_path / "thin.png") - pixels(tmp_path / "none.png")).max(axis=2) > 40
    assert thin_blue.any(axis=1).sum() > 100  # rows in which the crack can be seen


def test_a_gallery_takes_odd_numbers_shapes_names_and_empty_sections(tmp_path):
    odd = [
        example((5, 9), (6, 9), name="$x^{$.jpg"),
        example((5, 9), (6, 9), name="long " * 60, shape=(20, 400)),
        example((5, 9), (6, 9), name="ひび割れ.jpg", shape=(400, 20)),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_gallery(tmp_path / "gallery.png", {"Best": odd, "Worst": [], "False alarms": odd[:1]})
        tall = pixels(tmp_path / "gallery.png").shape[0]
        draw_gallery(tmp_path / "gallery.png", {"Best": odd})
    assert pixels(tmp_path / "gallery.png").shape[0] < tall


def test_curves_are_drawn_with_a_line_for_each_source(tmp_path):
    thresholds = pd.Index(np.arange(256) / 256, name="threshold")
    columns = {"overall": 1 - thresholds, "CFD": thresholds * 0.5, "$odd_{": thresholds * 0.2}
    dice = pd.DataFrame(columns, index=thresholds)
    draw_threshold_curve(tmp_path / "all.png", dice, cleaned_dice=0.7)
    draw_threshold_curve(tmp_path / "one.png", dice[["overall"]])
    blue, black = ImageColor.getrgb("#0072B2"), ImageColor.getrgb("#222222")
    assert count(pixels(tmp_path / "all.png"), blue) > 300
    assert count(pixels(tmp_path / "one.png"), blue) == 0
    assert count(pixels(tmp_path / "one.png"), black) > 300


def test_precision_recall_is_drawn_where_it_is_defined(tmp_path):
    thresholds = pd.Index(np.arange(256) / 256, name="threshold")
    precision = np.where(thresholds < 0.6, 0.5 + thresholds / 2, np.nan)  # nothing predicted above 0.6
    table = pd.DataFrame({"precision": precision, "recall": 1 - thresholds**2}, index=thresholds)
    draw_precision_recall(tmp_path / "pr.png", table)
    blue = ImageColor.getrgb("#0072B2")
    assert count(pixels(tmp_path / "pr.png"), blue) > 200
    draw_precision_recall(tmp_path / "empty.png", table * np.nan)
    assert count(pixels(tmp_path / "empty.png"), blue) == 0


def test_an_unwritable_place_is_an_error_the_user_can_mend(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FissuraError, match="file"):
        draw_gallery(tmp_path / "file" / "gallery.png", {"Best": [example((5, 9), (6, 9))]})
