"""Painted cracks: what is painted is what the mask and the geometry say, and one seed paints one picture."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from fissura.painting import (
    SURFACES,
    Branch,
    PaintedPhoto,
    PainterSettings,
    draw_surface,
    paint_cracks,
    paint_nothing,
)
from fissura.painting import painter as painter_module
from fissura.painting.centreline import (
    THINNEST_PX,
    crack_branches,
    fractal_line,
    network_branches,
    smooth_noise,
    width_profile,
)
from fissura.painting.distractors import DISTRACTORS, paint_distractors
from fissura.painting.rendering import coverage

NO_DISTRACTORS = PainterSettings(distractors=0)
SEEDS = range(12)


def surface(seed: int, height: int = 128, width: int = 160) -> np.ndarray:
    return draw_surface(SURFACES[seed % len(SURFACES)], height, width, np.random.default_rng(seed))


def painted(seed: int, settings: PainterSettings | None = None) -> tuple[np.ndarray, PaintedPhoto]:
    before = surface(seed)
    return before, paint_cracks(before, np.random.default_rng(1000 + seed), settings)


def distance_to_lines(sample: PaintedPhoto) -> np.ndarray:
    """Distance in px of each pixel to the nearest pixel that a centre line runs through."""
    height, width = sample.mask.shape
    away = np.ones((height + 200, width + 200), bool)
    points = np.concatenate([branch.points_px for branch in sample.branches])
    x, y = np.clip(points.round().astype(int).T + 100, 0, np.array([[width + 199], [height + 199]]))
    away[y, x] = False
    return distance_transform_edt(away)[100:-100, 100:-100]


def digest(sample: PaintedPhoto) -> str:
    geometry = b"".join(b.points_px.tobytes() + b.width_px.tobytes() for b in sample.branches)
    return hashlib.sha256(sample.photo.tobytes() + sample.mask.tobytes() + geometry).hexdigest()


def test_a_seed_is_a_painting() -> None:
    digests = [digest(painted(seed)[1]) for seed in SEEDS]
    assert digests == [digest(painted(seed)[1]) for seed in SEEDS]
    assert len(set(digests)) == len(digests)


def test_another_process_paints_the_same() -> None:
    program = (
        "import numpy as np, hashlib, fissura.painting as p\n"
        "for seed in (5, 6):\n"
        "    s = p.draw_surface('asphalt', 90, 111, np.random.default_rng(seed))\n"
        "    c = p.paint_cracks(s, np.random.default_rng(seed))\n"
        "    print(hashlib.sha256(c.photo.tobytes() + c.mask.tobytes()).hexdigest())\n"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    here = []
    for seed in (5, 6):
        sample = paint_cracks(
            draw_surface("asphalt", 90, 111, np.random.default_rng(seed)), np.random.default_rng(seed)
        )
        here.append(hashlib.sha256(sample.photo.tobytes() + sample.mask.tobytes()).hexdigest())
    assert here == there


def test_the_photograph_given_is_left_alone() -> None:
    before = surface(0)
    kept = before.copy()
    paint_cracks(before, np.random.default_rng(0))
    paint_nothing(before, np.random.default_rng(0))
    np.testing.assert_array_equal(before, kept)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_distractors_only_the_crack_and_its_rim_change(seed: int) -> None:
    before, sample = painted(seed, NO_DISTRACTORS)
    widest_px = max(branch.width_px.max() for branch in sample.branches)
    far = distance_to_lines(sample) > widest_px + 10  # ragged edges, the camera's blur, the lit rim
    np.testing.assert_array_equal(sample.photo[far], before[far])
    assert (sample.photo != before).any()


def test_cracks_are_darker_than_what_was_there_and_than_what_is_beside_them() -> None:
    darker_than_before, darker_than_beside = [], []
    for seed in range(40):
        before, sample = painted(seed, NO_DISTRACTORS)
        if sample.mask.sum() < 50:
            continue
        grey = sample.photo.mean(axis=2)
        darker_than_before.append(grey[sample.mask].mean() < 0.93 * before.mean(axis=2)[sample.mask].mean())
        away = distance_transform_edt(~sample.mask)
        beside = (away > 3) & (away < 15)
        darker_than_beside.append(grey[sample.mask].mean() < grey[beside].mean())
    assert len(darker_than_before) > 20
    assert all(darker_than_before)
    assert np.mean(darker_than_beside) > 0.9


def test_the_mask_is_where_a_crack_covers_more_than_half_of_the_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    covered: list[np.ndarray] = []

    def recorded(*args: object, **kwargs: object) -> np.ndarray:
        covered.append(coverage(*args, **kwargs))  # type: ignore[arg-type]
        return covered[-1]

    monkeypatch.setattr(painter_module, "coverage", recorded)
    for seed in SEEDS:
        covered.clear()
        sample = painted(seed, NO_DISTRACTORS)[1]
        np.testing.assert_array_equal(sample.mask, (np.stack(covered) > 0.5).any(axis=0))


@pytest.mark.parametrize("seed", SEEDS)
def test_centre_lines_lie_in_the_mask_and_the_mask_about_them(seed: int) -> None:
    _, sample = painted(seed)
    height, width = sample.mask.shape
    points = np.concatenate([branch.points_px for branch in sample.branches])
    widths_px = np.concatenate([branch.width_px for branch in sample.branches])
    columns, rows = points.round().astype(int).T
    inside = (columns >= 0) & (rows >= 0) & (columns < width) & (rows < height)
    wide = inside & (widths_px > 3)  # ragged edges may pinch thinner places to less than half a pixel
    if wide.any():
        assert sample.mask[rows[wide], columns[wide]].mean() > 0.97
    assert distance_to_lines(sample)[sample.mask].max(initial=0) <= widths_px.max() + 3


def straight(width_px: float, degrees: float, centre_px: float) -> Branch:
    direction = np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
    return Branch(centre_px + np.linspace(-50, 50, 51)[:, None] * direction, np.full(51, width_px))


def valley(image: np.ndarray, degrees: float, centre_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Signed distance across the line in px, and the mean of ``image`` at that distance."""
    y, x = np.indices(image.shape) - centre_px
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    along = x * cosine + y * sine
    across = y * cosine - x * sine
    near = (np.abs(along) < 35) & (np.abs(across) < 24)
    steps, which = np.unique((across[near] * 8).round(), return_inverse=True)
    return steps / 8, np.bincount(which, image[near]) / np.bincount(which)


