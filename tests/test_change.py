"""Two photographs of one place are laid over each other, or refused; growth comes out as it was put in."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fissura.errors import FissuraError
from fissura.measuring import Branch, Measurement, measure
from fissura.measuring.change import CHANGE_COLUMNS
from fissura.measuring.comparing import compare_cracks
from fissura.measuring.registration import Registration, _check_camera, mapped, register
from fissura.painting import SURFACES, Surface, draw_surface
from fissura.reporting.change_drawing import draw_change, lay_over
from hand_measured import hand_measured, straight_branch

SHAPE = (480, 640)
STILL = np.eye(3)


def homography(turn_deg: float = 4.0, enlarge: float = 1.05, shift: tuple[float, float] = (-12, 9)) -> np.ndarray:
    """Give a view of the same place from elsewhere, askew: before -> after."""
    cosine, sine = enlarge * np.cos(np.radians(turn_deg)), enlarge * np.sin(np.radians(turn_deg))
    return np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]], [4e-5, -3e-5, 1.0]])


def seen_again(photo: np.ndarray, view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Photograph the same place later: from elsewhere, in other light, with noise."""
    warped = cv2.warpPerspective(photo, view, SHAPE[::-1], flags=cv2.INTER_CUBIC).astype(float)
    return np.clip(0.8 * warped + 15 + rng.normal(0, 3, warped.shape), 0, 255).astype(np.uint8)


def registration(before_to_after: np.ndarray = STILL, error_px: float = 0.3) -> Registration:
    back = np.linalg.inv(before_to_after)
    return Registration(back / back[2, 2], 100, 90, error_px, SHAPE, SHAPE)


def moved(branch: Branch, view: np.ndarray, enlarge: float) -> Branch:
    points = mapped(branch.points_px, view)
    return Branch(points, branch.width_px * enlarge, float(np.hypot(*np.diff(points, axis=0).T).sum()))


