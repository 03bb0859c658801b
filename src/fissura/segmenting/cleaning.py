"""From a probability map to a mask: hysteresis, a smallest crack, no flanks, no gaps, no specks.

1. Pixels of probability above ``low`` are joined into *pieces* (8-connected).
2. A piece stays if it reaches ``high`` somewhere: a faint stretch of a sure crack is crack, a faint stretch
   alone is not (hysteresis thresholding; J. Canny, A computational approach to edge detection, IEEE PAMI
   8(6), 1986).
3. A piece stays if it extends far enough: cracks are long, and most false alarms are short fragments.
4. Where a crack is, its weak stretches are too: a piece that is too faint or too short by itself stays beside one
   that is neither. The gap between them, bridged by other pieces if need be, is at most half the least extent, and
   the piece extends over a quarter of it.
5. Of the pieces that stay, the flanks are cut off: a pixel must reach a share of the *crest*, the highest probability
   nearby. So ``low`` says where a crack goes on, and the share how wide it is, for a sure stretch of it as for a
   faint one: divided by the crest, a probability is that of being crack where a crack is. (One threshold for all
   would have to be half the Dice reached to serve it best: Z. Lipton, C. Elkan, B. Naryanaswamy, Optimal thresholding
   of classifiers to maximize F1 measure, ECML 2014. A sure stretch reaches a better one than a faint one.)
6. The gaps within a crack are closed, as wide as twice a radius (morphological closing): grains stand in it, and
   where each is left out, a crack is a lace whose many strands no measure of length should count.
7. Where a crack is faint, little of it reaches its crest, and it falls apart. A part stays if it reaches ``high`` or
   extends as far as a piece beside a crack must: of a faint stretch that leaves what can be seen to go somewhere, and
   no specks, each of which would be counted as a crack.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fissura.errors import FissuraError

_GAP = 0.5  # of the least extent: how wide a gap may be between a crack and a piece beside it
_BESIDE = 0.25  # of the least extent: how far such a piece extends
_FAINTEST = np.float32(1e-6)  # what a gap that is closed counts as: crack, but no surer
NEARBY_PX = 4  # on every side: as far as the probability of a sure pixel spreads to the flanks


class Cleaning(BaseModel):
    """The settings of the step from probability to mask; a model file carries those that suit it.

    Attributes:
        low: probability in [0, 1) that a pixel of a crack must exceed.
        high: probability in (0, 1], not below ``low``, that a crack must reach somewhere.
        min_extent_px: least extent of a crack in px, so that large photographs keep short cracks.
        min_extent_fraction: least extent as a fraction of the photograph's shorter side, so that small
            photographs keep theirs; the smaller of the two demands is the one that counts.
        crest_share: share in [0, 1] of the highest probability nearby that a pixel of a crack must reach as well; 0
            asks nothing.
        closing_px: radius in px of the disk by which the mask is closed, so that gaps up to twice as wide are
            filled; 0 fills none.

    Example:
        >>> Cleaning(low=0.5, high=0.9, min_extent_px=64, min_extent_fraction=0.25).least_extent_px((100, 80))
        20.0
    """

    model_config = ConfigDict(frozen=True)

    low: Annotated[float, Field(ge=0, lt=1)]
    high: Annotated[float, Field(gt=0, le=1)]
    min_extent_px: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    min_extent_fraction: Annotated[float, Field(ge=0, le=1)]
    crest_share: Annotated[float, Field(ge=0, le=1)] = 0.0  # as in model files from before there was one
    closing_px: Annotated[int, Field(ge=0, le=16)] = 0  # likewise

    @model_validator(mode="after")
    def _low_is_not_above_high(self) -> Cleaning:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not be above high ({self.high})")
        return self

    @property
    def flank_share(self) -> float:
        """The share of the crest that is asked for, in [0, 1].

        0 where none above ``low`` can fail to reach it, for a crest is 1 at most; and never above ``high``, so that
        what reaches ``high`` is drawn.
        """
        share = min(self.crest_share, self.high)
        return share if share > self.low else 0.0

    def least_extent_px(self, shape: tuple[int, ...]) -> float:
        """Tell how far a piece must extend, in px, on a photograph of ``shape`` (H, W)."""
        return min(self.min_extent_px, self.min_extent_fraction * min(shape[:2]))

    def least_beside_px(self, shape: tuple[int, ...]) -> float:
        """Tell how far a piece beside a crack must extend, in px, on a photograph of ``shape`` (H, W)."""
        return _BESIDE * self.least_extent_px(shape)

    def reach_px(self, shape: tuple[int, ...]) -> int:
        """Tell by how many px pieces grow on every side to find out which lie beside each other: half the gap."""
        return int(_GAP / 2 * self.least_extent_px(shape))

    def staying(
        self, peak: NDArray[np.float64], extent_px: NDArray[np.int32], shape: tuple[int, ...]
    ) -> NDArray[np.bool_]:
        """Tell which of the parts that cracks fall into are no specks.

        Args:
            peak: (N,) in [0, 1], the highest probability within each part.
            extent_px: (N,), the longer side of each part's upright bounding box in px.
            shape: (H, W) of the photograph.

        Returns:
            (N,) bool.
        """
        staying: NDArray[np.bool_] = (peak >= self.high) | (extent_px >= self.least_beside_px(shape))
        return staying

    def changed(
        self,
        *,
        low: float | None = None,
        high: float | None = None,
        min_extent_px: float | None = None,
        min_extent_fraction: float | None = None,
    ) -> Cleaning:
        """Return these settings with those given (not None) in their place.

        Raises:
            FissuraError: if the result makes no sense, such as ``low`` above ``high``.
        """
        given = {
            "low": low,
            "high": high,
            "min_extent_px": min_extent_px,
            "min_extent_fraction": min_extent_fraction,
        }
        try:
            return Cleaning(**{**self.model_dump(), **{k: v for k, v in given.items() if v is not None}})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "low, high"
            problem = first["msg"].removeprefix("Value error, ")
            raise FissuraError(f"{name}: {problem}; give another value") from error


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
        return pieces(np.where(mask, np.maximum(self.probability, _FAINTEST), np.float32(0)), low=0)

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
        if kept.all() or not kept.any():  # as on most photographs, and far quicker than looking up every pixel
            return (self.labels > 0) & kept.any()
        return np.concatenate(([False], kept))[self.labels]

    def _group_of(self, reach_px: int) -> NDArray[np.intp]:
        """Number the groups of pieces that touch each other once grown by ``reach_px``: (N,), that of each piece."""
        if reach_px not in self._groups:
            inside = np.flatnonzero(self.labels)
            near = grown((self.labels > 0).view(np.uint8), reach_px)
            _, groups = cv2.connectedComponents(near, connectivity=8, ltype=cv2.CV_32S)
            group = np.zeros(len(self.peak), np.intp)
            group[self.labels.ravel()[inside] - 1] = groups.ravel()[inside]
            self._groups[reach_px] = group
        return self._groups[reach_px]


def grown(levels: NDArray[np.uint8], reach_px: int) -> NDArray[np.uint8]:
    """Give each pixel of an (H, W) map the highest level within ``reach_px`` on every side, corners included."""
    side = 2 * reach_px + 1
    return np.asarray(cv2.dilate(levels, np.ones((side, side), np.uint8)), np.uint8)


def to_levels(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round probabilities, (H, W) float32 in [0, 1], to levels of 1 / 255, (H, W) uint8."""
    return np.asarray(cv2.convertScaleAbs(probability, alpha=255), np.uint8)


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
    above = np.ascontiguousarray(probability > low)
    count, components = cv2.connectedComponents(above.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    labels = components.astype(np.int32, copy=False)
    # Few pixels are crack, and it is them alone that are looked at: OpenCV's own statistics take three times as long.
    inside = np.flatnonzero(above)
    piece = labels.ravel()[inside] - 1  # the first component is the background
    # float64, for a float32 peak of 0.9 is a little less or more than a setting of 0.9
    peak = np.zeros(count - 1, np.float64)
    np.maximum.at(peak, piece, probability.ravel()[inside])
    extent_px = np.zeros(count - 1, np.int32)
    for position in np.divmod(inside, max(probability.shape[1], 1)):
        first = np.full(count - 1, np.iinfo(np.int64).max)
        last = np.zeros(count - 1, np.int64)
        np.minimum.at(first, piece, position)
        np.maximum.at(last, piece, position)
        np.maximum(extent_px, last - first + 1, out=extent_px, casting="unsafe")
    return Pieces(labels, peak, extent_px, probability)


def reaches_crest(levels: NDArray[np.uint8], share: float) -> NDArray[np.bool_]:
    """Tell which pixels reach a share of the crest, the highest probability within 4 px, corners included.

    Args:
        levels: (H, W) uint8, 0 to 255 for a probability of 0 to 1; of bytes the crest is found far sooner.
        share: the share in [0, 1].

    Returns:
        (H, W) bool.

    Example:
        >>> reaches_crest(np.uint8([[20, 80, 200, 220, 50], [0, 0, 0, 0, 0]]), share=0.5)[0].tolist()
        [False, False, True, True, False]
    """
    least = np.floor(share * np.arange(256)).astype(np.uint8)  # of each level of a crest
    reaches: NDArray[np.bool_] = levels >= cv2.LUT(grown(levels, NEARBY_PX), least)
    return reaches


def closed(mask: NDArray[np.bool_], radius_px: int) -> NDArray[np.bool_]:
    """Fill the gaps of a mask, (H, W) bool, that no disk of ``radius_px`` fits into; what is beyond it is no crack.

    Morphological closing (J. Serra, Image analysis and mathematical morphology, 1982), by OpenCV's disk. A pixel of
    the result depends on those within twice the radius.

    Example:
        >>> closed(np.array([[False, True, False, True, False]]), radius_px=1)[0].tolist()
        [False, True, True, True, False]
    """
    if radius_px == 0:
        return mask
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    # By default OpenCV takes what is beyond for crack when it erodes: a margin of nothing is exact.
    wide = np.pad(mask.view(np.uint8), radius_px)
    filled = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, disk)[radius_px:-radius_px, radius_px:-radius_px]
    return np.ascontiguousarray(filled).view(np.bool_)


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
