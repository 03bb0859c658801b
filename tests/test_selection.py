from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fissura.learning.proposing import SURE, SURELY_BACKGROUND, propose
from fissura.learning.selection import Judged, choose_cleaning, choose_glance
from fissura.segmenting import Cleaning, Segmenter, clean
from fissura.segmenting.normalising import Normaliser
from model_files import cracked_photo, write_model

Map = NDArray[np.float32]


def _line(length_px: int, probability: float, side_px: int = 100) -> Map:
    drawn = np.full((side_px, side_px), 0.02, np.float32)
    drawn[50:53, 5 : 5 + length_px] = probability
    return drawn


def test_chosen_settings_silence_short_fragments_and_keep_long_cracks() -> None:
    cracks = [_line(80, 0.97) for _ in range(4)]
    fragments = [_line(10, 0.99) for _ in range(4)]
    judged = choose_cleaning([(crack, crack > 0.5) for crack in cracks], fragments, cracks)
    assert (judged.false_alarm_rate, judged.miss_rate, judged.painted_dice) == (0.0, 0.0, 1.0)
    assert not any(clean(fragment, judged.cleaning).any() for fragment in fragments)


def test_more_false_alarms_than_allowed_are_not_traded_for_a_little_dice() -> None:
    setting = Cleaning(low=0.1, high=0.9, min_extent_px=0, min_extent_fraction=0)
    too_many = Judged(setting, 0.61, 0.0, 0.0, false_alarms_expected=0.054, misses_expected=0.02)
    allowed = Judged(setting, 0.59, 0.0, 0.0, false_alarms_expected=0.049, misses_expected=0.03)
    assert allowed.merit > too_many.merit


def test_chosen_settings_ask_for_a_peak_where_faint_long_pieces_are_the_false_alarms() -> None:
    cracks, faint = [_line(80, 0.97)], [_line(80, 0.72)]
    judged = choose_cleaning([(crack, crack > 0.5) for crack in cracks], faint, cracks)
    assert (judged.false_alarm_rate, judged.miss_rate) == (0.0, 0.0)
    assert judged.cleaning.high > 0.72


def test_a_given_smallest_extent_is_kept_though_another_would_find_more() -> None:
    cracks = [_line(20, 0.97)]
    truths = [(crack, crack > 0.5) for crack in cracks]
    assert choose_cleaning(truths, [], cracks).painted_dice == 1.0
    judged = choose_cleaning(truths, [], cracks, [0.3])
    assert (judged.cleaning.min_extent_fraction, judged.painted_dice) == (0.3, 0.0)


def test_where_no_false_alarm_is_near_the_threshold_rises_to_where_real_cracks_would_be_missed() -> None:
    painted = [(_line(80, 0.97), _line(80, 1.0) > 0.5)]
    plain = [_line(80, 1 - 1e-6)] * 4
    assert choose_cleaning(painted, [], plain).cleaning.high >= 0.9995  # though it passes over what is painted
    fainter = [*plain, _line(80, 0.999)]
    assert 0.9 <= choose_cleaning(painted, [], fainter).cleaning.high < 0.999
    assert choose_cleaning(painted, [], []).cleaning.high < 0.97  # nothing is known of misses


def test_the_threshold_stands_in_the_middle_of_the_gap_between_the_labels() -> None:
    cracks, faint = [_line(80, 0.995)], [_line(80, 0.55)]
    judged = choose_cleaning([(crack, crack > 0.5) for crack in cracks], faint, cracks)
    assert 0.8 <= judged.cleaning.high <= 0.98  # 0.6 would make no error either
    assert 0 < judged.false_alarms_expected < 0.2


def test_the_judged_dice_is_that_of_the_masks_the_settings_give() -> None:
    rng = np.random.default_rng(3)
    maps = [np.clip(_line(60, 0.8) + rng.normal(0, 0.15, (100, 100)), 0, 1).astype(np.float32) for _ in range(3)]
    truths = [_line(60, 1.0) > 0.5 for _ in maps]
    judged = choose_cleaning(list(zip(maps, truths, strict=True)), [], [])
    masks = [clean(probability, judged.cleaning) for probability in maps]
    dice = [2 * (m & t).sum() / (m.sum() + t.sum()) for m, t in zip(masks, truths, strict=True)]
    assert np.isclose(judged.painted_dice, np.mean(dice))


def test_flanks_are_cut_off_where_that_draws_sure_and_faint_cracks_as_wide_as_they_are() -> None:
    crack = _line(90, 0.15)
    crack[:, 5:50], crack[51, 5:50] = crack[:, 5:50] * 0.99, 0.98  # half of it is sure, and a third as wide
    truth = crack > 0.1
    truth[[50, 52], 5:50] = False
    judged = choose_cleaning([(crack, truth)], [], [crack])
    assert judged.cleaning.crest_share > judged.cleaning.low
    assert judged.painted_dice > 0.95


def test_gaps_are_closed_where_grains_stand_in_cracks_and_left_where_they_end_one() -> None:
    crack = _line(90, 0.98)
    crack[51, 10:90:4] = 0.02  # grains
    judged = choose_cleaning([(crack, _line(90, 1.0) > 0.5)], [], [crack])
    assert judged.cleaning.closing_px > 0
    assert judged.painted_dice == 1.0
    two = np.maximum(_line(90, 0.98), np.roll(_line(90, 0.98), 6, axis=0))  # three px between them
    assert choose_cleaning([(two, two > 0.5)], [], [two]).cleaning.closing_px == 0


def test_a_glance_may_pass_over_next_to_none_of_the_cracks_that_the_model_finds(tmp_path: Path) -> None:
    segmenter = Segmenter(write_model(tmp_path / "model.onnx"))  # dark is crack
    photos = [cracked_photo(96, crack=grey) for grey in (20, 40, 60, 80, 100)]
    blank = np.full((96, 96, 3), 150, np.uint8)
    below = choose_glance(segmenter, [*photos, blank])  # what it does not find, a glance need not find either
    looks = [segmenter.glance(photo, Normaliser.of(photo, "grey")) for photo in photos]
    assert below == min(looks)
    assert below > segmenter.glance(blank, Normaliser.of(blank, "grey"))
    assert choose_glance(segmenter, [blank]) is None


def test_a_cracked_photograph_always_holds_a_crack_even_where_the_teacher_is_unsure() -> None:
    truth = propose(_line(30, 0.6))
    assert (truth[50:53, 5:35] == 1).all()
    assert (truth[:40] == 0).all()


def test_what_the_teacher_finds_possible_is_neither_crack_nor_background() -> None:
    probability = _line(80, 0.98)
    probability[10:13, 5:80] = (SURELY_BACKGROUND + SURE.low) / 2  # possible
    probability[90:92, 5:9] = 0.99  # sure, but a fragment
    truth = propose(probability)
    assert (truth[50:53, 5:85] == 1).all()
    assert (truth[10:13, 5:80] == 255).all()
    assert (truth[90:92, 5:9] == 255).all()
    assert (truth == 0).sum() > 9000


def test_maps_of_photographs_are_asked_for_one_at_a_time_and_let_go() -> None:
    crack = _line(90, 0.9)
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def maps() -> Iterator[np.ndarray]:
        nonlocal most
        for _ in range(5):
            probability = crack.copy()
            alive.append(weakref.ref(probability))
            yield probability
            del probability
            most = max(most, sum(one() is not None for one in alive))

    listed = choose_cleaning([(crack, crack > 0.5)], [crack * 0.1] * 5, [crack] * 5)
    assert choose_cleaning([(crack, crack > 0.5)], (one * 0.1 for one in maps()), maps()) == listed
    assert most <= 1
