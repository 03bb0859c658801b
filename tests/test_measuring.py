"""What is measured on shapes whose length, width and direction are known from a formula."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from fissura.errors import FissuraError
from fissura.measuring import (
    CRACK_COLUMNS,
    Crack,
    SeverityClass,
    measure,
    severity_of,
)
from fissura.measuring.darkness import fit_valleys

Mask = NDArray[np.bool_]
SIDE = 220
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE].astype(float)
CENTRE = SIDE / 2

ANGLE = st.floats(0, 179.9)
WIDTH = st.floats(2.0, 16.0)
SHIFT = st.floats(-0.5, 0.5)
FEW = settings(max_examples=20, deadline=None)


def to_segment(start: tuple[float, float], end: tuple[float, float]) -> NDArray[np.float64]:
    """Distance of every pixel's centre to a line between two points."""
    ahead = np.array(end) - start
    along = ((COLUMNS - start[0]) * ahead[0] + (ROWS - start[1]) * ahead[1]) / (ahead @ ahead)
    along = np.clip(along, 0, 1)
    return np.hypot(COLUMNS - start[0] - along * ahead[0], ROWS - start[1] - along * ahead[1])


def capsule(angle_deg: float, length: float, width: float, shift: float = 0.0) -> Mask:
    """A line with round tips, ``length + width`` from tip to tip; its angle counts counter-clockwise."""
    return share_of_capsule(angle_deg, length, width, shift) > 0.5


def share_of_capsule(angle_deg: float, length: float, width: float, shift: float = 0.0) -> NDArray[np.float32]:
    """The share of each pixel that `capsule` covers, to within a few hundredths."""
    half = np.array([math.cos(math.radians(angle_deg)), -math.sin(math.radians(angle_deg))]) * length / 2
    middle = np.array([CENTRE + shift, CENTRE - shift])
    return np.float32(np.clip(width / 2 + 0.5 - to_segment(tuple(middle - half), tuple(middle + half)), 0, 1))


def only(mask: Mask, **given: object) -> Crack:
    cracks = measure(mask, **given).cracks  # type: ignore[arg-type]
    assert len(cracks) == 1
    return cracks[0]


@FEW
@given(ANGLE, WIDTH, SHIFT)
def test_a_line_at_any_angle_has_its_length_width_and_direction(angle: float, width: float, shift: float) -> None:
    share = ndimage.gaussian_filter(share_of_capsule(angle, 150, width, shift), 0.6)
    crack = only(share > 0.5, probability=share)
    assert crack.length_px == pytest.approx(150 + width, abs=2.5)  # a thin tip is less than half a pixel
    assert crack.width_mean_px == pytest.approx(width, abs=0.2)
    off = abs(crack.orientation_deg - angle) % 180
    assert min(off, 180 - off) < 1.5
    assert (crack.branch_count, crack.junction_count) == (1, 0)


def test_length_does_not_depend_on_the_angle() -> None:
    for width in (2.5, 5.0, 12.0):
        lengths = [only(capsule(angle, 150, width)).length_px for angle in (0, 30, 45, 60, 90)]
        assert max(lengths) / min(lengths) < 1.01


@FEW
@given(st.floats(30, 80), st.floats(2.5, 12), st.floats(1.0, 5.0), SHIFT)
def test_an_arc_has_the_length_of_its_middle(radius: float, width: float, opening: float, shift: float) -> None:
    x, y = COLUMNS - CENTRE - shift, ROWS - CENTRE
    tips = [(radius * math.cos(turn) + CENTRE + shift, radius * math.sin(turn) + CENTRE) for turn in (0, opening)]
    body = (abs(np.hypot(x, y) - radius) <= width / 2) & (np.arctan2(y, x) % (2 * math.pi) <= opening)
    caps = [np.hypot(COLUMNS - tip[0], ROWS - tip[1]) <= width / 2 for tip in tips]
    crack = only(body | caps[0] | caps[1])
    length = radius * opening + width
    assert crack.length_px == pytest.approx(length, abs=1.5 + 0.01 * length)
    assert crack.width_median_px == pytest.approx(width, abs=0.5)
    assert crack.branch_count == 1


