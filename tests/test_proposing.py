from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fissura.learning.proposing import SURE, SURELY_BACKGROUND, propose


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
