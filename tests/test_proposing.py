from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fissura.learning.proposing import (
    SURE,
    SURELY_BACKGROUND,
    proposal_path,
    propose,
    read_proposal,
    smooth,
    write_proposals,
)
from fissura.photos import Photo, save_image


def _line(length_px: int, probability: float, side_px: int = 100) -> NDArray[np.float32]:
    drawn = np.full((side_px, side_px), 0.02, np.float32)
    drawn[50:53, 5 : 5 + length_px] = probability
    return drawn


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


def test_a_proposal_is_drawn_without_the_holes_of_stones_and_the_spurs_of_gaps_between_them() -> None:
    band = np.zeros((80, 120), bool)
    band[30:46] = True  # 16 px wide, across the whole photograph
    drawn = band.copy()
    drawn[36:40, 50:54] = False  # a stone
    drawn[10:30, 80:82] = True  # a gap between two others
    assert smooth(drawn)[30:46].all()
    assert not smooth(drawn)[:27].any()  # where it meets the band its corners may stay
    assert not smooth(drawn)[46:].any()


@given(width_px=st.integers(1, 6), slope=st.floats(-1.5, 1.5))
def test_a_proposed_hairline_keeps_its_width_and_its_branches(width_px: int, slope: float) -> None:
    drawn = np.zeros((90, 90), np.uint8)
    cv2.line(drawn, (5, 45 - int(35 * slope / 1.5)), (84, 45 + int(35 * slope / 1.5)), 1, width_px)
    cv2.line(drawn, (45, 45), (60, 8), 1, width_px)
    before, after = drawn > 0, smooth(drawn > 0)
    assert after[before].all()
    assert after.sum() <= 1.1 * before.sum()


def test_the_teacher_looks_at_every_scale_and_mirrored_before_it_proposes(tmp_path: Path) -> None:
    pixels = np.full((60, 80, 3), 200, np.uint8)
    pixels[28:32, 10:] = 20
    photo = Photo(tmp_path / "wall.png", "cracked")
    save_image(photo.path, pixels)
    seen = []

    class Teacher:
        def probability(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            seen.append((pixels.shape[:2], bool(pixels[len(pixels) // 2, 0].mean() < 100)))
            return (pixels[..., 0] < 100).astype(np.float32)

    write_proposals([photo], Teacher(), tmp_path, 1, (0.5, 1.0))
    assert sorted(seen) == [((30, 40), False), ((30, 40), True), ((60, 80), False), ((60, 80), True)]
    truth = read_proposal(proposal_path(tmp_path, 1, photo))
    assert truth.shape == (60, 80)
    assert (truth[29:31, 14:76] == 1).all()
    assert (truth[:24] == 0).all()