@FEW
@given(st.floats(20, 90), st.floats(2.5, 12), SHIFT)
def test_a_ring_is_one_branch_without_ends(radius: float, width: float, shift: float) -> None:
    crack = only(abs(np.hypot(COLUMNS - CENTRE - shift, ROWS - CENTRE) - radius) <= width / 2)
    assert crack.length_px == pytest.approx(2 * math.pi * radius, rel=0.015)
    assert crack.width_mean_px == pytest.approx(width, abs=0.4)
    assert (crack.branch_count, crack.junction_count) == (1, 0)


@pytest.mark.parametrize("width", [5, 8, 12])
def test_a_loop_is_no_wider_where_its_tail_begins(width: float) -> None:
    ring = abs(np.hypot(COLUMNS - 80, ROWS - CENTRE) - 60) <= width / 2
    crack = only(ring | (to_segment((140, CENTRE), (210, CENTRE)) <= width / 2))
    assert (crack.branch_count, crack.junction_count) == (2, 1)
    assert crack.width_max_px == pytest.approx(width, abs=1.1)
    assert crack.length_px == pytest.approx(2 * math.pi * 60 + 70 + width / 2, rel=0.02)


@FEW
@given(ANGLE, st.floats(2.5, 9))
def test_a_y_has_three_branches_and_one_junction(turn: float, width: float) -> None:
    mask = np.zeros((SIDE, SIDE), bool)
    for arm in (0, 120, 240):
        angle = math.radians(turn + arm)
        tip = CENTRE + 80 * math.cos(angle), CENTRE + 80 * math.sin(angle)
        mask |= to_segment((CENTRE, CENTRE), tip) <= width / 2
    crack = only(mask)
    assert (crack.branch_count, crack.junction_count) == (3, 1)
    assert crack.length_px == pytest.approx(3 * (80 + width / 2), rel=0.025)
    assert crack.width_mean_px == pytest.approx(width, abs=0.45)


@FEW
@given(st.floats(0, 2 * math.pi), st.floats(2, 4), st.floats(8, 18))
def test_a_wedge_widens_evenly(turn: float, thin: float, thick: float) -> None:
    along = (COLUMNS - CENTRE) * math.cos(turn) + (ROWS - CENTRE) * math.sin(turn)
    across = (ROWS - CENTRE) * math.cos(turn) - (COLUMNS - CENTRE) * math.sin(turn)
    width = thin + (thick - thin) * (along + 80) / 160
    share = np.float32(np.clip(width / 2 + 0.5 - abs(across), 0, 1) * (abs(along) <= 80))
    crack = only(share > 0.5, probability=share)
    points, widths = crack.branches[0].points_px, crack.branches[0].width_px
    here = (points[:, 0] - CENTRE) * math.cos(turn) + (points[:, 1] - CENTRE) * math.sin(turn)
    kept = abs(here) < 80 - thick
    error = widths[kept] - (thin + (thick - thin) * (here[kept] + 80) / 160)
    assert np.abs(error).mean() < 0.15
    assert np.abs(error).max() < 0.6
    x, y = crack.width_max_at_px
    assert (x - CENTRE) * math.cos(turn) + (y - CENTRE) * math.sin(turn) > 50  # near its thick end
    assert crack.length_px == pytest.approx(160, rel=0.02)


@pytest.mark.parametrize("radius", [25, 30, 40])
def test_a_broad_part_of_a_thin_crack_is_crossed_straight(radius: float) -> None:
    for angle in (0, 3, 20, 70):
        crack = only(capsule(angle, 196, 4) | (np.hypot(COLUMNS - CENTRE, ROWS - CENTRE) <= radius))
        assert crack.length_px == pytest.approx(200, rel=0.035)
        assert crack.width_max_px == pytest.approx(2 * radius, abs=1.5)


@FEW
@given(ANGLE, WIDTH)
def test_a_quarter_turn_changes_nothing_but_the_direction(angle: float, width: float) -> None:
    mask = capsule(angle, 120, width, 0.2)
    crack, turned = only(mask), only(np.rot90(mask))
    assert turned.length_px == pytest.approx(crack.length_px, abs=2)  # thinning breaks ties by a pixel at either tip
    assert turned.width_mean_px == pytest.approx(crack.width_mean_px, abs=0.1)
    assert turned.area_px == crack.area_px
    off = abs(turned.orientation_deg - crack.orientation_deg - 90) % 180
    assert min(off, 180 - off) < 1.5