GRID = np.stack(np.meshgrid(np.linspace(80, 560, 9), np.linspace(60, 420, 7)), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize("kind", SURFACES)
def test_a_known_homography_is_found_to_a_fraction_of_a_pixel(kind: Surface) -> None:
    rng = np.random.default_rng(11)
    before = draw_surface(kind, *SHAPE, rng)
    view = homography()
    found = register(before, seen_again(before, view, rng))
    distances = np.hypot(*(found.to_before(mapped(GRID, view)) - GRID).T)
    assert distances.max() < 0.8
    assert 0 < found.error_px < 2
    assert found.inliers <= found.matches
    assert np.allclose(found.to_after(found.to_before(GRID)), GRID)


def test_photographs_of_other_sizes_are_registered_in_their_own_pixels() -> None:
    rng = np.random.default_rng(12)
    after = draw_surface("plaster", 1000, 1900, rng)  # larger than features are looked for at
    before = cv2.resize(after, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    found = register(before, after)
    corners = np.array([[0, 0], [1899, 0], [1899, 999], [0, 999]], float)
    expected = (corners + 0.5) / 2 - 0.5
    assert np.abs(found.to_before(corners) - expected).max() < 0.5
    assert found.enlargement(corners) == pytest.approx(0.5, abs=0.01)
    assert found.warp(after).shape == before.shape
    assert found.common_view().mean() > 0.99


def test_a_photograph_lies_on_itself() -> None:
    for seed in range(6):
        photo = draw_surface("asphalt", *SHAPE, np.random.default_rng(seed))
        found = register(photo, photo)
        assert np.allclose(found.to_before(GRID), GRID, atol=0.01)
        assert found.common_view().all()


@pytest.mark.parametrize("kind", ["concrete", "asphalt"])
def test_photographs_of_different_places_are_refused(kind: Surface) -> None:
    before, after = (draw_surface(kind, *SHAPE, np.random.default_rng(seed)) for seed in (1, 2))
    with pytest.raises(FissuraError, match=r"^registration: only \d+ .*; take both"):
        register(before, after)


def test_a_photograph_without_texture_is_refused() -> None:
    plain = np.full((*SHAPE, 3), 120, np.uint8)
    with pytest.raises(FissuraError, match="the later photograph shows next to no texture"):
        register(draw_surface("asphalt", *SHAPE, np.random.default_rng(1)), plain)


def test_a_mirrored_photograph_is_refused() -> None:
    before = draw_surface("asphalt", *SHAPE, np.random.default_rng(1))
    with pytest.raises(FissuraError, match=r"^registration: "):
        register(before, before[:, ::-1].copy())


@pytest.mark.parametrize(
    ("homography", "why"),
    [
        ([[-1, 0, SHAPE[1]], [0, 1, 0], [0, 0, 1]], "mirrored or folded"),
        ([[1, 0, 0], [0, 1, 0], [-2 / SHAPE[1], 0, 1]], "folded over the horizon"),
        ([[30, 0, 0], [0, 30, 0], [0, 0, 1]], "enlarged 30 times"),
        ([[1, 0, 0.99 * SHAPE[1]], [0, 1, 0], [0, 0, 1]], "hardly any view in common"),
    ],
)
def test_a_place_that_no_camera_takes_is_refused(homography: list[list[float]], why: str) -> None:
    with pytest.raises(FissuraError, match=why):
        _check_camera(np.array(homography, np.float64), SHAPE, SHAPE)


def test_a_patch_in_common_does_not_pass_for_the_same_place() -> None:
    """A sign or a sticker on two walls: many features agree, all in one spot."""
    before, after = (draw_surface("concrete", *SHAPE, np.random.default_rng(seed)) for seed in (1, 2))
    sticker = np.random.default_rng(3).integers(0, 255, (11, 11, 3), np.uint8)
    sticker = cv2.resize(sticker, (90, 90), interpolation=cv2.INTER_CUBIC)
    before[30:120, 30:120] = sticker
    after[300:390, 500:590] = sticker
    with pytest.raises(FissuraError, match="lie in one spot"):
        register(before, after)


OLD = straight_branch((100, 100), (300, 100), 4.0)
LONGER = straight_branch((300, 100), (360, 100), 2.0)
OPENED = straight_branch((100, 300), (400, 380), 6.0)
AS_IT_WAS = straight_branch((100, 300), (400, 380), 4.0)
FRESH = straight_branch((450, 100), (450, 250), 3.0)
GONE = straight_branch((430, 280), (500, 340), 3.0)


def scene(view: np.ndarray = STILL, enlarge: float = 1.0, mm_per_px: float | None = None) -> tuple[Measurement, ...]:
    before = hand_measured(SHAPE, [[AS_IT_WAS], [OLD], [GONE]], mm_per_px)
    later = [[OPENED], [OLD, LONGER], [FRESH]]
    after = hand_measured(SHAPE, [[moved(branch, view, enlarge) for branch in crack] for crack in later])
    return before, after


@pytest.mark.parametrize(("turn_deg", "enlarge"), [(0.0, 1.0), (5.0, 1.0), (-8.0, 0.8), (3.0, 1.2)])
def test_growth_comes_out_as_it_was_put_in(turn_deg: float, enlarge: float) -> None:
    view = homography(turn_deg, enlarge, (10.0, 20.0))
    view[2, :2] = 0
    comparison = compare_cracks(*scene(view, enlarge, mm_per_px=0.5), registration(view))
    table = comparison.table().set_index("kind")
    assert sorted(table.index) == ["grown", "grown", "new", "vanished"]
    longer, opened = (table[table["before"] == number].iloc[0] for number in ("2", "1"))
    assert longer["after"] == "2"
    assert longer["length_growth_px"] == pytest.approx(60, abs=1.5)
    assert longer["new_length_px"] == pytest.approx(60 - comparison.tolerance_px, abs=3)
    assert longer["width_growth_px"] == pytest.approx(0, abs=0.1)  # the thin new tip does not count
    assert longer["length_growth_mm"] == pytest.approx(0.5 * longer["length_growth_px"])
    assert opened["length_growth_px"] == pytest.approx(0, abs=0.5)
    assert opened["width_growth_px"] == pytest.approx(2, abs=0.05)
    assert table.loc["new", "length_after_px"] == pytest.approx(150, abs=1.5)
    assert table.loc["new", "before"] == ""
    assert np.isnan(table.loc["new", "width_before_px"])
    assert table.loc["vanished", "length_before_px"] == pytest.approx(92.2, abs=1.5)


def test_a_width_seen_askew_is_measured_across_the_line() -> None:
    """Squeezed along x alone, a crack along y becomes thinner, one along x does not."""
    squeeze = np.diag([0.5, 1.0, 1.0])
    lines = [straight_branch((100, 100), (100, 400), 8.0), straight_branch((200, 250), (500, 250), 8.0)]
    before = hand_measured(SHAPE, [[line] for line in lines])
    squeezed = [straight_branch((50, 100), (50, 400), 4.0), straight_branch((100, 250), (250, 250), 8.0)]
    after = hand_measured(SHAPE, [[line] for line in squeezed])
    table = compare_cracks(before, after, registration(squeeze)).table()
    assert list(table["kind"]) == ["unchanged", "unchanged"]
    assert table["width_growth_px"].abs().max() < 1e-6
    assert table["length_growth_px"].abs().max() < 1e-6


def test_only_what_both_photographs_show_is_compared() -> None:
    view = np.array([[1.0, 0, -250], [0, 1, 0], [0, 0, 1]])  # the later one shows x from 250 on
    before = hand_measured(
        SHAPE, [[straight_branch((50, 100), (400, 100), 4.0)], [straight_branch((20, 300), (150, 300), 4.0)]]
    )
    after = hand_measured(SHAPE, [[straight_branch((0, 100), (150, 100), 4.0)]])
    (change,) = compare_cracks(before, after, registration(view)).changes
    assert change.kind == "unchanged"
    assert change.before == (1,)
    assert change.length_before_px == pytest.approx(150, abs=1.5)


def test_an_end_at_the_edge_of_the_common_view_is_neither_new_nor_vanished() -> None:
    """Of a crack that the other photograph shows for a few px only, its mask shows nothing."""
    view = np.array([[1.0, 0, -250], [0, 1, 0], [0, 0, 1]])  # both show x from 250 to 639 of the earlier one
    nothing = hand_measured(SHAPE, [])
    old = hand_measured(SHAPE, [[straight_branch((100, 100), (290, 100), 4.0)]])
    young = hand_measured(SHAPE, [[straight_branch((350, 100), (600, 100), 4.0)]])
    for before, after, kind in ((old, nothing, "vanished"), (nothing, young, "new")):
        (change,) = compare_cracks(before, after, registration(view), least_extent_px=60).changes
        assert abs(change.length_growth_px) == pytest.approx(40, abs=1.5)
        assert (change.kind, change.length_uncertainty_px) == ("unchanged", 60)
        (change,) = compare_cracks(before, after, registration(view), least_extent_px=30).changes
        assert change.kind == kind
    inside = hand_measured(SHAPE, [[straight_branch((300, 100), (340, 100), 4.0)]])  # would be in both masks
    (change,) = compare_cracks(inside, nothing, registration(view), least_extent_px=60).changes
    assert change.kind == "vanished"


def test_less_than_can_be_told_is_neither_new_nor_vanished() -> None:
    view = np.array([[1.0, 0, -250], [0, 1, 0], [0, 0, 1]])
    nothing, end = hand_measured(SHAPE, []), hand_measured(SHAPE, [[straight_branch((100, 100), (252, 100), 4.0)]])
    (change,) = compare_cracks(end, nothing, registration(view)).changes
    assert change.kind == "unchanged"
    assert change.length_before_px < change.length_uncertainty_px


def test_cracks_that_have_met_stand_in_one_row() -> None:
    left, right = straight_branch((50, 200), (250, 200), 4.0), straight_branch((300, 200), (500, 200), 4.0)
    bridge = straight_branch((250, 200), (300, 200), 4.0)
    before = hand_measured(SHAPE, [[left], [right]])
    after = hand_measured(SHAPE, [[left, bridge, right]])
    (change,) = compare_cracks(before, after, registration()).changes
    assert (change.before, change.after, change.kind) == ((1, 2), (1,), "grown")
    assert change.length_growth_px == pytest.approx(50, abs=1e-6)


def test_a_crack_that_opens_to_one_side_has_grown_in_width() -> None:
    thin = hand_measured(SHAPE, [[straight_branch((100, 200), (500, 200), 4.0)]])
    wide = hand_measured(SHAPE, [[straight_branch((100, 206), (500, 206), 16.0)]])
    for before, after, kind, growth_px in ((thin, wide, "grown", 12.0), (wide, thin, "shrunk", -12.0)):
        (change,) = compare_cracks(before, after, registration()).changes
        assert (change.kind, change.width_growth_px) == (kind, pytest.approx(growth_px))
        assert change.new_length_px == 0


def test_a_new_stretch_is_growth_though_as_much_is_lost_elsewhere() -> None:
    before = hand_measured(SHAPE, [[straight_branch((100, 200), (300, 200), 4.0)]])
    after = hand_measured(SHAPE, [[straight_branch((200, 200), (400, 200), 4.0)]])
    (change,) = compare_cracks(before, after, registration()).changes
    assert change.kind == "grown"
    assert change.length_growth_px == pytest.approx(0, abs=1e-6)
    assert change.new_length_px == pytest.approx(100, abs=6)


def test_a_faint_crack_found_in_other_stretches_has_not_grown() -> None:
    def with_gaps(first: int) -> Measurement:
        mask = np.zeros(SHAPE, bool)
        mask[200:204, 40:620] = True
        for left in range(first, 500, 160):
            mask[:, left : left + 12] = False
        return measure(mask)

    (change,) = compare_cracks(with_gaps(60), with_gaps(140), registration()).changes
    assert change.kind == "unchanged"
    assert change.new_length_px > change.length_uncertainty_px


def test_a_coarser_later_photograph_tells_less_of_widths() -> None:
    quarter = np.diag([0.25, 0.25, 1.0])
    before = hand_measured(SHAPE, [[straight_branch((100, 200), (500, 200), 4.0)]])
    after = hand_measured(SHAPE, [[straight_branch((25, 50), (125, 50), 1.3)]])  # 5.2 px of the earlier photograph
    (change,) = compare_cracks(before, after, registration(quarter)).changes
    assert change.kind == "unchanged"
    assert change.width_growth_px == pytest.approx(1.2)
    assert change.width_uncertainty_px == pytest.approx(2, abs=0.02)


@settings(max_examples=15)
@given(st.floats(-60, 60), st.floats(0.6, 1.6), st.integers(0, 2**32 - 1))
def test_a_place_that_has_not_changed_has_no_change(turn_deg: float, enlarge: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ends = np.array([[250, 190], [390, 290]]) + rng.uniform(-30, 30, (2, 2))
    line = straight_branch(tuple(ends[0]), tuple(ends[1]), float(rng.uniform(1.5, 10)))
    view = homography(turn_deg, enlarge, (0.0, 0.0))
    view[2, :2] = 0
    view[:2, 2] = np.array([320, 240]) - view[:2, :2] @ [320, 240]  # turned about the middle
    before = hand_measured(SHAPE, [[line]])
    after = hand_measured(SHAPE, [[moved(line, view, enlarge)]])
    (change,) = compare_cracks(before, after, registration(view)).changes
    assert change.kind == "unchanged"
    assert abs(change.length_growth_px) < 1
    assert change.new_length_px == 0


def test_empty_measurements_give_the_same_columns() -> None:
    nothing, one = hand_measured(SHAPE, []), hand_measured(SHAPE, [[OLD]])
    for before, after, kinds in ((nothing, nothing, []), (nothing, one, ["new"]), (one, nothing, ["vanished"])):
        table = compare_cracks(before, after, registration()).table()
        assert tuple(table.columns) == CHANGE_COLUMNS
        assert list(table["kind"]) == kinds
        assert table["length_growth_mm"].isna().all()


def test_a_crack_of_one_pixel_is_compared() -> None:
    dot = Branch(np.array([[50.0, 60.0]]), np.array([1.0]), 1.0)
    one = hand_measured(SHAPE, [[dot]])
    (change,) = compare_cracks(one, one, registration()).changes
    assert change.kind == "unchanged"
    assert change.length_before_px == pytest.approx(1)


def test_a_measurement_of_another_photograph_is_refused() -> None:
    other = hand_measured((100, 100), [])
    with pytest.raises(FissuraError, match="the later photograph was measured at 100 x 100 px but registered at 640"):
        compare_cracks(hand_measured(SHAPE, []), other, registration())


def test_from_photographs_to_growth() -> None:
    """Registered from pixels, measured from masks: what has grown is found with its length."""
    rng = np.random.default_rng(21)
    surface = draw_surface("plaster", *SHAPE, rng).astype(float)
    view = homography(3.0, 1.05)
    photos, measured = [], []
    for cracks in ([OLD], [OLD, LONGER, FRESH]):
        mask = hand_measured(SHAPE, [[crack] for crack in cracks]).labels > 0
        photo = np.where(mask[:, :, None], 0.4 * surface, surface).astype(np.uint8)
        if photos:
            warped = cv2.warpPerspective(mask.astype(np.float32), view, SHAPE[::-1])
            photo, mask = seen_again(photo, view, rng), warped > 0.5
        photos.append(photo)
        measured.append(measure(mask))
    comparison = compare_cracks(measured[0], measured[1], register(photos[0], photos[1]))
    new, grown = comparison.changes
    assert (new.kind, grown.kind) == ("new", "grown")
    assert new.length_after_px == pytest.approx(150, abs=6)
    assert grown.length_growth_px == pytest.approx(60, abs=grown.length_uncertainty_px)


def test_the_picture_shows_new_old_and_vanished_in_their_colours() -> None:
    view = homography(2.0, 1.0)
    view[2, :2] = 0
    before, after = scene(view)
    photo = np.full((*SHAPE, 3), 150, np.uint8)
    comparison = compare_cracks(before, after, registration(view))
    picture = draw_change(photo, photo, (before, after), comparison, panel_px=640)
    head, left = 2 * 18, 2 * (640 + 12)
    change = picture[head : head + 480, left : left + 640].astype(int)
    new, kept, gone = change[150, 450], change[100, 200], change[310, 465]
    assert new[0] > 200 > 150 > new[1] > new[2]
    assert kept[2] > 200 > kept[0]
    assert gone[0] > 200
    assert gone[1] > 200
    assert gone[2] < 120


def test_later_cracks_lie_over_the_earlier_photograph() -> None:
    view = homography(6.0, 1.2)
    view[2, :2] = 0
    _, after = scene(view, 1.2)
    laid = lay_over(after, registration(view), mm_per_px=0.2)
    assert np.allclose(laid.cracks[2].branches[0].points_px, FRESH.points_px)
    assert np.allclose(laid.cracks[2].branches[0].width_px, 3.0)
    assert laid.labels[175, 450] == 3
    assert laid.mm_per_px == 0.2
