"""Curves over the raw threshold, gathered photograph by photograph in memory that never grows.

Each probability map is reduced to two 256-bin histograms, one of its crack pixels and one of its background
pixels. Cumulated from above they give the true and false positives at each of 256 thresholds, and from these
follow Dice, precision and recall without a second look at the map.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BINS = 256
THRESHOLDS = np.arange(BINS) / BINS  # a pixel is called crack where its probability is at least the threshold


class Curves:
    """What ``evaluate`` remembers of all probability maps.

    Example:
        >>> curves = Curves()
        >>> truth = np.eye(4, dtype=bool)
        >>> curves.add(np.where(truth, 0.9, 0.1).astype(np.float32), truth, cracked=True, source="CFD")
        >>> float(curves.dice_over_threshold().loc[0.5, "overall"])
        1.0
    """

    def __init__(self) -> None:
        self._crack = np.zeros(BINS, np.int64)  # pixels of all photographs
        self._background = np.zeros(BINS, np.int64)
        self._dice: dict[str, NDArray[np.float64]] = {}  # per source, summed over cracked photographs
        self._photos: dict[str, int] = {}

    def add(self, probability: NDArray[np.float32], truth: NDArray[np.bool_], *, cracked: bool, source: str) -> None:
        """Take in one photograph.

        Args:
            probability: (H, W) float32 in [0, 1].
            truth: (H, W) bool.
            cracked: only cracked photographs count for the Dice curve.
            source: where the photograph comes from.
        """
        level = np.clip(probability * BINS, 0, BINS - 1).astype(np.uint8)  # (H, W)
        crack = np.bincount(level[truth], minlength=BINS)
        background = np.bincount(level[~truth], minlength=BINS)
        self._crack += crack
        self._background += background
        if cracked:
            tp, fp = _from_above(crack), _from_above(background)
            predicted_and_true = tp + fp + crack.sum()
            dice = 2 * tp / np.maximum(predicted_and_true, 1)
            dice[predicted_and_true == 0] = 1.0  # empty on empty
            self._dice[source] = self._dice.get(source, 0.0) + dice
            self._photos[source] = self._photos.get(source, 0) + 1

    def dice_over_threshold(self) -> pd.DataFrame:
        """Mean per-image Dice of the cracked photographs at each raw threshold.

        Returns:
            256 rows indexed by ``threshold`` in [0, 1); a column ``overall`` and, where there are several
            sources, one for each. No column if no cracked photograph had a mask.
        """
        columns = {}
        if self._dice:
            columns["overall"] = sum(self._dice.values()) / sum(self._photos.values())
        if len(self._dice) > 1:
            columns |= {source: self._dice[source] / self._photos[source] for source in sorted(self._dice)}
        return pd.DataFrame(columns, index=pd.Index(THRESHOLDS, name="threshold"))

    def precision_recall(self) -> pd.DataFrame:
        """Precision and recall of the pixels of all photographs thrown together, at each raw threshold.

        Returns:
            256 rows indexed by ``threshold`` with columns ``precision`` (NaN where nothing is predicted) and
            ``recall`` (NaN if there is no crack pixel at all), in [0, 1].
        """
        tp, fp = _from_above(self._crack), _from_above(self._background)
        with np.errstate(invalid="ignore"):
            columns = {"precision": tp / (tp + fp), "recall": tp / tp[0]}
        return pd.DataFrame(columns, index=pd.Index(THRESHOLDS, name="threshold"))


def _from_above(histogram: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(histogram[::-1].cumsum()[::-1])