def test_patterns_have_the_names_that_inspectors_use() -> None:
    names = {angle: only(capsule(angle, 150, 4)).pattern for angle in (90, 75, 0, 170, 45, 130)}
    assert names == {
        90: "longitudinal",
        75: "longitudinal",
        0: "transverse",
        170: "transverse",
        45: "diagonal",
        130: "diagonal",
    }
    grid = ((COLUMNS % 50) < 4) | ((ROWS % 50) < 4)
    net = only(grid)
    assert net.pattern == "alligator"
    assert net.junction_count >= 16


def test_bumps_of_the_edge_are_no_branches_and_side_cracks_are() -> None:
    mask = capsule(0, 180, 8)
    for column in range(40, 180, 20):
        mask |= np.hypot(COLUMNS - column, ROWS - CENTRE - 4) <= 3  # stands out by 3 px
    assert only(mask).branch_count == 1
    mask |= to_segment((110, CENTRE), (140, CENTRE - 50)) <= 2
    crack = only(mask)
    assert (crack.branch_count, crack.junction_count) == (3, 1)


def test_a_crossing_is_one_junction() -> None:
    cross = (abs(ROWS - COLUMNS) <= 4) | (abs(ROWS + COLUMNS - SIDE + 1) <= 4)
    crack = only(cross)
    assert (crack.branch_count, crack.junction_count) == (4, 1)
    assert crack.width_max_px < 8  # 6.4 beside the crossing: its middle is no wider crack


@FEW
@given(ANGLE, st.floats(60, 120), st.floats(3, 16), SHIFT)
def test_crossing_cracks_are_no_wider_where_they_cross(
    angle: float, between: float, width: float, shift: float
) -> None:
    one, other = (share_of_capsule(turn, 160, width, shift) for turn in (angle, angle + between))
    crack = only(np.maximum(one, other) > 0.5, probability=np.maximum(one, other))
    assert crack.width_max_px < width + 1


def test_a_diagonal_line_of_even_width_is_not_lost() -> None:
    # Zhang and Suen's thinning erases some of these altogether.
    for width in (2, 4):
        line = np.eye(SIDE, dtype=bool)
        mask = ndimage.binary_dilation(line, structure=np.ones((width, width), bool), origin=-1)
        assert only(mask).length_px > 0.97 * SIDE * math.sqrt(2)


def test_pinholes_in_a_mask_make_no_rings() -> None:
    mask = capsule(30, 150, 9)
    whole = only(mask)
    pierced = mask.copy()
    pierced[109:111, 105] = False
    crack = only(pierced)
    assert crack.branch_count == 1
    assert crack.length_px == pytest.approx(whole.length_px, rel=0.005)
    assert crack.area_px == whole.area_px - 2


def test_neighbouring_cracks_do_not_widen_each_other() -> None:
    mask = np.zeros((60, 200), bool)
    mask[20:24, 10:190] = mask[27:33, 10:150] = True
    long, short = measure(mask).cracks
    assert (long.number, short.number) == (1, 2)
    assert long.width_mean_px == pytest.approx(4, abs=0.1)
    assert short.width_mean_px == pytest.approx(6, abs=0.1)


def test_a_probability_map_sees_between_the_pixels() -> None:
    width, rows = 3.0, np.arange(40)[:, None]
    share = np.clip(width / 2 + 0.5 - abs(rows - 20.3), 0, 1) * np.ones((1, 150))  # 18.8 to 21.8
    probability = np.float32(ndimage.gaussian_filter(share, 0.7))
    crack = only(probability > 0.62, probability=probability)  # a mask too thin by its high threshold
    assert crack.width_mean_px == pytest.approx(width, abs=0.15)
    assert crack.confidence is not None
    assert 0.62 < crack.confidence < 1


