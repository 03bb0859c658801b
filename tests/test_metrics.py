"""The measures against torchmetrics, scikit-image and scipy, and the laws they must keep."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, distance_transform_edt, shift
from scipy.stats import mannwhitneyu
from skimage.draw import disk, line
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_f1_score,
    binary_jaccard_index,
    binary_precision,
    binary_recall,
)

from fissura.scoring import metrics

Mask = NDArray[np.bool_]

unhurried = settings(deadline=None)  # the machine may be busy with other work
masks = arrays(np.bool_, (9, 12))
EMPTY = np.zeros((9, 12), bool)


def a_crack(width: int = 5) -> Mask:
    """A slanting crack of the given width, well away from the border."""
    mask = np.zeros((64, 80), bool)
    mask[line(20, 15, 40, 65)] = True
    return np.asarray(binary_dilation(mask, np.ones((width, width))))


def random_pair(seed: int, density: float = 0.2) -> tuple[Mask, Mask]:
    draw = np.random.default_rng(seed)
    truth = draw.random((40, 50)) < density
    return truth ^ (draw.random(truth.shape) < 0.1), truth


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.dice, binary_f1_score),
        (metrics.iou, binary_jaccard_index),
        (metrics.precision, binary_precision),
        (metrics.recall, binary_recall),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_overlap_measures_agree_with_torchmetrics(ours, theirs, seed):
    prediction, truth = random_pair(seed)
    expected = theirs(torch.from_numpy(prediction).int(), torch.from_numpy(truth).int())
    assert ours(prediction, truth) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("decimals", [1, 8], ids=["many ties", "no ties"])
def test_auroc_agrees_with_torchmetrics_and_scipy(decimals):
    draw = np.random.default_rng(3)
    cracked = draw.random(200) < 0.4
    scores = np.round(np.clip(draw.normal(0.45 + 0.1 * cracked, 0.2), 0, 1), decimals)
    ours = float(metrics.auroc(scores, cracked))
    u = mannwhitneyu(scores[cracked], scores[~cracked]).statistic
    assert ours == pytest.approx(u / (cracked.sum() * (~cracked).sum()))
    assert ours == pytest.approx(
        float(binary_auroc(torch.from_numpy(scores), torch.from_numpy(cracked).int())), abs=1e-6
    )


def test_auroc_weights_mean_that_photographs_count_several_times():
    draw = np.random.default_rng(4)
    scores, cracked = np.round(draw.random(30), 1), draw.random(30) < 0.5
    weights = draw.integers(0, 4, size=(5, 30))
    repeated = [float(metrics.auroc(np.repeat(scores, w), np.repeat(cracked, w))) for w in weights]
    assert metrics.auroc(scores, cracked, weights) == pytest.approx(repeated)


def test_auroc_of_one_label_alone_is_not_a_number():
    assert np.isnan(metrics.auroc(np.array([0.1, 0.9]), np.array([True, True])))


def test_original_dice_follows_its_formula_on_grey_truth():
    draw = np.random.default_rng(5)
    truth_grey = draw.integers(0, 256, (20, 20)) / 255
    prediction = draw.random((20, 20)) < 0.3
    # The original, in torch, as its authors ran it: float tensors of one photograph.
    p, t = torch.from_numpy(prediction).float(), torch.from_numpy(truth_grey).float()
    expected = (2 * (p * t).sum() + 1e-6) / (p.sum() + t.sum() + 1e-6)
    assert metrics.dice_original(prediction, truth_grey) == pytest.approx(float(expected), rel=1e-5)


def test_original_dice_rewards_predicting_nothing_on_uncracked_photographs_alone():
    assert metrics.dice_original(EMPTY, EMPTY.astype(float)) == 1
    cracked = np.where(np.eye(9, 12, dtype=bool), 1.0, 0.0)
    assert 0 < metrics.dice_original(EMPTY, cracked) < 1e-6


def test_original_dice_stays_below_one_on_a_grey_fringe():
    truth = a_crack()
    fringe = np.where(truth, 1.0, np.where(binary_dilation(truth), 0.2, 0.0))
    assert metrics.dice(truth, fringe > 0.5) == 1
    assert 0.9 < metrics.dice_original(truth, fringe) < 1


@pytest.mark.parametrize("tolerance", [0, 1, 2, 3.5])
def test_tolerance_f1_agrees_with_scipys_distances(tolerance):
    prediction, truth = random_pair(7, density=0.01)
    near_truth = (distance_transform_edt(~truth)[prediction] <= tolerance).mean()
    near_prediction = (distance_transform_edt(~prediction)[truth] <= tolerance).mean()
    expected = 2 * near_truth * near_prediction / (near_truth + near_prediction)
    assert metrics.tolerance_f1(prediction, truth, tolerance) == pytest.approx(expected)


def test_tolerance_is_euclidean():
    truth, prediction = EMPTY.copy(), EMPTY.copy()
    truth[2, 2] = prediction[4, 4] = True  # 2.83 px apart, though 2 px along either axis
    assert metrics.tolerance_f1(prediction, truth, 2) == 0
    assert metrics.tolerance_f1(prediction, truth, 2.83) == 1


@pytest.mark.parametrize("offset", [(0, 1), (1, 0), (1, 1), (-1, 1), (0, -2)])
def test_a_small_offset_is_forgiven_at_two_pixels(offset):
    truth = a_crack()
    moved = np.asarray(shift(truth.astype(np.uint8), offset, order=0), bool)
    assert metrics.tolerance_f1(moved, truth, 2) == 1
    assert metrics.tolerance_f1(moved, truth, 0) < 0.95


def test_centreline_dice_forgives_width_but_not_a_missing_half():
    thin, thick = a_crack(width=3), a_crack(width=9)
    assert metrics.dice(thick, thin) < 0.6
    assert metrics.centreline_dice(thick, thin) > 0.95
    half = thin.copy()
    half[:, 40:] = False
    # All of the half's centre line is right, and about half of the truth's is found: 2 * 1 * 0.5 / 1.5.
    assert metrics.centreline_dice(half, thin) == pytest.approx(2 / 3, abs=0.05)


def test_centreline_dice_counts_a_detached_false_piece_by_its_length():
    truth = np.zeros((60, 60), bool)
    truth[20:23, 5:55] = True
    false = truth.copy()
    false[40:43, 5:55] = True
    blob = truth.copy()
    blob[disk((45, 30), 6.9)] = True  # as many pixels as the false line, hardly any centre line
    assert metrics.centreline_dice(false, truth) == pytest.approx(2 / 3, abs=0.02)
    assert metrics.centreline_dice(blob, truth) > 0.9


@pytest.mark.parametrize(
    "measure",
    [
        metrics.dice,
        metrics.iou,
        metrics.precision,
        metrics.recall,
        metrics.centreline_dice,
        lambda prediction, truth: metrics.tolerance_f1(prediction, truth, 2),
    ],
)
def test_one_rule_for_empty_masks(measure):
    something = EMPTY.copy()
    something[3, 2:7] = True
    assert measure(EMPTY, EMPTY) == 1
    assert measure(EMPTY, something) == 0
    assert measure(something, EMPTY) == 0
    assert measure(something, something) == 1


@pytest.mark.parametrize("measure", [metrics.dice, metrics.dice_original, metrics.centreline_dice])
def test_masks_of_different_sizes_are_refused(measure):
    with pytest.raises(ValueError, match="differ in shape"):
        measure(EMPTY, np.zeros((12, 9)))


@unhurried
@given(masks, masks)
def test_dice_is_symmetric_bounded_and_one_only_on_equality(prediction, truth):
    dice = metrics.dice(prediction, truth)
    assert dice == metrics.dice(truth, prediction)
    assert 0 <= dice <= 1
    assert (dice == 1) == np.array_equal(prediction, truth)


@unhurried
@given(masks, masks)
def test_iou_follows_from_dice(prediction, truth):
    dice = metrics.dice(prediction, truth)
    assert metrics.iou(prediction, truth) == pytest.approx(dice / (2 - dice))


@unhurried
@given(masks, masks)
def test_dice_is_the_harmonic_mean_of_precision_and_recall(prediction, truth):
    p, r = metrics.precision(prediction, truth), metrics.recall(prediction, truth)
    assert metrics.recall(truth, prediction) == p
    assert metrics.dice(prediction, truth) == pytest.approx(2 * p * r / (p + r) if p + r else 0)


@unhurried
@given(masks, masks)
def test_original_dice_of_a_binary_truth_is_dice(prediction, truth):
    original = metrics.dice_original(prediction, truth.astype(np.float64))
    assert original == pytest.approx(metrics.dice(prediction, truth), abs=1e-6)


@unhurried
@given(masks, masks, st.floats(0, 4), st.floats(0, 4))
def test_tolerance_f1_starts_at_dice_and_grows_with_the_tolerance(prediction, truth, one, other):
    low, high = sorted((one, other))
    at_low, at_high = (metrics.tolerance_f1(prediction, truth, t) for t in (low, high))
    assert metrics.tolerance_f1(prediction, truth, 0) == pytest.approx(metrics.dice(prediction, truth))
    assert 0 <= at_low <= at_high <= 1


@unhurried
@given(masks, masks)
def test_centreline_dice_is_symmetric_bounded_and_one_on_itself(prediction, truth):
    score = metrics.centreline_dice(prediction, truth)
    assert 0 <= score <= 1
    assert score == pytest.approx(metrics.centreline_dice(truth, prediction))
    assert metrics.centreline_dice(truth, truth) == 1


@unhurried
@given(
    arrays(np.float64, 15, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    arrays(np.bool_, 15).filter(lambda labels: labels.any() and not labels.all()),
)
def test_auroc_turns_over_with_the_scores_and_keeps_its_value_under_rescaling(scores, cracked):
    area = float(metrics.auroc(scores, cracked))
    assert 0 <= area <= 1
    assert float(metrics.auroc(-scores, cracked)) == pytest.approx(1 - area)
    assert float(metrics.auroc(np.exp(scores), cracked)) == pytest.approx(area)
