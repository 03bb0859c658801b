"""The drawings show the crack where it is, in the colour of its width, and never overlapping words."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fissura.reporting.crack_drawing import draw_crack, draw_cracks, draw_widest
from fissura.reporting.quantities import round_above, round_below, said_length, said_width
from fissura.reporting.tags import near, tagged
from hand_measured import hand_measured, straight_branch

WEDGE = straight_branch((40, 200), (360, 200), (1, 16))


def grey(shape: tuple[int, int], level: int) -> np.ndarray:
    return np.full((*shape, 3), level, np.uint8)


def hue(pixel: np.ndarray) -> np.ndarray:
    return pixel.astype(int) - pixel.min()


@pytest.mark.parametrize("level", [15, 128, 245])
def test_a_centre_line_stands_out_on_any_surface(level: int) -> None:
    picture = draw_cracks(grey((400, 400), level), hand_measured((400, 400), [[WEDGE]]), legend=False)
    zoom = picture.shape[1] / 400
    for x in (60, 200, 340):
        column = picture[round(200 * zoom) - 8 : round(200 * zoom) + 8, round(x * zoom)].astype(int)
        # The line is coloured, and either it or its rim is far from the surface.
        assert np.ptp(column, axis=1).max() > 80
        assert np.abs(column.mean(axis=1) - level).max() > 80


def test_colour_runs_with_width_from_violet_to_yellow() -> None:
    picture = draw_cracks(grey((720, 720), 128), hand_measured((720, 720), [[WEDGE]]), legend=False)
    thin, wide = picture[200, 50].astype(int), picture[200, 355].astype(int)
    assert thin[2] > thin[1]  # violet: more blue than green
    assert wide[0] > 200
    assert wide[1] > 150
    assert wide[2] < 100


def test_a_scale_changes_the_legend_alone() -> None:
    """Millimetres as large as pixels leave the picture as it is, and change what stands below."""
    photo = grey((720, 720), 128)
    in_px = draw_cracks(photo, hand_measured((720, 720), [[WEDGE]]))
    in_mm = draw_cracks(photo, hand_measured((720, 720), [[WEDGE]], mm_per_px=1.0))
    assert np.array_equal(in_px[:720], in_mm[:720])
    assert not np.array_equal(in_px[720:], in_mm[720:])


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    picture = draw_cracks(grey((600, 800), 128), hand_measured((600, 800), [], mm_per_px=0.5))
    strip = picture[600:].astype(int)
    dark = (strip.max(axis=2) < 60).sum(axis=1)
    row = strip[int(dark.argmax())].max(axis=1) < 60
    bar = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
    length_px = (bar[1::2] - bar[::2]).max()
    assert length_px == pytest.approx(100 / 0.5, abs=4)  # at most a quarter of 800 px, rounded down: 100 mm


def test_the_widest_place_is_shown_bare_between_arrows() -> None:
    photo = grey((400, 400), 200)
    measurement = hand_measured((400, 400), [[WEDGE]])
    photo[measurement.labels > 0] = 30
    picture = draw_widest(photo, measurement, measurement.cracks[0])[:540]  # without the legend
    middle = np.array(picture.shape[:2]) // 2
    assert picture[middle[0], middle[1]].max() < 60
    white = (picture.min(axis=2) > 250).sum()
    assert white > 200


def test_the_close_up_holds_the_whole_crack_and_enlarges_it() -> None:
    photo = grey((3000, 4000), 140)
    measurement = hand_measured((3000, 4000), [[straight_branch((3800, 100), (3900, 180), 6)]], mm_per_px=0.1)
    picture = draw_crack(photo, measurement, measurement.cracks[0], size_px=(720, 540))
    assert picture.shape[1] == pytest.approx(720, abs=6)
    coloured = np.ptp(picture[:540].astype(int), axis=2) > 80
    columns = np.flatnonzero(coloured.any(axis=0))
    assert np.ptp(columns) > 300  # 100 px of the photograph
    assert columns.min() > 0
    assert columns.max() < picture.shape[1] - 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2000, 30), (17, 23)])
def test_odd_photographs_and_cracks_of_one_pixel_are_drawn(shape: tuple[int, int]) -> None:
    end = (float(shape[1] - 1), float(shape[0] - 1))
    measurement = hand_measured(shape, [[straight_branch(end, end, 1.0)]], mm_per_px=0.3)
    for draw in (draw_crack, draw_widest):
        assert draw(grey(shape, 90), measurement, measurement.cracks[0]).ndim == 3
    assert draw_cracks(grey(shape, 90), measurement).ndim == 3
    assert draw_cracks(grey(shape, 90), hand_measured(shape, [])).ndim == 3


def test_texts_never_overlap_and_the_first_ones_stay() -> None:
    canvas = grey((120, 160), 128)
    places = np.array([[80.0, 60.0]])
    tags = [(str(number), places) for number in range(60)]
    drawn = tagged(canvas, tags, np.zeros((120, 160), bool), 14)
    plates = drawn.max(axis=2) < 60
    assert 2000 < plates.sum() < canvas[:, :, 0].size
    alone = tagged(canvas, tags[:1], np.zeros((120, 160), bool), 14)
    changed = (alone != canvas).any(axis=2)
    assert np.array_equal(drawn[changed], alone[changed])


def test_texts_keep_off_the_cracks() -> None:
    taken = near((100, 100), np.stack([np.arange(100.0), np.full(100, 50.0)], axis=1), 3)
    drawn = tagged(grey((100, 100), 128), [("12", np.array([[50.0, 50.0]]))], taken, 12)
    assert (drawn[taken] == 128).all()
    assert (drawn != 128).any()


def test_a_large_photograph_is_drawn_quickly() -> None:
    x = np.linspace(50, 3900, 12)
    cracks = [[straight_branch((float(a), 100.0), (float(a) + 40, 2900.0), 5)] for a in x]
    measurement = hand_measured((3000, 4000), cracks)
    photo = grey((3000, 4000), 128)
    start = time.process_time()
    draw_cracks(photo, measurement, side_px=400, legend=False)
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (said_length(0.4), "0 px"),
        (said_length(1824.3), "1,824 px"),
        (said_length(824, 0.5), "412 mm"),
        (said_length(1999, 0.5), "1 m"),
        (said_length(5_000_000, 1.0), "5,000 m"),
        (said_width(3.14), "3.1 px"),
        (said_width(3.14, 0.2), "0.63 mm"),
        (said_width(120, 0.2), "24.0 mm"),
    ],
)
def test_quantities_are_said_with_their_unit(said: str, expected: str) -> None:
    assert said == expected


def test_round_numbers() -> None:
    assert [round_below(x) for x in (0.3, 1, 4.9, 99)] == [0.2, 1, 2, 50]
    assert [round_above(x) for x in (0.3, 1, 4.1, 99)] == [0.3, 1, 5, 100]
