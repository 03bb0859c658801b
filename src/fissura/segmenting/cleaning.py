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

The settings of these steps are here; `connected_pieces` takes them, with the operations of `morphology`.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fissura.errors import FissuraError

_GAP = 0.5  # of the least extent: how wide a gap may be between a crack and a piece beside it
_BESIDE = 0.25  # of the least extent: how far such a piece extends


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
