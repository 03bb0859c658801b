"""Tiles cover photographs of any size without seams."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fissura.segmenting.tiling import in_tiles, spans


def dark_is_crack(tile: np.ndarray) -> np.ndarray:
    return 1 - tile.mean(axis=2, dtype=np.float32) / 255


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 32), st.floats(0, 0.99), st.sampled_from([1, 8]))
def test_weights_sum_to_one_at_every_pixel(side_px: int, sixteenths: int, overlap: float, multiple_px: int) -> None:
    tile_px = 16 * sixteenths
    overlap_px = min(int(overlap * tile_px), tile_px - 8)
    total = np.zeros(side_px)
    covered = spans(side_px, tile_px, overlap_px, multiple_px)
    for span in covered:
        total[span.pixels] += span.weight
        assert span.weight.min() > 0
        assert span.start % multiple_px == 0
    np.testing.assert_allclose(total, 1, atol=1e-5)
    for before, after in itertools.pairwise(covered):
        assert before.start < after.start
        assert before.start + len(before.weight) - after.start >= overlap_px


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from([0, 5, 16, 24]), st.integers(0, 99))
def test_a_local_network_gives_the_same_map_tiled_as_whole(
    height: int, width: int, overlap_px: int, seed: int
) -> None:
    photo = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    tiled = in_tiles(photo, dark_is_crack, tile_px=32, overlap_px=overlap_px, multiple_px=8)
    assert tiled.shape == (height, width)
    assert tiled.dtype == np.float32
    np.testing.assert_allclose(tiled, dark_is_crack(photo), atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from([0, 5, 16]))
def test_a_network_that_shrinks_its_input_gives_the_same_map_tiled_as_whole(
    height: int, width: int, overlap_px: int
) -> None:
    def shrinking(tile: np.ndarray) -> np.ndarray:  # answers by where a pixel lies within its 8 x 8
        rows, columns = np.indices(tile.shape[:2]) % 8
        return ((8 * rows + columns) / 64).astype(np.float32)

    photo = np.zeros((height, width, 3), np.uint8)
    tiled = in_tiles(photo, shrinking, tile_px=32, overlap_px=overlap_px, multiple_px=8)
    np.testing.assert_allclose(tiled, shrinking(photo), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (64, 64), (500, 333)])
@pytest.mark.parametrize("constant", [0.0, 0.3, 1.0])
def test_a_constant_network_gives_the_constant(shape: tuple[int, int], constant: float) -> None:
    photo = np.zeros((*shape, 3), np.uint8)
    tiled = in_tiles(
        photo,
        lambda tile: np.full(tile.shape[:2], constant, np.float32),
        tile_px=64,
        overlap_px=16,
        multiple_px=32,
    )
    np.testing.assert_allclose(tiled, constant, atol=1e-6)
    assert tiled.max() <= 1


def test_tiles_that_disagree_blend_without_a_seam() -> None:
    answers = iter(np.linspace(0, 1, 9))  # a network as inconsistent between tiles as can be
    photo = np.zeros((160, 160, 3), np.uint8)
    tiled = in_tiles(
        photo,
        lambda tile: np.full(tile.shape[:2], next(answers), np.float32),
        tile_px=64,
        overlap_px=16,
        multiple_px=16,
    )
    steps = max(np.abs(np.diff(tiled, axis=0)).max(), np.abs(np.diff(tiled, axis=1)).max())
    assert np.ptp(tiled) == pytest.approx(1, abs=1e-6)
    assert steps < 0.06  # neighbouring tiles of one column differ by 3/8; a hard seam would show all of it


def test_the_network_sees_sizes_it_can_take_and_small_photographs_whole() -> None:
    seen: list[tuple[int, int]] = []

    def network(tile: np.ndarray) -> np.ndarray:
        seen.append(tile.shape[:2])
        return dark_is_crack(tile)

    def run(height: int, width: int) -> set[tuple[int, int]]:
        seen.clear()
        in_tiles(np.zeros((height, width, 3), np.uint8), network, tile_px=64, overlap_px=16, multiple_px=32)
        return set(seen)

    assert run(90, 91) == {(96, 96)}
    assert run(90, 92) == {(64, 64)}  # more than two tiles' area
    assert run(20, 1000) == {(32, 64)}
    assert run(1, 1) == {(32, 32)}
