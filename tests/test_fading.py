"""Real cracks that fade: fainter in stretches, where they were, on a surface as rough as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fissura.painting import PaintedPhoto, PainterSettings, draw_surface, fade, paint_cracks

PLAIN = PainterSettings(width_px=(4.0, 7.0), visibility=(7.0, 9.0), distractors=0.0, network_share=0.0)


def cracked(seed: int) -> PaintedPhoto:
    surface = draw_surface("concrete", 192, 192, np.random.default_rng(seed))
    return paint_cracks(surface, np.random.default_rng(100 + seed), PLAIN)


def faded(seed: int, sample: PaintedPhoto, most: float = 0.9) -> np.ndarray:
    surface = draw_surface("asphalt", 192, 192, np.random.default_rng(200 + seed))
    return fade(sample.photo, ~sample.mask, surface, np.random.default_rng(300 + seed), most=most)


def depth(photo: np.ndarray, sample: PaintedPhoto) -> np.ndarray:
    """How much darker each pixel of the crack is than the surface."""
    grey = photo.mean(axis=2)
    return grey[~sample.mask].mean() - grey[sample.mask]


def test_cracks_go_faint_and_stay_where_they_were() -> None:
    remaining = []
    for seed in range(30):
        sample = cracked(seed)
        if sample.mask.sum() < 200:
            continue
        before, after = depth(sample.photo, sample), depth(faded(seed, sample), sample)
        assert 0.15 * before.mean() < after.mean() < 1.02 * before.mean()
        remaining.append(after.mean() / before.mean())
    assert len(remaining) > 15
    assert min(remaining) < 0.75
    assert max(remaining) > 0.95


def test_the_surface_stays_as_bright_and_as_rough() -> None:
    for seed in range(12):
        sample = cracked(seed)
        before, after = (photo[~sample.mask].astype(float) for photo in (sample.photo, faded(seed, sample)))
        assert after.mean() == pytest.approx(before.mean(), abs=2)
        assert after.std() == pytest.approx(before.std(), rel=0.15)


def test_without_fading_a_photograph_is_what_it_was() -> None:
    sample = cracked(0)
    np.testing.assert_array_equal(faded(0, sample, most=0.0), sample.photo)


def test_a_seed_is_a_fading_and_the_photograph_given_is_left_alone() -> None:
    sample = cracked(1)
    kept = sample.photo.copy()
    np.testing.assert_array_equal(faded(1, sample), faded(1, sample))
    np.testing.assert_array_equal(sample.photo, kept)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    level=st.integers(0, 255),
    is_known=st.booleans(),
    seed=st.integers(0, 99),
)
def test_flat_surfaces_of_any_size_and_no_background_at_all(
    shape: tuple[int, int], level: int, is_known: bool, seed: int
) -> None:
    photo = np.full((*shape, 3), level, np.uint8)
    surface = np.random.default_rng(seed).integers(0, 255, photo.shape, np.uint8)
    after = fade(photo, np.full(shape, is_known), surface, np.random.default_rng(seed), most=0.9)
    np.testing.assert_array_equal(after, photo)