@pytest.mark.parametrize("width", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("angle", [0, 20, 45, 90])
def test_a_faint_crack_is_as_wide_as_its_mask(width: int, angle: float) -> None:
    mask = capsule(angle, 150, max(width, math.sqrt(2)))  # thinner ones have gaps at some angles
    widths = [only(mask, probability=np.float32(chance * mask)).width_mean_px for chance in (0, 0.3, 0.49, 0.51)]
    assert widths == pytest.approx([only(mask).width_mean_px] * len(widths), abs=0.4)


@FEW
@given(ANGLE, st.floats(3.5, 12))
def test_a_crack_is_nearly_as_wide_where_it_is_faint_as_where_it_is_sure(angle: float, width: float) -> None:
    along = (COLUMNS - CENTRE) * math.cos(math.radians(angle)) - (ROWS - CENTRE) * math.sin(math.radians(angle))
    share = ndimage.gaussian_filter(share_of_capsule(angle, 150, width), 0.8)
    chance = np.float32(share * np.where(along < 0, 1, 0.3))
    crack = only(chance > 0.05, probability=chance)
    points, widths = crack.branches[0].points_px, crack.branches[0].width_px
    here = (points[:, 0] - CENTRE) * math.cos(math.radians(angle))
    here -= (points[:, 1] - CENTRE) * math.sin(math.radians(angle))
    assert widths[here < -10].mean() == pytest.approx(width, abs=0.2)
    assert widths[here > 10].mean() == pytest.approx(width, abs=0.8)  # each edge, blurred, by 0.4 px


@pytest.mark.parametrize("width", [2.0, 3.0, 5.0, 10.0])
@pytest.mark.parametrize("angle", [0, 25, 45])
def test_the_photograph_corrects_a_mask_that_is_too_wide(width: float, angle: float) -> None:
    rng = np.random.default_rng(3)
    half = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))]) * 75
    distance = to_segment(tuple(CENTRE - half), tuple(CENTRE + half))
    share = np.clip(width / 2 + 0.5 - distance, 0, 1)
    light = ndimage.gaussian_filter(150 * (1 - 0.5 * share), 0.7) + rng.normal(0, 5, share.shape)
    photo = np.repeat(np.clip(light, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    too_wide = distance <= width / 2 + 1.2
    assert only(too_wide).width_mean_px > width + 1.8
    assert only(too_wide, photo=photo).width_mean_px == pytest.approx(width, abs=0.4)


@FEW
@given(st.floats(0.2, 0.9), st.floats(3, 15), st.floats(0.6, 1.3), st.floats(-0.5, 0.5))
def test_a_valley_is_fitted_whatever_its_depth_and_blur(depth: float, width: float, blur: float, off: float) -> None:
    fine = np.arange(-40, 40, 0.02)
    sharp = depth * (abs(fine - off) <= width / 2)
    offsets = np.arange(-20, 20.1, 0.5)
    profile = np.interp(offsets, fine, ndimage.gaussian_filter1d(sharp, blur / 0.02))[None]
    every = np.ones_like(profile)
    valley = fit_valleys(offsets[None], profile, every, np.array([0.001]), np.array([width + 2]))
    assert valley.width[0] == pytest.approx(width, abs=0.15)
    assert valley.depth[0] == pytest.approx(depth, rel=0.07)
    assert valley.middle[0] == pytest.approx(off, abs=0.05)


def test_a_photograph_that_shows_no_crack_leaves_the_mask_its_width() -> None:
    mask = capsule(20, 150, 6)
    photo = np.random.default_rng(0).integers(90, 110, (SIDE, SIDE, 3)).astype(np.uint8)
    assert only(mask, photo=photo).width_mean_px == pytest.approx(only(mask).width_mean_px, abs=0.8)


def _edge_cases() -> dict[str, Mask]:
    def empty() -> Mask:
        return np.zeros((40, 60), bool)

    one, two, border, frame, corner = empty(), empty(), empty(), empty(), empty()
    one[7, 9] = True
    two[7, 9] = two[8, 10] = True
    border[0] = True
    frame[0] = frame[-1] = frame[:, 0] = frame[:, -1] = True
    corner[-3:, -3:] = True
    return {
        "full": ~empty(),
        "one pixel": one,
        "two pixels": two,
        "border": border,
        "frame": frame,
        "corner": corner,
        "smallest": np.ones((1, 1), bool),
        "row": np.ones((1, 60), bool),
        "chequers": np.indices((40, 60)).sum(axis=0) % 2 == 0,
        "noise": np.random.default_rng(5).random((40, 60)) < 0.4,
    }


@pytest.mark.parametrize("name", _edge_cases())
@pytest.mark.parametrize("with_photo", [False, True])
def test_any_mask_gives_sensible_rows(name: str, with_photo: bool) -> None:
    mask = _edge_cases()[name]
    given: dict[str, object] = {"mm_per_px": 0.5}
    if with_photo:
        given["probability"] = mask.astype(np.float32)
        given["photo"] = np.random.default_rng(1).integers(0, 255, (*mask.shape, 3)).astype(np.uint8)
    measurement = measure(mask, **given)  # type: ignore[arg-type]
    table = measurement.table()
    numbers, count = ndimage.label(mask, np.ones((3, 3)))
    assert len(table) == count
    assert sorted(table.area_px) == sorted(np.bincount(numbers.ravel())[1:])
    assert (table.length_px > 0).all()
    assert (table.width_mean_px > 0).all()
    assert (table.width_max_px <= 1.5 * max(mask.shape) + 1).all()
    assert (table.length_px.diff().dropna() <= 0).all()  # the longest first
    assert table.orientation_deg.between(0, 180, inclusive="left").all()
    assert not table.isna().drop(columns="confidence").any(axis=None)
    assert np.array_equal(measurement.labels > 0, mask)
    for crack in measurement.cracks:
        assert crack.area_px == (measurement.labels == crack.number).sum()


def test_the_smallest_cracks_have_the_size_of_their_pixels() -> None:
    one = only(_edge_cases()["one pixel"])
    assert (one.length_px, one.width_mean_px) == (pytest.approx(1, abs=0.05), pytest.approx(1, abs=0.05))
    border = only(_edge_cases()["border"])
    assert (border.length_px, border.width_max_px) == (pytest.approx(60, abs=0.2), pytest.approx(1, abs=0.05))
    full = only(_edge_cases()["full"])
    assert (full.length_px, full.width_mean_px) == (pytest.approx(60, rel=0.02), pytest.approx(40, rel=0.02))


def test_an_empty_mask_has_no_cracks_and_the_same_columns() -> None:
    measurement = measure(np.zeros((40, 60), bool), mm_per_px=0.1)
    assert measurement.cracks == ()
    assert tuple(measurement.table().columns) == CRACK_COLUMNS
    assert measurement.severity is None
    assert measurement.density_m_per_m2 == 0
    full_table = measure(_edge_cases()["row"]).table()
    pd.testing.assert_series_equal(measurement.table().dtypes, full_table.dtypes)


def test_an_empty_mask_of_a_few_px_has_no_cracks_either() -> None:
    assert measure(np.zeros((2, 3), bool)).cracks == ()


def test_broad_pieces_are_thinned_on_a_coarse_grid() -> None:
    mask = np.zeros((400, 1400), bool)
    mask[100:300, 100:1300] = True
    mask[10:14, 50:800] = True
    broad, thin = measure(mask).cracks
    assert broad.length_px == pytest.approx(1200, rel=0.02)
    assert broad.width_median_px == pytest.approx(200, rel=0.02)
    assert thin.length_px == pytest.approx(750, rel=0.01)
    assert broad.box_px == (100, 100, 1200, 200)


def test_thin_cracks_at_a_broad_piece_are_one_crack_with_it() -> None:
    mask = np.zeros((700, 700), np.uint8)
    mask[270:430, 20:680] = 1
    for column in (300, 310):
        cv2.line(mask, (column, 430), (column + 30, 690), 1, 3)
    crack = only(mask.astype(bool), probability=np.float32(0.9 * mask))
    assert crack.area_px == mask.sum()
    assert crack.confidence == pytest.approx(0.9)


@FEW
@given(st.integers(52, 90), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_a_broad_piece_in_a_net_of_thin_cracks_is_one_crack(radius: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((300, 500), np.uint8)
    cv2.circle(mask, (100, 150), radius, 1, -1)
    cv2.line(mask, (100, 150), (490, int(rng.integers(100, 200))), 1, width)
    for column in rng.integers(200, 440, 4).tolist():
        cv2.line(mask, (column, 5), (column + int(rng.integers(-40, 40)), 295), 1, width)
    crack = only(mask.astype(bool), probability=np.float32(mask))
    assert (crack.area_px, crack.confidence) == (mask.sum(), 1)


def test_a_scale_turns_everything_into_millimetres() -> None:
    mask = capsule(0, 100, 6)
    plain, scaled = measure(mask), measure(mask, mm_per_px=0.25)
    crack = scaled.cracks[0]
    assert plain.cracks[0].length_mm is None
    assert plain.density_m_per_m2 is None
    assert plain.severity is None
    assert crack.length_mm == pytest.approx(crack.length_px / 4)
    assert crack.width_max_mm == pytest.approx(crack.width_max_px / 4)
    assert crack.area_mm2 == pytest.approx(crack.area_px / 16)
    assert scaled.density_px_per_mpx == pytest.approx(crack.length_px / SIDE**2 * 1e6)
    surface_m2 = (SIDE * 0.25 / 1000) ** 2
    assert scaled.density_m_per_m2 == pytest.approx(crack.length_mm / 1000 / surface_m2)
    assert plain.table().length_mm.isna().all()
    assert plain.table().severity.isna().all()


def test_severity_follows_the_characteristic_width_and_the_worst_crack() -> None:
    assert [severity_of(width) for width in (0.05, 0.1, 0.2, 0.31, 2.0)] == [
        "hairline",
        "hairline",
        "fine",
        "medium",
        "wide",
    ]
    mask = np.zeros((80, 200), bool)
    mask[20:22, 5:195] = mask[50:58, 100:190] = True
    measurement = measure(mask, mm_per_px=0.1)
    assert [crack.severity for crack in measurement.cracks] == ["fine", "medium"]
    assert measurement.severity == "medium"
    own = (SeverityClass("watch", 0.5), SeverityClass("mend", math.inf))
    assert measure(mask, mm_per_px=0.1, severity=own).severity == "mend"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"mm_per_px": 0.0}, "mm_per_px"),
        ({"mm_per_px": math.nan}, "mm_per_px"),
        ({"photo": np.zeros((10, 10, 3), np.uint8)}, "photo"),
        ({"probability": np.zeros((10, 10), np.float32)}, "probability"),
        ({"severity": ()}, "severity"),
        ({"severity": (SeverityClass("a", 2.0), SeverityClass("b", 1.0))}, "severity"),
        ({"severity": (SeverityClass("a", 0.1), SeverityClass("b", 0.3))}, "severity"),  # and above?
        ({"severity": (SeverityClass("a", math.nan), SeverityClass("b", math.inf))}, "severity"),
        ({"severity": (SeverityClass("a", math.nan),)}, "severity"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, object], named: str) -> None:
    with pytest.raises(FissuraError, match=f"^{named}: ") as caught:
        measure(np.ones((20, 20), bool), **given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_stones_within_a_wide_crack_make_no_net_of_it() -> None:
    mask = np.zeros((120, 400), np.uint8)
    mask[45:75, 20:380] = 1  # 30 px wide
    for column in range(40, 370, 25):
        cv2.ellipse(mask, (column, 60), (7, 5), 0, 0, 360, 0, -1)
    crack = measure(mask.astype(bool)).cracks[0]
    assert (crack.branch_count, crack.pattern) == (1, "transverse")
    assert crack.width_median_px == pytest.approx(30, rel=0.1)


def test_a_gap_between_thin_cracks_is_no_stone() -> None:
    mask = np.zeros((120, 120), np.uint8)
    cv2.circle(mask, (60, 60), 20, 1, 4)
    crack = measure(mask.astype(bool)).cracks[0]
    assert crack.length_px == pytest.approx(2 * np.pi * 20, rel=0.05)


def test_a_thin_loop_beside_a_wide_crack_is_no_stone_of_it() -> None:
    mask = np.zeros((300, 400), np.uint8)
    mask[80:120, 20:380] = 1
    cv2.circle(mask, (200, 150), 14, 1, 2)
    wide, loop = measure(mask.astype(bool)).cracks
    assert wide.width_median_px == pytest.approx(40, rel=0.02)
    assert loop.length_px == pytest.approx(2 * np.pi * 14, rel=0.05)
    assert loop.width_mean_px == pytest.approx(loop.area_px / (2 * np.pi * 14), rel=0.1)


def test_a_hole_where_thin_cracks_meet_keeps_its_width() -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[185:215, 170:230] = 1
    for right in (-1, 1):
        for down in (-1, 1):
            cv2.line(mask, (200 + right * 29, 200 + down * 13), (200 + right * 180, 200 + down * 90), 1, 3)
    assert only(mask.astype(bool)).width_max_px == pytest.approx(30, abs=1)
