"""Choosing the step from probability to mask without any human mask.

Every setting is judged on what is known exactly: painted cracks over held-out uncracked photographs (Dice; a
supervised recipe alone has masks of held-out cracked ones in their place), and the labels of held-out photographs
(a mask on an uncracked one is a false alarm, none on a cracked one a miss).
Held-out photographs are few, so that many settings make no error on them; a photograph therefore counts by how far
it is from one, which puts the threshold into the middle of the gap between the labels. What will be missed is known
better than what will be a false alarm: cracks are alike, walls are not. So ``high`` is raised from there as far as
next to no held-out crack is lost for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from fissura.segmenting import Cleaning, Segmenter
from fissura.segmenting.connected_pieces import Pieces, pieces
from fissura.segmenting.normalising import Normaliser

LOWS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
HIGHS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998)
EXTENT_FRACTIONS: tuple[float, ...] = (0.0, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3)
CREST_SHARES = (0.0, 0.2, 0.35, 0.5)  # below the least of HIGHS, which a share may not exceed
CLOSINGS_PX = (0, 2)  # masks drawn by hand are uncertain by 2 px
EXTENT_PX = 64.0  # a crack this long is one on any photograph, however large
SUREST = 1 - 1e-7  # a probability nearer to 1 says no more: float32 ends there
MISSES_ALLOWED = 0.01  # share of held-out cracked photographs that a higher ``high`` may lose, as expected
FALSE_ALARMS_ALLOWED = 0.05  # share of held-out uncracked photographs
GLANCE_RECALL = 0.995  # share of the painted cracks it would find that a model may not pass over


@dataclass(frozen=True)
class Judged:
    """A setting and how it did on held-out photographs.

    Attributes:
        cleaning: the setting.
        painted_dice: mean Dice on painted photographs, in [0, 1].
        false_alarm_rate: share of uncracked photographs with any mask, in [0, 1].
        miss_rate: share of cracked photographs without any mask, in [0, 1]; NaN where there is none.
        false_alarms_expected: the false alarm rate if the highest logit of each photograph were uncertain by the
            unit logistic distribution, in [0, 1].
        misses_expected: the same of the miss rate.
    """

    cleaning: Cleaning
    painted_dice: float
    false_alarm_rate: float
    miss_rate: float
    false_alarms_expected: float
    misses_expected: float

    @property
    def merit(self) -> float:
        """What selection maximises: Dice plus the share of photographs judged right, each side weighing alike.

        False alarms beyond those allowed weigh twenty times as much: a tool that cries wolf is not used.
        """
        beyond = max(0.0, self.false_alarms_expected - FALSE_ALARMS_ALLOWED)
        errors = self.misses_expected + self.false_alarms_expected + 19 * beyond  # 1 + 19 times
        return self.painted_dice - 0.5 * errors


def choose_cleaning(
    painted: list[tuple[NDArray[np.float32], NDArray[np.bool_]]],
    uncracked: Iterable[NDArray[np.float32]],
    cracked: Iterable[NDArray[np.float32]],
    extent_fractions: Sequence[float] = EXTENT_FRACTIONS,
) -> Judged:
    """Choose the best setting of a grid.

    Args:
        painted: probability map and exact mask, each ``(H, W)``, of painted photographs.
        uncracked: probability maps of held-out uncracked photographs; asked for one at a time, and let go.
        cracked: probability maps of held-out cracked photographs, likewise.
        extent_fractions: the smallest extents to choose from, in shares of the shorter side.

    Returns:
        The setting of the highest merit, ``high`` raised as far as next to no held-out crack is lost, and how it did.
    """
    candidates = []
    found_uncracked, found_cracked = ([_found(probability) for probability in maps] for maps in (uncracked, cracked))
    for place, low in enumerate(LOWS):
        painted_pieces = [pieces(probability, low) for probability, _ in painted]
        drawings = [_Drawings(found, mask) for found, (_, mask) in zip(painted_pieces, painted, strict=True)]
        for high, fraction in itertools.product(HIGHS, extent_fractions):
            if high < low:
                continue
            cleaning = Cleaning(low=low, high=high, min_extent_px=EXTENT_PX, min_extent_fraction=fraction)
            kept = [found.kept(cleaning) for found in painted_pieces]
            alarms = np.array([found[place].lead(cleaning) for found in found_uncracked])  # (N,) logits
            hits = np.array([found[place].lead(cleaning) for found in found_cracked])
            for share, closing_px in itertools.product(CREST_SHARES, CLOSINGS_PX):
                if 0 < share <= low:  # it cuts nothing off
                    continue
                drawn = cleaning.model_copy(update={"crest_share": share, "closing_px": closing_px})
                judged = Judged(
                    cleaning=drawn,
                    painted_dice=_mean([each.dice(of, drawn) for each, of in zip(drawings, kept, strict=True)]),
                    false_alarm_rate=_mean(alarms >= 0),
                    miss_rate=_mean(hits < 0) if len(hits) else float("nan"),
                    false_alarms_expected=_mean(expit(alarms)),
                    misses_expected=_mean(expit(-hits)),
                )
                candidates.append(judged)
    best = max(candidates, key=lambda judged: judged.merit)
    if not found_cracked:
        return best
    raised = [
        judged
        for judged in candidates
        if judged.cleaning.model_copy(update={"high": best.cleaning.high}) == best.cleaning
        and judged.misses_expected <= best.misses_expected + MISSES_ALLOWED
    ]
    return max(raised, key=lambda judged: judged.cleaning.high)


def choose_glance(segmenter: Segmenter, painted: Sequence[NDArray[np.uint8]]) -> float | None:
    """Choose the highest probability at a first look below which a tile may be passed over.

    Args:
        segmenter: the model, with the step from probability to mask that it will have.
        painted: held-out photographs with painted cracks, (H, W, 3) uint8 RGB each; some hundred.

    Returns:
        A probability in [0, 1] that 99.5 % of the photographs reach on which the model finds a crack; None if it
        finds none.
    """
    found = [photo for photo in painted if segmenter.segment(photo).mask.any()]
    if not found:
        return None
    looks = [segmenter.glance(photo, Normaliser.of(photo, segmenter.card.normalisation)) for photo in found]
    return float(np.quantile(looks, 1 - GLANCE_RECALL, method="lower"))


@dataclass(frozen=True)
class _Parts:
    """The parts that a photograph's cracks fall into, each array (N,), and how many px of each are right."""

    peak: NDArray[np.float64]
    extent_px: NDArray[np.int32]
    drawn_px: NDArray[np.intp]
    right_px: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class _Drawings:
    """The pieces of a painted photograph and its mask; of hundreds of settings most draw the same parts."""

    found: Pieces
    mask: NDArray[np.bool_]
    _parts: dict[tuple[bytes, float, int], _Parts] = field(default_factory=dict)

    def dice(self, kept: NDArray[np.bool_], cleaning: Cleaning) -> float:
        """Give Dice if those pieces, (N,) bool, are kept and drawn as ``cleaning`` says."""
        key = kept.tobytes(), cleaning.flank_share, cleaning.closing_px
        if key not in self._parts:
            self._parts[key] = self._find(kept, cleaning)
        parts = self._parts[key]
        staying = cleaning.staying(parts.peak, parts.extent_px, self.mask.shape)
        total = int(parts.drawn_px[staying].sum()) + int(self.mask.sum())
        return 2 * int(parts.right_px[staying].sum()) / total if total else 1.0

    def _find(self, kept: NDArray[np.bool_], cleaning: Cleaning) -> _Parts:
        parts = self.found.parts(kept, cleaning)
        count = len(parts.peak) + 1  # 0 is no part
        drawn_px = np.bincount(parts.labels.ravel(), minlength=count)[1:]
        right_px = np.bincount(parts.labels[self.mask], minlength=count)[1:]
        return _Parts(parts.peak, parts.extent_px, drawn_px, right_px)


@dataclass(frozen=True)
class _Found:
    """What a label judges a photograph's pieces by, for one ``low``, without the map: photographs are large."""

    peak: NDArray[np.float64]
    extent_px: NDArray[np.int32]
    highest: float
    shape: tuple[int, ...]

    def lead(self, cleaning: Cleaning) -> float:
        """Give by how much, in logits, the surest piece that is long enough exceeds the demand."""
        peaks = self.peak[self.extent_px >= cleaning.least_extent_px(self.shape)]
        if not len(self.peak):
            peaks = np.array([self.highest])  # just below `low` is as near to an error as just above
        if not len(peaks):
            return -np.inf
        return float(logit(np.clip(peaks.max(), 1 - SUREST, SUREST)) - logit(cleaning.high))


def _found(probability: NDArray[np.float32]) -> list[_Found]:
    """Find a map's pieces above each of ``LOWS``."""
    found = (pieces(probability, low) for low in LOWS)
    return [_Found(each.peak, each.extent_px, each.highest, probability.shape) for each in found]


def _mean(values: Sequence[float] | NDArray[np.generic]) -> float:
    return float(np.mean(np.asarray(values, np.float64))) if len(values) else 0.0
