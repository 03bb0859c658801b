"""The connected pieces of a probability map, and which of them are cracks; the steps are those of `cleaning`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.segmenting.cleaning import Cleaning
from fissura.segmenting.morphology import closed, grown, reaches_crest, to_levels


@dataclass(frozen=True, eq=False)
class Pieces:
    """The connected pieces of one probability map above one ``low``; see `pieces`.

    They are found once and may then be judged by many settings of the same ``low``, which is how training
    chooses a model's settings.

    Attributes:
        labels: (H, W) int32, 0 outside every piece, 1 to N inside.
        peak: (N,) float64 in [0, 1], the highest probability within each piece.
        extent_px: (N,) int32, the longer side of each piece's upright bounding box in px.
        probability: (H, W) float32 in [0, 1], the map itself.
    """

    labels: NDArray[np.int32]
    peak: NDArray[np.float64]
    extent_px: NDArray[np.int32]
    probability: NDArray[np.float32]
    _groups: dict[int, NDArray[np.intp]] = field(default_factory=dict, repr=False)  # by reach, for many settings

    def sure(self, cleaning: Cleaning) -> NDArray[np.bool_]:
        """Tell which pieces are cracks by themselves under ``cleaning`` (of the same ``low``): (N,) bool."""
        long_enough = self.extent_px >= cleaning.least_extent_px(self.labels.shape)
        sure: NDArray[np.bool_] = (self.peak >= cleaning.high) & long_enough
        return sure

    def kept(self, cleaning: Cleaning) -> NDArray[np.bool_]:
        """Tell which pieces are crack under ``cleaning`` (of the same ``low``), alone or beside one: (N,) bool."""
        sure = self.sure(cleaning)
        beside = ~sure & (self.extent_px >= cleaning.least_beside_px(self.labels.shape))
        reach_px = cleaning.reach_px(self.labels.shape)
        if not sure.any() or not beside.any() or reach_px == 0:
            return sure
        group = self._group_of(reach_px)
        has_crack = np.zeros(group.max() + 1, bool)
        has_crack[group[sure]] = True
        return sure | (beside & has_crack[group])

    def mask(self, cleaning: Cleaning) -> NDArray[np.bool_]:
        """Draw the pieces that are cracks under ``cleaning`` (of the same ``low``): (H, W) bool."""
        return self.drawn(self.kept(cleaning), cleaning)

    def drawn(self, kept: NDArray[np.bool_], cleaning: Cleaning) -> NDArray[np.bool_]:
        """Draw the pieces that are ``kept``, (N,) bool, without flanks, gaps and specks: (H, W) bool."""
        if cleaning.flank_share == 0 or not kept.any():  # nothing falls apart
            return closed(self._of(kept), cleaning.closing_px)
        parts = self.parts(kept, cleaning)
        return parts._of(cleaning.staying(parts.peak, parts.extent_px, parts.labels.shape))

    def parts(self, kept: NDArray[np.bool_], cleaning: Cleaning) -> Pieces:
        """Find the parts that the pieces that are ``kept``, (N,) bool, fall into without flanks and gaps."""
        mask = self._of(kept)
        if cleaning.flank_share > 0:
            mask &= reaches_crest(to_levels(self.probability), cleaning.flank_share)
        mask = closed(mask, cleaning.closing_px)
        return _connected(mask, self.probability)

    def score(self, cleaning: Cleaning) -> float:
        """Tell how surely there is a crack under ``cleaning`` (of the same ``low``); see `score_photo`."""
        least_px = cleaning.least_extent_px(self.labels.shape)
        # Below `low` there is no piece; the highest pixel then counts as the shortest piece there can be,
        # so that photographs without any piece are still ranked.
        faint = self.highest * cleaning.high / max(least_px, 1.0)
        if not len(self.peak):
            return faint
        long_enough = self.extent_px >= least_px
        share = np.where(long_enough, 1.0, cleaning.high * self.extent_px / max(least_px, 1.0))
        return max(faint, float((self.peak * share).max()))

    @cached_property
    def highest(self) -> float:
        """The highest probability of the whole map, in [0, 1]."""
        return float(self.probability.max(initial=0.0))

    def _of(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Give the pixels of the pieces that are ``kept``, (N,) bool: (H, W) bool."""
        mask = np.zeros(self.labels.shape, bool)
        if kept.any():
            inside, piece = self._pixels
            mask.ravel()[inside] = kept[piece]
        return mask

    @cached_property
    def _pixels(self) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """The flat indices of the pieces' pixels, (P,), and which piece each is of, from 0: few are crack."""
        inside = np.flatnonzero(self.labels)
        return inside, self.labels.ravel()[inside] - 1

    def _group_of(self, reach_px: int) -> NDArray[np.intp]:
        """Number the groups of pieces that touch each other once grown by ``reach_px``: (N,), that of each piece."""
        if reach_px not in self._groups:
            inside, piece = self._pixels
            near = grown((self.labels > 0).view(np.uint8), reach_px)
            _, groups = cv2.connectedComponents(near, connectivity=8, ltype=cv2.CV_32S)
            group = np.zeros(len(self.peak), np.intp)
            group[piece] = groups.ravel()[inside]
            self._groups[reach_px] = group
        return self._groups[reach_px]


