"""Procedural surfaces: any size, one seed one surface, each material itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fissura.painting import SURFACES, Surface, draw_surface
from fissura.painting.surfaces import fractal_noise, noise_field


@pytest.mark.parametrize("kind", SURFACES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 3), (33, 70), (37, 501), (224, 224), (301, 200)])
def test_every_size_gives_a_picture(kind: Surface, shape: tuple[int, int]) -> None:
    for seed in range(3):
        surface = draw_surface(kind, *shape, np.random.default_rng(seed))
        assert surface.shape == (*shape, 3)
        assert surface.dtype == np.uint8


@pytest.mark.parametrize("kind", SURFACES)
def test_a_seed_is_a_surface(kind: Surface) -> None:
    first, again, other = (draw_surface(kind, 65, 90, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 1


@pytest.mark.parametrize("kind", SURFACES)
def test_surfaces_are_exposed_like_photographs(kind: Surface) -> None:
    for seed in range(8):
        surface = draw_surface(kind, 160, 160, np.random.default_rng(seed)).astype(float)
        assert 25 < surface.mean() < 235
        assert (surface == 255).mean() < 0.1
        assert (surface == 0).mean() < 0.1
        assert surface.mean(axis=2).std() > 1.5  # a surface has texture
        channels = surface.mean(axis=(0, 1))
        assert np.ptp(channels) < (0.8 if kind == "masonry" else 0.35) * channels.mean()  # no bright colours


def test_materials_differ() -> None:
    def character(kind: Surface) -> tuple[float, float]:
        """Mean grey and the contrast between neighbouring pixels relative to it, over some surfaces."""
        greys = [draw_surface(kind, 128, 128, np.random.default_rng(s)).mean(axis=2) for s in range(12)]
        return float(np.mean(greys)), float(np.mean([np.abs(np.diff(g, axis=1)).mean() / g.mean() for g in greys]))

    grey, contrast = zip(*(character(kind) for kind in ("concrete", "asphalt", "plaster")), strict=True)
    assert grey[1] < grey[0] < grey[2]
    assert contrast[1] > 2 * max(contrast[0], contrast[2])
    for first, second in itertools.combinations(SURFACES, 2):
        one, two = (draw_surface(kind, 64, 64, np.random.default_rng(0)) for kind in (first, second))
        assert (one != two).mean() > 0.5


@pytest.mark.parametrize("scale_px", [1.0, 3.0, 15.0])
def test_noise_field_is_unit_normal_and_smooth(scale_px: float) -> None:
    fields = [noise_field(150, 220, scale_px, np.random.default_rng(seed)) for seed in range(10)]
    assert fields[0].shape == (150, 220)
    assert fields[0].dtype == np.float32
    assert np.mean(fields) == pytest.approx(0, abs=0.15)
    assert np.std(fields) == pytest.approx(1, abs=0.45)
    if scale_px > 1:
        steps = np.abs(np.diff(fields, axis=2)).mean()
        assert steps < 2 / scale_px


def test_fractal_noise_is_unit_normal_and_coarser_with_a_steeper_slope() -> None:
    def roughness(slope: float) -> float:
        fields = [fractal_noise(128, 128, 1.0, 64.0, slope, np.random.default_rng(seed)) for seed in range(6)]
        assert np.std(fields) == pytest.approx(1, abs=0.4)
        return float(np.abs(np.diff(fields, axis=2)).mean())

    assert roughness(0.0) > 2 * roughness(1.0)
