"""The mask of a raster, made window by window, is the mask made at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, maximum_filter
from skimage.measure import label, regionprops

from fissura.rasters.pieces import StreamedPieces, levels_for
from fissura.rasters.windows import Window, windows_of
from fissura.segmenting import Cleaning, clean, pieces
from fissura.segmenting.morphology import to_levels

SIDES = st.integers(1, 40)


def streamed(
    levels: np.ndarray, cleaning: Cleaning, window_px: tuple[int, int], *, parts: bool = False
) -> tuple[StreamedPieces, np.ndarray]:
    found = StreamedPieces(levels.shape, lambda at: levels[at.rows, at.columns], cleaning, window_px, parts=parts)
    labels = np.zeros(levels.shape, np.int32)
    for window, part in found.labels():
        labels[window.rows, window.columns] = part
    for number, crack in enumerate(found.cracks, start=1):
        assert labels[crack.first] == number or cleaning.crest_share > 0
    return found, labels > 0


@st.composite
def maps(draw: st.DrawFn) -> np.ndarray:
    """Draw a probability map between noise of single pixels and long smooth pieces."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise = gaussian_filter(rng.standard_normal((draw(SIDES), draw(SIDES))), draw(st.sampled_from([0.0, 0.6, 1.5])))
    spread = np.abs(noise).max() or 1.0
    return (0.5 + 0.5 * noise / spread).astype(np.float32)


@st.composite
def cleanings(draw: st.DrawFn) -> Cleaning:
    low = draw(st.floats(0, 0.98))
    high = draw(st.sampled_from([low + 0.01, min(low + 0.1, 1.0), 1.0]))
    return Cleaning(
        low=low, high=high, min_extent_px=draw(st.integers(0, 30)), min_extent_fraction=draw(st.floats(0, 1))
    )


@settings(max_examples=120, deadline=None)
@given(maps(), cleanings(), st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_window_by_window_gives_the_mask_made_at_once(
    probability: np.ndarray, cleaning: Cleaning, window_px: tuple[int, int]
) -> None:
    expected = clean(probability, cleaning)
    found, mask = streamed(levels_for(probability, cleaning), cleaning, window_px)
    np.testing.assert_array_equal(mask, expected)
    regions = regionprops(label(expected, connectivity=2))
    boxes = {(at.box.top, at.box.left, at.box.top + at.box.height, at.box.left + at.box.width) for at in found.cracks}
    assert len(found.cracks) == len(regions)
    assert boxes == {region.bbox for region in regions}
    firsts = [tuple(region.coords[0].tolist()) for region in regions]  # coordinates come in the order of rows
    assert [crack.first for crack in found.cracks] == sorted(firsts)


@settings(max_examples=120, deadline=None)
@given(maps(), cleanings(), st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_specks_go_window_by_window_as_they_go_at_once(
    probability: np.ndarray, cleaning: Cleaning, window_px: tuple[int, int]
) -> None:
    levels = levels_for(probability, cleaning)
    probability = levels.astype(np.float32) / 255
    mask = probability > np.median(probability)  # any mask will do
    drawn = np.where(mask, np.maximum(levels, 1), 0).astype(np.uint8)
    _, staying = streamed(drawn, cleaning, window_px, parts=True)
    parts = pieces(np.where(mask, np.maximum(probability, 1 / 255), 0).astype(np.float32), 0)
    stays = np.flatnonzero(cleaning.staying(parts.peak, parts.extent_px, mask.shape)) + 1
    np.testing.assert_array_equal(staying, np.isin(parts.labels, stays))


@settings(max_examples=120, deadline=None)
@given(maps(), cleanings(), st.floats(0, 1), st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_flanks_are_cut_off_alike_but_beside_pixels_that_were_kept_from_crossing_a_threshold(
    probability: np.ndarray, cleaning: Cleaning, share: float, window_px: tuple[int, int]
) -> None:
    cleaning = cleaning.model_copy(update={"crest_share": share})
    levels = levels_for(probability, cleaning)
    _, mask = streamed(levels, cleaning, window_px)
    beside = maximum_filter(levels != to_levels(probability), size=9)
    found = pieces(probability, cleaning.low)
    with_specks = found.parts(found.kept(cleaning), cleaning).labels > 0
    np.testing.assert_array_equal(mask[~beside], with_specks[~beside])


@settings(max_examples=60, deadline=None)
@given(maps(), cleanings())
def test_levels_cross_no_threshold_and_stay_close(probability: np.ndarray, cleaning: Cleaning) -> None:
    levels = levels_for(probability, cleaning)
    back = levels.astype(np.float32) / 255
    np.testing.assert_array_equal(back > cleaning.low, probability > cleaning.low)
    np.testing.assert_array_equal(back >= cleaning.high, probability >= cleaning.high)
    assert np.abs(back - probability).max() <= 1 / 255 + 1e-6


@pytest.mark.parametrize("window_px", [(1, 1), (3, 5), (4, 100), (100, 4)])
def test_a_spiral_that_crosses_windows_again_and_again_is_one_crack(window_px: tuple[int, int]) -> None:
    levels = np.zeros((19, 19), np.uint8)
    row, column, steps = 0, 0, [(0, 1), (1, 0), (0, -1), (-1, 0)]
    lengths = [18, 18, 18, 16, 16, 14, 14, 12, 12, 10, 10, 8, 8, 6, 6, 4, 4, 2, 2]
    levels[0, 0] = 150
    for turn, length in enumerate(lengths):
        for _ in range(length):
            row, column = row + steps[turn % 4][0], column + steps[turn % 4][1]
            levels[row, column] = 150
    cleaning = Cleaning(low=0.5, high=0.9, min_extent_px=19, min_extent_fraction=1)
    assert streamed(levels, cleaning, window_px)[0].cracks == []
    levels[row, column] = 255  # one sure pixel, in its innermost end, keeps the whole of it
    found, mask = streamed(levels, cleaning, window_px)
    assert [crack.box for crack in found.cracks] == [Window(0, 0, 19, 19)]
    np.testing.assert_array_equal(mask, levels > 0)


def test_windows_cover_the_raster_once() -> None:
    seen = np.zeros((7, 11), int)
    for window in windows_of(7, 11, (3, 4)):
        seen[window.rows, window.columns] += 1
    assert (seen == 1).all()
    assert Window(2, 3, 2, 2).grown(3, 6, 20) == Window(0, 0, 6, 8)