def width_at_half_depth(image: np.ndarray, degrees: float, centre_px: float) -> float:
    """Full width in px at half the depth of a dark valley with a flat floor."""
    across, height = valley(image, degrees, centre_px)
    depth = np.median(height[np.abs(across) > 15]) - height
    half = np.interp(0.0, across, depth) / 2
    fine = np.arange(-20, 20, 0.01)
    return float((np.interp(fine, across, depth) > half).sum() * 0.01)


@pytest.mark.parametrize("width_px", [1.5, 2.0, 3.0, 5.0, 8.0, 12.0])
@pytest.mark.parametrize("degrees", [0, 20, 45, 70, 90])
def test_the_dark_valley_is_as_wide_at_half_depth_as_the_geometry_says(
    width_px: float, degrees: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ragged edges, rubble and fading are noise about the width; here it is the width that counts.
    monkeypatch.setattr(painter_module, "coverage", lambda b, h, w, **_: coverage(b, h, w))
    only_this = PainterSettings(width_px=(width_px, width_px), fading=(0, 0), network_share=0, distractors=0)
    grey = np.full((121, 121, 3), 150, np.uint8)
    measured = []
    for seed in range(16):
        centre_px = 60 + seed / 16  # wherever the line falls among the pixels
        branch = straight(width_px, degrees, centre_px)
        monkeypatch.setattr(painter_module, "crack_branches", lambda *_, branch=branch: [branch])
        sample = paint_cracks(grey, np.random.default_rng(seed), only_this)
        measured.append(width_at_half_depth(sample.photo.mean(axis=2), degrees, centre_px))
    assert np.median(measured) == pytest.approx(width_px, abs=0.35)


@pytest.mark.parametrize("fading", [0.0, 0.9])
def test_where_a_crack_fades_away_its_mask_goes_on(fading: float, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = PainterSettings(width_px=(4, 4), fading=(fading, fading), network_share=0, distractors=0)
    monkeypatch.setattr(painter_module, "coverage", lambda b, h, w, **_: coverage(b, h, w))
    monkeypatch.setattr(painter_module, "crack_branches", lambda *_: [straight(4.0, 0, 60)])
    faintest = []
    for seed in range(16):
        sample = paint_cracks(np.full((121, 121, 3), 150, np.uint8), np.random.default_rng(seed), painter)
        darkness = 150 - sample.photo[60, 15:106].mean(axis=1)  # along the centre line
        faintest.append(darkness.min() / darkness.max())
        assert sample.mask[60, 15:106].all()
    assert np.median(faintest) < 0.1 if fading else np.median(faintest) > 0.9


def test_grains_stand_in_a_gritty_crack_and_its_mask_goes_on_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter_module, "crack_branches", lambda *_: [straight(7.0, 0, 60)])
    lit = {0.0: [], 0.9: []}
    for grit, shares in lit.items():
        painter = PainterSettings(width_px=(7, 7), network_share=0, distractors=0, smooth_masks=True, grit=grit)
        for seed in range(16):
            sample = paint_cracks(np.full((121, 121, 3), 150, np.uint8), np.random.default_rng(seed), painter)
            assert sample.mask[58:63, 15:106].all()
            darkness = 150.0 - sample.photo[58:63, 15:106].mean(axis=2)
            shares.append((darkness < 0.25 * np.median(darkness)).mean())
    assert np.median(lit[0.0]) == 0
    assert np.mean(lit[0.9]) > 0.02


@pytest.mark.parametrize("setting", ["grit", "deep_share", "network_share"])
def test_what_is_no_share_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=rf"{setting}: 1\.5"):
        PainterSettings(**{setting: 1.5})


