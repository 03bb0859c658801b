"""From probability map to mask and score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from fissura.errors import FissuraError
from fissura.segmenting import Cleaning, clean, pieces, score_photo

PROBABILITIES = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=24),
    elements=st.floats(0, 1, width=32),
)
CLEANINGS = st.builds(
    lambda low, high, px, fraction: Cleaning(
        low=min(low, high), high=max(low, high), min_extent_px=px, min_extent_fraction=fraction
    ),
    st.floats(0, 0.95),
    st.floats(0.05, 1),
    st.floats(0, 30),
    st.floats(0, 1),
)
ANY_SIZE = {"min_extent_px": 0.0, "min_extent_fraction": 0.0}


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (0.4, 0.8), (0.55, 0.95), (0.7, 0.99)])
def test_hysteresis_agrees_with_scikit_image(low: float, high: float) -> None:
    noise = np.random.default_rng(0).random((200, 300))
    probability = ndimage.gaussian_filter(noise, 1.5)
    probability = ((probability - probability.min()) / np.ptp(probability)).astype(np.float32)

    mask = clean(probability, Cleaning(low=low, high=high, **ANY_SIZE))

    expected = np.zeros_like(mask)  # scikit-image joins 4-neighbours: join diagonal ones by hand
    labels, _ = ndimage.label(probability > low, structure=np.ones((3, 3)))
    for label in np.unique(labels[apply_hysteresis_threshold(probability, low, high)]):
        expected |= labels == label
    assert 0 < mask.sum() < mask.size
    np.testing.assert_array_equal(mask, expected)


def test_diagonal_cracks_are_one_piece() -> None:
    probability = np.eye(40, dtype=np.float32) * 0.6
    probability[3, 3] = 0.95
    settings_ = Cleaning(low=0.5, high=0.9, min_extent_px=40, min_extent_fraction=1)
    assert clean(probability, settings_).sum() == 40


def test_smallest_extent_is_the_lesser_of_the_two_demands() -> None:
    def survives(length_px: int, side_px: int) -> bool:
        probability = np.zeros((side_px, side_px), np.float32)
        probability[5, 2 : 2 + length_px] = 1
        demands = Cleaning(low=0.5, high=0.9, min_extent_px=20, min_extent_fraction=0.25)
        return bool(clean(probability, demands).any())

    assert not survives(9, side_px=40)
    assert survives(10, side_px=40)  # a quarter of 40 px
    assert not survives(19, side_px=400)
    assert survives(20, side_px=400)  # 20 px, not a quarter of 400 px


@settings(max_examples=100, deadline=None)
@given(PROBABILITIES, CLEANINGS)
def test_score_and_mask_never_contradict_each_other(probability: np.ndarray, cleaning: Cleaning) -> None:
    mask = clean(probability, cleaning)
    score = score_photo(probability, cleaning)
    assert 0 <= score <= 1
    assert mask.any() == (score >= cleaning.high)
    assert not mask.any() or probability[mask].min() > cleaning.low


@settings(max_examples=100, deadline=None)
@given(PROBABILITIES, CLEANINGS, st.floats(0, 1))
def test_score_and_mask_grow_with_probability(probability: np.ndarray, cleaning: Cleaning, share: float) -> None:
    higher = np.maximum(probability + np.float32(share) * (1 - probability), probability)
    assert score_photo(higher, cleaning) >= score_photo(probability, cleaning)
    assert not (clean(probability, cleaning) & ~clean(higher, cleaning)).any()


def test_longer_cracks_score_higher() -> None:
    def score(length_px: int) -> float:
        probability = np.zeros((80, 80), np.float32)
        probability[40, :length_px] = 0.95
        return score_photo(probability, Cleaning(low=0.5, high=0.9, min_extent_px=20, min_extent_fraction=1))

    scores = [score(length_px) for length_px in (0, 1, 5, 19, 20)]
    assert scores == sorted(set(scores))
    assert scores[-1] == pytest.approx(0.95)


def test_photographs_below_the_low_threshold_are_still_ranked() -> None:
    cleaning = Cleaning(low=0.5, high=0.9, min_extent_px=20, min_extent_fraction=1)
    faint, fainter = (np.full((30, 30), p, np.float32) for p in (0.4, 0.2))
    assert 0 < score_photo(fainter, cleaning) < score_photo(faint, cleaning) < cleaning.high


@settings(max_examples=100, deadline=None)
@given(PROBABILITIES, st.floats(0, 0.9))
def test_pieces_agree_with_scipy(probability: np.ndarray, low: float) -> None:
    found = pieces(probability, low)
    labels, count = ndimage.label(probability > low, structure=np.ones((3, 3)))
    assert len(found.peak) == len(found.extent_px) == count
    peaks = ndimage.maximum(probability, labels, range(1, count + 1)) if count else []
    extents = [max(s.stop - s.start for s in box) for box in ndimage.find_objects(labels)]
    assert sorted(zip(found.peak, found.extent_px, strict=True)) == sorted(zip(peaks, extents, strict=True))


def test_one_search_for_pieces_serves_many_settings() -> None:
    probability = ndimage.gaussian_filter(np.random.default_rng(1).random((90, 120)), 2).astype(np.float32)
    probability = (probability - probability.min()) / np.ptp(probability)
    found = pieces(probability, 0.5)
    for high in (0.6, 0.9):
        for extent_px in (0, 8, 30):
            cleaning = Cleaning(low=0.5, high=high, min_extent_px=extent_px, min_extent_fraction=1)
            np.testing.assert_array_equal(found.mask(cleaning), clean(probability, cleaning))
            assert found.score(cleaning) == score_photo(probability, cleaning)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 40), st.floats(0.5, 0.95))
def test_weak_pieces_stay_beside_a_crack_as_scipy_finds_them(seed: int, extent_px: int, high: float) -> None:
    probability = ndimage.gaussian_filter(np.random.default_rng(seed).random((70, 90)), 1.5)
    probability = ((probability - probability.min()) / np.ptp(probability)).astype(np.float32)
    cleaning = Cleaning(low=0.5, high=high, min_extent_px=extent_px, min_extent_fraction=1)
    square = np.ones((3, 3))
    labels, count = ndimage.label(probability > 0.5, structure=square)
    extents = np.array([max(s.stop - s.start for s in box) for box in ndimage.find_objects(labels)])
    numbers = np.arange(1, count + 1)
    sure = (ndimage.maximum(probability, labels, numbers) >= high) & (extents >= extent_px)
    near = labels > 0
    if extent_px >= 4:  # a quarter of the extent on both sides: a gap of at most half of it
        near = ndimage.binary_dilation(near, square, iterations=extent_px // 4)
    groups, _ = ndimage.label(near, structure=square)
    beside = np.isin(groups, groups[np.isin(labels, numbers[sure])]) & np.isin(
        labels, numbers[extents >= extent_px / 4]
    )
    np.testing.assert_array_equal(clean(probability, cleaning), np.isin(labels, numbers[sure]) | beside)


def test_weak_pieces_alone_are_no_crack() -> None:
    cleaning = Cleaning(low=0.5, high=0.9, min_extent_px=40, min_extent_fraction=1)
    probability = np.zeros((60, 200), np.float32)
    probability[30, 10:60] = 0.95  # the crack
    probability[30, 80:95] = 0.6  # goes on after a gap of 20 px
    probability[30, 120:180] = 0.6  # after another of 25: too far
    probability[33, 62:70] = 0.99  # too small to be anything
    mask = clean(probability, cleaning)
    assert mask.any(axis=0).nonzero()[0].tolist() == [*range(10, 60), *range(80, 95)]
    assert not clean(np.where(probability == np.float32(0.95), 0, probability), cleaning).any()


def no_specks(mask: np.ndarray, probability: np.ndarray, high: float, extent_px: float) -> np.ndarray:
    """Keep of a mask the parts that reach ``high`` or extend far enough, as scipy finds them."""
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    peaks = np.atleast_1d(ndimage.maximum(probability, labels, range(1, count + 1)) if count else [])
    extents = [max(s.stop - s.start for s in box) for box in ndimage.find_objects(labels)]
    numbers = [n + 1 for n in range(count) if peaks[n] >= high or extents[n] >= extent_px]
    return np.isin(labels, numbers)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 1.0, 1.5]), st.integers(0, 40), st.floats(0.2, 0.9))
def test_flanks_and_specks_go_as_scipy_finds_them(seed: int, sigma_px: float, extent_px: int, share: float) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((50, 60)), sigma_px)
    probability = ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)
    cleaning = Cleaning(low=0.2, high=0.9, min_extent_px=extent_px, min_extent_fraction=1)
    mask = clean(probability, cleaning.model_copy(update={"crest_share": share}))
    whole = clean(probability, cleaning)
    levels = np.rint(255 * probability).astype(int)
    least = share * ndimage.maximum_filter(levels, size=9, mode="constant") if share > 0.2 else 0
    without_flanks = whole & (levels >= np.floor(least))
    np.testing.assert_array_equal(mask, no_specks(without_flanks, probability, 0.9, extent_px / 4))


@settings(max_examples=200, deadline=None)
@given(PROBABILITIES, CLEANINGS, st.floats(0, 1), st.integers(0, 2))
def test_there_is_a_crack_with_flanks_gaps_and_specks_or_without(
    probability: np.ndarray, cleaning: Cleaning, share: float, radius_px: int
) -> None:
    drawn = cleaning.model_copy(update={"crest_share": share, "closing_px": radius_px})
    assert clean(probability, drawn).any() == clean(probability, cleaning).any()  # so that score and mask agree


def test_a_crack_that_fades_is_one_crack_and_no_row_of_specks() -> None:
    probability = np.zeros((60, 160), np.float32)
    probability[30, 10:70] = 0.98
    probability[30, 70:150] = 0.1  # goes on, too faint for all of it to reach
    probability[30, 75:150:9] = 0.5  # what its crests ask for
    probability[30, 120:135] = 0.5
    settings_ = Cleaning(low=0.05, high=0.9, min_extent_px=40, min_extent_fraction=1, crest_share=0.35)
    drawn = clean(probability, settings_)[30].nonzero()[0]
    assert drawn.tolist() == [*range(10, 70), *range(120, 135)]
    probability[30, 102] = 0.95  # a dot that is sure by itself
    assert clean(probability, settings_)[30].nonzero()[0].tolist() == sorted([*drawn, 102])


def test_a_sure_stretch_loses_its_flanks_and_a_faint_one_keeps_its_width() -> None:
    probability = np.zeros((60, 120), np.float32)
    probability[28:33, 10:60], probability[30, 10:60] = 0.2, 0.98  # its flanks are as probable as
    probability[29:32, 60:100] = 0.2  # the faint stretch that goes on from it
    settings_ = Cleaning(low=0.1, high=0.9, min_extent_px=20, min_extent_fraction=1)
    assert clean(probability, settings_).sum(axis=0).tolist() == [0] * 10 + [5] * 50 + [3] * 40 + [0] * 20
    cut = clean(probability, settings_.model_copy(update={"crest_share": 0.35})).sum(axis=0)
    assert cut[10:60].tolist() == [1] * 50
    assert cut[64:100].tolist() == [3] * 36


@settings(max_examples=200, deadline=None)
@given(PROBABILITIES, CLEANINGS, st.integers(1, 3))
def test_gaps_are_closed_as_scipy_closes_them(probability: np.ndarray, cleaning: Cleaning, radius_px: int) -> None:
    mask = clean(probability, cleaning.model_copy(update={"closing_px": radius_px}))
    open_ = clean(probability, cleaning)
    rows, columns = np.ogrid[-radius_px : radius_px + 1, -radius_px : radius_px + 1]
    # OpenCV's disk: each row as long as the circle's chord, rounded.
    disk = np.abs(columns) <= np.rint(np.sqrt(radius_px**2 - rows**2))
    margin = 2 * radius_px
    expected = ndimage.binary_closing(np.pad(open_, margin), disk)[margin:-margin, margin:-margin]
    np.testing.assert_array_equal(mask, expected)
    assert mask.any() == open_.any()  # so the score goes on telling whether there is a crack


def test_a_grain_in_a_crack_is_crack_and_the_wall_between_two_cracks_is_none() -> None:
    probability = np.zeros((60, 100), np.float32)
    probability[20:27, 10:90] = 0.98
    probability[22:25, 40:43] = 0.0  # a grain
    probability[35:38, 10:90] = 0.98  # eight px from the other
    settings_ = Cleaning(low=0.1, high=0.9, min_extent_px=20, min_extent_fraction=1, closing_px=2)
    assert clean(probability, settings_).sum(axis=1).tolist() == [0] * 20 + [80] * 7 + [0] * 8 + [80] * 3 + [0] * 22


def test_what_reaches_high_is_drawn_whatever_the_share() -> None:
    probability = np.zeros((30, 30), np.float32)
    probability[10, 2:28], probability[12, 10] = 0.3, 1.0
    settings_ = Cleaning(low=0.1, high=0.3, min_extent_px=20, min_extent_fraction=1, crest_share=0.5)
    assert clean(probability, settings_).sum() == 26


def test_changed_settings_are_checked() -> None:
    cleaning = Cleaning(low=0.5, high=0.9, min_extent_px=20, min_extent_fraction=0.25)
    assert cleaning.changed(high=0.8, min_extent_px=0) == Cleaning(
        low=0.5, high=0.8, min_extent_px=0, min_extent_fraction=0.25
    )
    assert cleaning.changed() == cleaning
    with pytest.raises(FissuraError, match=r"low \(0.95\) must not be above high \(0.9\)"):
        cleaning.changed(low=0.95)
    with pytest.raises(FissuraError, match=r"^min_extent_fraction: .*less than or equal to 1"):
        cleaning.changed(min_extent_fraction=25)