def pieces(probability: NDArray[np.float32], low: float) -> Pieces:
    """Find the 8-connected pieces of a probability map above ``low``.

    Args:
        probability: (H, W) float32 in [0, 1].
        low: probability in [0, 1) that every pixel of a piece exceeds.

    Returns:
        The pieces, their peaks and their extents.

    Example:
        >>> found = pieces(np.float32([[0.9, 0.6, 0.0, 0.7]]), low=0.5)
        >>> found.labels.tolist(), found.extent_px.tolist()
        ([[1, 1, 0, 2]], [2, 1])
    """
    return _connected(np.ascontiguousarray(probability > low), probability)


def clean(probability: NDArray[np.float32], cleaning: Cleaning) -> NDArray[np.bool_]:
    """Turn a probability map into a mask.

    Args:
        probability: (H, W) float32 in [0, 1].
        cleaning: the settings.

    Returns:
        (H, W) bool: the pieces above ``low`` that reach ``high`` and extend far enough, and those beside them, all
        without flanks, gaps and specks.

    Example:
        >>> settings = Cleaning(low=0.5, high=0.9, min_extent_px=2, min_extent_fraction=1)
        >>> clean(np.float32([[0.95, 0.6, 0, 0.7, 0.6], [0, 0, 0, 0, 0]]), settings)[0].tolist()
        [True, True, False, False, False]
    """
    return pieces(probability, cleaning.low).mask(cleaning)


def score_photo(probability: NDArray[np.float32], cleaning: Cleaning) -> float:
    """Tell how surely a photograph shows a crack, in one number.

    Every piece above ``low`` that is long enough counts with its peak probability; a shorter one with
    peak x high x (its extent / least extent), which stays below ``high``. The photograph's score is the
    highest of these. So score and mask never contradict each other: the score is at least ``high`` exactly
    where the mask is not empty.

    Args:
        probability: (H, W) float32 in [0, 1].
        cleaning: the settings.

    Returns:
        The score in [0, 1].
    """
    return pieces(probability, cleaning.low).score(cleaning)


def _connected(mask: NDArray[np.bool_], probability: NDArray[np.float32]) -> Pieces:
    """Find the 8-connected pieces of a contiguous mask, (H, W) bool, and their peaks on a map of its size."""
    count, components = cv2.connectedComponents(mask.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    labels = components.astype(np.int32, copy=False)
    # Few pixels are crack, and it is them alone that are looked at: OpenCV's own statistics take three times as long.
    inside = np.flatnonzero(mask)
    piece = labels.ravel()[inside] - 1  # the first component is the background
    # float64, for a float32 peak of 0.9 is a little less or more than a setting of 0.9
    peak = np.zeros(count - 1, np.float64)
    np.maximum.at(peak, piece, probability.ravel()[inside])
    extent_px = np.zeros(count - 1, np.int32)
    for position in np.divmod(inside, max(mask.shape[1], 1)):
        first = np.full(count - 1, np.iinfo(np.int64).max)
        last = np.zeros(count - 1, np.int64)
        np.minimum.at(first, piece, position)
        np.maximum.at(last, piece, position)
        np.maximum(extent_px, last - first + 1, out=extent_px, casting="unsafe")
    return Pieces(labels, peak, extent_px, probability)
