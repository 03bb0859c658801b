"""Coverage is the area of the ribbon within each pixel, against independent renderings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.draw import polygon2mask

from fissura.painting import Branch
from fissura.painting.centreline import fractal_line
from fissura.painting.rendering import coverage, wide_blur

SIDE_PX = 61
LENGTH_PX = 40.0


def ribbon(width_px: float, degrees: float, points: int = 21, length_px: float = LENGTH_PX) -> Branch:
    """A straight line of constant width through about the middle of the picture."""
    direction = np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
    along = np.linspace(-length_px / 2, length_px / 2, points)[:, None]
    return Branch(np.array([30.3, 29.7]) + along * direction, np.full(points, width_px))


def coverage_by_distance(branch: Branch, side_px: int, fineness: int = 16) -> np.ndarray:
    """Share of sub-pixel centres no farther than half the width from the straight line between the ends."""
    y, x = (np.mgrid[: side_px * fineness, : side_px * fineness] + 0.5) / fineness - 0.5
    (x0, y0), (x1, y1) = branch.points_px[[0, -1]]
    length = np.hypot(x1 - x0, y1 - y0)
    along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length**2, 0, 1)
    distance = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
    inside = distance <= branch.width_px[0] / 2
    return inside.reshape(side_px, fineness, side_px, fineness).mean(axis=(1, 3))


@pytest.mark.parametrize("width_px", [1.0, 1.5, 2.0, 3.3, 5.0, 8.0, 12.0])
@pytest.mark.parametrize("degrees", [0, 17, 30, 45, 71, 90, 135])
def test_area_is_length_times_width_at_any_angle(width_px: float, degrees: float) -> None:
    ends = np.pi * width_px**2 / 4  # two half discs
    area = coverage([ribbon(width_px, degrees)], SIDE_PX, SIDE_PX).sum() - ends
    assert area / LENGTH_PX == pytest.approx(width_px, abs=0.15)


@pytest.mark.parametrize("width_px", [1.0, 2.4, 5.0, 9.0])
@pytest.mark.parametrize("degrees", [0, 23, 45, 80, 120])
@pytest.mark.parametrize("points", [2, 21])
def test_every_pixel_agrees_with_its_distance_to_the_line(width_px: float, degrees: float, points: int) -> None:
    branch = ribbon(width_px, degrees, points)
    covered = coverage([branch], SIDE_PX, SIDE_PX)
    expected = coverage_by_distance(branch, SIDE_PX)
    assert np.abs(covered - expected).max() < 0.3
    touched = (covered > 0) | (expected > 0)
    assert np.abs(covered - expected)[touched].mean() < 0.08
    clear = np.abs(expected - 0.5) > 0.2
    np.testing.assert_array_equal((covered > 0.5)[clear], (expected > 0.5)[clear])


@pytest.mark.parametrize(("width_px", "degrees"), [(3.0, 10), (6.0, 40), (11.0, 77)])
def test_a_line_across_the_picture_agrees_with_scikit_images_polygon(width_px: float, degrees: float) -> None:
    fineness = 8
    branch = ribbon(width_px, degrees, points=2, length_px=400.0)  # both ends lie far outside
    (x0, y0), (x1, y1) = branch.points_px
    across = np.array([y0 - y1, x1 - x0]) / np.hypot(x1 - x0, y1 - y0) * width_px / 2
    corners = np.stack(
        [branch.points_px[0] + across, branch.points_px[1] + across,
         branch.points_px[1] - across, branch.points_px[0] - across]
    )  # fmt: skip
    fine = (corners[:, ::-1] + 0.5) * fineness - 0.5  # rows and columns
    polygon = polygon2mask((SIDE_PX * fineness, SIDE_PX * fineness), fine)
    expected = polygon.reshape(SIDE_PX, fineness, SIDE_PX, fineness).mean(axis=(1, 3))
    covered = coverage([branch], SIDE_PX, SIDE_PX)
    assert np.abs(covered - expected).max() < 0.3
    assert covered.sum() == pytest.approx(expected.sum(), rel=0.02)


@st.composite
def drawings(draw: st.DrawFn) -> tuple[list[Branch], int, int]:
    """A few jagged branches in and around a picture, and its height and width."""
    height, width = draw(st.integers(3, 60)), draw(st.integers(3, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    branches = []
    for _ in range(draw(st.integers(1, 3))):
        start, end = rng.uniform(-0.3, 1.3, (2, 2)) * (width, height)
        line = fractal_line(start, end, draw(st.floats(0, 0.2)), rng)
        branches.append(Branch(line, rng.uniform(1.0, 9.0) * rng.uniform(0.8, 1.2, len(line))))
    return branches, height, width


@settings(max_examples=60, deadline=None)
@given(drawings())
def test_flipped_and_transposed_lines_give_flipped_and_transposed_coverage(
    drawing: tuple[list[Branch], int, int],
) -> None:
    branches, height, width = drawing
    covered = coverage(branches, height, width)
    assert covered.shape == (height, width)
    assert covered.dtype == np.float32
    assert 0 <= covered.min() <= covered.max() <= 1
    mirrored = [Branch(np.array([width - 1, 0]) + b.points_px * (-1, 1), b.width_px) for b in branches]
    upended = [Branch(np.array([0, height - 1]) + b.points_px * (1, -1), b.width_px) for b in branches]
    turned = [Branch(b.points_px[:, ::-1], b.width_px) for b in branches]
    for other in (
        coverage(mirrored, height, width)[:, ::-1],
        coverage(upended, height, width)[::-1],
        coverage(turned, width, height).T,
    ):
        difference = np.abs(other - covered)
        assert difference.max() <= 0.4  # cv2 rounds fixed-point edges towards one side
        assert difference.mean() <= 0.02
    backwards = [Branch(b.points_px[::-1], b.width_px[::-1]) for b in branches]
    assert np.abs(coverage(backwards, height, width) - covered).max() <= 0.4


@settings(max_examples=30, deadline=None)
@given(drawings())
def test_a_branch_more_never_uncovers_a_pixel(drawing: tuple[list[Branch], int, int]) -> None:
    branches, height, width = drawing
    assert (coverage(branches, height, width) >= coverage(branches[:1], height, width)).all()


def test_a_line_that_crosses_itself_leaves_no_hole() -> None:
    angle = np.linspace(0, 4 * np.pi, 200)
    twice_round = np.stack([30 + 15 * np.cos(angle), 30 + 15 * np.sin(angle)], axis=1)
    covered = coverage([Branch(twice_round, np.full(200, 6.0))], SIDE_PX, SIDE_PX)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    from_circle = np.abs(np.hypot(x - 30, y - 30) - 15)
    assert covered[from_circle < 2].min() == 1
    assert covered[from_circle > 4].max() == 0


@pytest.mark.parametrize("width_px", [2.0, 5.0, 12.0])
@pytest.mark.parametrize("roughness", [0.05, 0.19])
def test_a_jagged_line_is_the_union_of_its_straight_pieces(width_px: float, roughness: float) -> None:
    line = fractal_line(np.array([8.0, 12.0]), np.array([50.0, 44.0]), roughness, np.random.default_rng(1))
    pieces = [Branch(line[i : i + 2], np.full(2, width_px)) for i in range(len(line) - 1)]
    expected = np.max([coverage_by_distance(piece, SIDE_PX, fineness=8) for piece in pieces], axis=0)
    covered = coverage([Branch(line, np.full(len(line), width_px))], SIDE_PX, SIDE_PX)
    clear = np.abs(expected - 0.5) > 0.25  # the union within one pixel is at least the largest piece in it
    assert ((covered > 0.5) != (expected > 0.5))[clear].sum() <= 0.01 * covered.sum()
    assert covered.sum() == pytest.approx(expected.sum(), rel=0.06)


def test_a_sharp_bend_is_as_wide_as_the_line() -> None:
    corner = np.array([[10.0, 10.0], [30.0, 10.0], [30.0, 30.0]])
    covered = coverage([Branch(corner, np.full(3, 8.0))], SIDE_PX, SIDE_PX)
    assert covered[7:13, 12:28].min() == 1
    assert covered[12:28, 27:33].min() == 1
    assert covered[30, 20] == 0


@pytest.mark.parametrize("width_px", [3.0, 6.0, 12.0])
@pytest.mark.parametrize("raggedness", [0.1, 0.3])
def test_ragged_edges_keep_the_width_on_average(width_px: float, raggedness: float) -> None:
    across = ribbon(width_px, 30, points=61, length_px=120.0)
    smooth = coverage([across], SIDE_PX, SIDE_PX)
    ragged = [
        coverage([across], SIDE_PX, SIDE_PX, raggedness=raggedness, rng=np.random.default_rng(seed))
        for seed in range(20)
    ]
    assert np.mean([one.sum() for one in ragged]) == pytest.approx(smooth.sum(), rel=0.02)
    assert np.std([one.sum() for one in ragged]) > 0


def test_nothing_to_draw_covers_nothing() -> None:
    assert coverage([], 5, 7).max() == 0
    outside = Branch(np.array([[-50.0, -50.0], [-40.0, 60.0]]), np.array([3.0, 3.0]))
    assert coverage([outside], 5, 7).max() == 0


@pytest.mark.parametrize("sigma_px", [1.0, 6.0, 20.0])
@pytest.mark.parametrize("shape", [(120, 97), (120, 97, 3), (5, 3), (1, 1)])
def test_wide_blur_is_nearly_a_gaussian(sigma_px: float, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    blurred = wide_blur(image, sigma_px)
    assert blurred.shape == shape
    assert blurred.dtype == np.float32
    sigmas = (sigma_px, sigma_px, 0)[: len(shape)]
    if min(shape[:2]) > 2 * sigma_px:  # borders matter more in a picture smaller than the Gaussian
        expected = gaussian_filter(image, sigmas, mode="mirror")
        assert np.abs(blurred - expected).mean() < 0.02 * 255
    assert blurred.mean() == pytest.approx(image.mean(), rel=0.25)
