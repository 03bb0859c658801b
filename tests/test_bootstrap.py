"""The bootstrap against scipy's, and what groups do to it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import bootstrap, norm

from fissura.scoring.bootstrap import interval, resample


def mean_of(values):
    return lambda weights: weights @ values / weights.sum(-1)


def test_interval_of_a_mean_agrees_with_scipy():
    values = np.random.default_rng(0).beta(2, 1, 120)
    low, high = interval(resample(mean_of(values), np.arange(120), resamples=9000, seed=1))
    theirs = bootstrap((values,), np.mean, n_resamples=9000, method="percentile", rng=2).confidence_interval
    width = theirs.high - theirs.low
    assert low == pytest.approx(theirs.low, abs=0.05 * width)
    assert high == pytest.approx(theirs.high, abs=0.05 * width)


def test_interval_holds_the_truth_about_as_often_as_it_says():
    draw = np.random.default_rng(3)
    held = 0
    for trial in range(200):
        values = draw.normal(0.6, 0.2, 60)
        low, high = interval(resample(mean_of(values), np.arange(60), resamples=400, seed=trial))
        held += low <= 0.6 <= high
    assert 0.89 <= held / 200 <= 0.99


def test_groups_are_drawn_whole():
    groups = np.repeat(["a", "b", "c", "d"], 5)
    drawn = resample(lambda weights: weights, groups, resamples=50, seed=0)  # (50, 20)
    by_group = drawn.reshape(50, 4, 5)
    assert (by_group == by_group[:, :, :1]).all()
    assert (by_group[:, :, 0].sum(axis=1) == 4).all()
    assert len(np.unique(by_group[:, :, 0], axis=0)) > 10


def test_alike_photographs_of_one_group_widen_the_interval():
    values = np.repeat(np.random.default_rng(5).random(20), 10)  # 20 parents, 10 equal tiles each
    apart = np.ptp(interval(resample(mean_of(values), np.arange(200), seed=0)))
    together = np.ptp(interval(resample(mean_of(values), np.repeat(np.arange(20), 10), seed=0)))
    assert together == pytest.approx(apart * np.sqrt(10), rel=0.15)


def test_width_of_a_share_follows_the_normal_law():
    alarms = np.arange(400) < 100  # a quarter of 400
    low, high = interval(resample(mean_of(alarms.astype(float)), np.arange(400), seed=0))
    half = norm.ppf(0.975) * np.sqrt(0.25 * 0.75 / 400)
    assert (low, high) == pytest.approx((0.25 - half, 0.25 + half), abs=0.006)


def test_a_seed_repeats_itself_and_another_differs():
    values = np.random.default_rng(1).random(30)
    first, again, other = (resample(mean_of(values), np.arange(30), resamples=20, seed=s) for s in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_unanswered_resamples_are_left_out():
    replicates = np.array([[0.2, np.nan], [np.nan, np.nan], [0.4, np.nan]])
    low, high = interval(replicates)
    assert low[0] == pytest.approx(0.205)
    assert high[0] == pytest.approx(0.395)
    assert np.isnan([low[1], high[1]]).all()


def test_thousands_of_resamples_of_a_large_test_set_take_seconds_at_most():
    values = np.random.default_rng(0).random((5000, 12))
    begin = time.perf_counter()
    replicates = resample(lambda weights: weights @ values / 5000, np.arange(5000), resamples=2000)
    assert replicates.shape == (2000, 12)
    assert time.perf_counter() - begin < 10