@pytest.mark.parametrize("texture", [2.0, 20.0])
def test_deep_cracks_are_dark_on_smooth_and_on_rough_surfaces(
    texture: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painter_module, "crack_branches", lambda *_: [straight(4.0, 0, 60)])
    surface = (
        np.random.default_rng(0).normal(150, texture, (121, 121, 1)).repeat(3, axis=2).clip(0, 255).astype(np.uint8)
    )
    darkest = {}
    for deep_share in (0.0, 1.0):
        painter = PainterSettings(width_px=(4, 4), deep_share=deep_share, network_share=0, distractors=0)
        photos = [paint_cracks(surface, np.random.default_rng(seed), painter).photo for seed in range(16)]
        darkest[deep_share] = np.median([1 - photo[60, 15:106].mean() / 150 for photo in photos])
    assert 0.5 < darkest[1.0] < 0.8
    assert texture > 10 or darkest[0.0] < 0.3  # there alone no multiple of the texture is dark


def test_smooth_masks_are_as_wide_as_the_geometry_says_whatever_the_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter_module, "crack_branches", lambda *_: [straight(5.0, 0, 60)])
    ragged = PainterSettings(width_px=(5, 5), network_share=0, distractors=0)
    smooth = PainterSettings(width_px=(5, 5), network_share=0, distractors=0, smooth_masks=True)
    is_ragged = []
    for seed in range(16):
        first, second = (
            paint_cracks(np.full((121, 121, 3), 150, np.uint8), np.random.default_rng(seed), each)
            for each in (ragged, smooth)
        )
        np.testing.assert_array_equal(first.photo, second.photo)
        widths_px = second.mask[:, 15:106].sum(axis=0)
        assert (widths_px == 5).all()
        is_ragged.append(first.mask[:, 15:106].sum(axis=0).std() > 0.3)
    assert np.mean(is_ragged) > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_paint_nothing_has_an_empty_mask(seed: int) -> None:
    before = surface(seed)
    sample = paint_nothing(before, np.random.default_rng(seed))
    assert not sample.mask.any()
    assert sample.mask.shape == before.shape[:2]
    assert sample.branches == ()
    unpainted = paint_nothing(before, np.random.default_rng(seed), NO_DISTRACTORS)
    np.testing.assert_array_equal(unpainted.photo, before)


@pytest.mark.parametrize("distractor", DISTRACTORS, ids=lambda f: f.__name__)
def test_every_distractor(distractor: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> None:
    photo = surface(0, 90, 121).astype(np.float32)
    kept = photo.copy()
    changed = 0
    for seed in range(20):
        first, again = (distractor(photo, np.random.default_rng(seed)) for _ in range(2))
        assert first.shape == photo.shape
        assert first.dtype == np.float32
        assert np.isfinite(first).all()
        np.testing.assert_array_equal(first, again)
        changed += bool(np.abs(first - photo).max() > 1)
    assert changed >= 15
    np.testing.assert_array_equal(photo, kept)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (16, 16), (37, 501)])
@pytest.mark.parametrize("distractor", DISTRACTORS, ids=lambda f: f.__name__)
def test_distractors_fit_any_size(
    distractor: Callable[[np.ndarray, np.random.Generator], np.ndarray], shape: tuple[int, int]
) -> None:
    for seed in range(4):
        photo = np.full((*shape, 3), 128, np.float32)
        out = distractor(photo, np.random.default_rng(seed))
        assert out.shape == photo.shape
        assert np.isfinite(out).all()


def test_more_distractors_are_painted_the_more_are_asked_for() -> None:
    photo = surface(1).astype(np.float32)
    np.testing.assert_array_equal(paint_distractors(photo, np.random.default_rng(0), 0.0), photo)

    def share_changed(mean_count: float) -> float:
        rng = np.random.default_rng(0)
        return float(np.mean([np.abs(paint_distractors(photo, rng, mean_count) - photo) > 1 for _ in range(25)]))

    assert 0 < share_changed(0.5) < share_changed(5.0)


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (37, 501), (224, 224)])
@pytest.mark.parametrize("network_share", [0.0, 1.0])
def test_plain_and_oddly_sized_photographs(level: int, shape: tuple[int, int], network_share: float) -> None:
    plain = np.full((*shape, 3), level, np.uint8)
    for seed in range(3):
        sample = paint_cracks(plain, np.random.default_rng(seed), PainterSettings(network_share=network_share))
        assert sample.photo.shape == plain.shape
        assert sample.photo.dtype == np.uint8
        assert sample.mask.shape == shape
        assert sample.mask.dtype == bool
        assert sample.branches


def test_typical_widths_stay_within_the_settings() -> None:
    rng = np.random.default_rng(0)
    narrow = PainterSettings(width_px=(2.0, 3.0), network_share=0, distractors=0)
    medians = [
        np.median(paint_cracks(surface(0), rng, narrow).branches[0].width_px) for _ in range(30)
    ]  # main lines come first
    assert 1.5 < np.median(medians) < 3.5
    assert min(medians) > 0.6
    assert max(medians) < 8


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-100, 300), st.floats(-100, 300), st.floats(-100, 300), st.floats(-100, 300), st.integers(0, 2**32 - 1)
)
def test_fractal_lines_join_their_ends(x0: float, y0: float, x1: float, y1: float, seed: int) -> None:
    start, end = np.array([x0, y0]), np.array([x1, y1])
    chord = float(np.hypot(x1 - x0, y1 - y0))
    line = fractal_line(start, end, 0.15, np.random.default_rng(seed))
    np.testing.assert_array_equal(line[[0, -1]], [start, end])
    assert np.linalg.norm(np.diff(line, axis=0), axis=1).sum() >= chord - 1e-9
    straight_line = fractal_line(start, end, 0.0, np.random.default_rng(seed))
    np.testing.assert_allclose(straight_line, np.linspace(start, end, len(straight_line)), atol=1e-9)
    if chord > 4:
        assert np.linalg.norm(straight_line[1] - straight_line[0]) == pytest.approx(2.0, rel=0.5)


def test_length_is_that_of_the_polyline() -> None:
    assert Branch(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 10.0]]), np.ones(3)).length_px == pytest.approx(11.0)


def test_width_profiles_vary_about_the_width_and_thin_out() -> None:
    rng = np.random.default_rng(0)
    profiles = np.array([width_profile(200, 4.0, 0.2, rng, tapered=(False, True)) for _ in range(200)])
    assert (profiles >= THINNEST_PX).all()
    assert np.median(profiles[:, :150]) == pytest.approx(4.0, rel=0.05)
    assert np.median(profiles[:, -1]) == pytest.approx(0.35 * 4.0, rel=0.1)
    steady = width_profile(50, 4.0, 0.0, rng, tapered=(False, False))
    np.testing.assert_allclose(steady, 4.0)
    lens = width_profile(51, 4.0, 0.0, rng, tapered=(True, True))
    np.testing.assert_allclose(lens, lens[::-1])
    assert lens[0] < lens[25] == 4.0


@pytest.mark.parametrize("draw", [crack_branches, network_branches])
@pytest.mark.parametrize("size", [(1, 1), (40, 300), (224, 224)])
def test_branches_are_sound(draw: Callable[..., list[Branch]], size: tuple[int, int]) -> None:
    for seed in range(6):
        for branch in draw(*size, 3.0, 0.1, np.random.default_rng(seed)):
            assert branch.points_px.ndim == 2
            assert len(branch.points_px) == len(branch.width_px) >= 2
            assert np.isfinite(branch.points_px).all()
            assert (branch.width_px > 0).all()


@pytest.mark.parametrize("count", [1, 2, 3, 77])
@pytest.mark.parametrize("period", [0.5, 1.5, 24])
def test_smooth_noise_has_the_length_asked_for(count: int, period: float) -> None:
    noise = smooth_noise(count, period, np.random.default_rng(0))
    assert noise.shape == (count,)
    assert np.isfinite(noise).all()
