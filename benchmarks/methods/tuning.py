"""From any method's scores to masks, chosen without a mask: as for our own models, on held-out training photographs.

A score (ridge strength, class activation, reconstruction error) has no natural scale. Its *surprise* has: how rarely
a pixel of an uncracked photograph reaches it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fissura.learning import load_recipe
from fissura.learning.selection import Judged, choose_cleaning
from fissura.learning.streams import exact_samples
from fissura.learning.training import HELD_OUT
from fissura.learning.validating import MOST_PHOTOS, PAINTED
from fissura.photos import DataSet, read_photo, split_by_group
from fissura.segmenting import Segmentation, clean, score_photo

Pixels = NDArray[np.uint8]  # (H, W, 3) RGB
Score = Callable[[Pixels], NDArray[np.float32]]  # to (H, W), higher where a crack is likelier

RAREST = 4.0  # decades: a score that one uncracked pixel in 10,000 reaches counts as 1
SAMPLED_PX = 20_000  # of each uncracked photograph


@dataclass(frozen=True)
class HeldOut:
    """What a method may be tuned on.

    Attributes:
        painted: photographs with painted cracks, and their exact masks ``(H, W)`` bool.
        uncracked: photographs labelled uncracked.
        cracked: photographs labelled cracked.
    """

    painted: list[tuple[Pixels, NDArray[np.bool_]]]
    uncracked: list[Pixels]
    cracked: list[Pixels]

    @property
    def photos(self) -> list[Pixels]:
        """All of them."""
        return [photo for photo, _ in self.painted] + self.uncracked + self.cracked


def hold_out(train: DataSet, seed: int) -> tuple[DataSet, HeldOut]:
    """Split the training photographs as a recipe does: those to learn from, and those to tune on.

    Args:
        train: photographs of the training split, without masks.
        seed: the same seed holds out the same photographs, for recipes too.
    """
    learned, held_out = split_by_group(train, HELD_OUT, seed)
    crops = exact_samples(held_out, load_recipe("painted"), PAINTED, seed + 1)
    uncracked, cracked = (
        [read_photo(photo.path) for photo in photos.at_most(MOST_PHOTOS)]
        for photos in (held_out.uncracked, held_out.cracked)
    )
    return learned, HeldOut([(photo, truth == 1) for photo, truth in crops], uncracked, cracked)


class Tuned:
    """A score made a method: surprise for probability, and the step to a mask chosen mask-free.

    Args:
        score: the score.
        held_out: what to tune on.

    Attributes:
        judged: the step from probability to mask, and how it did on ``held_out``.
    """

    def __init__(self, score: Score, held_out: HeldOut) -> None:
        self._score = score
        rng = np.random.default_rng(0)
        samples = [rng.choice(score(photo).ravel(), SAMPLED_PX) for photo in held_out.uncracked]
        self._usual = np.sort(np.concatenate(samples))  # (N,)
        self._is_yes_or_no = len(np.unique(self._usual)) <= 2
        self.judged: Judged = choose_cleaning(
            [(self.probability(photo), mask) for photo, mask in held_out.painted],
            [self.probability(photo) for photo in held_out.uncracked],
            [self.probability(photo) for photo in held_out.cracked],
        )

    def probability(self, photo: Pixels) -> NDArray[np.float32]:
        """Give each pixel's surprise: minus the logarithm of the share of uncracked pixels with its score or more.

        A score that only says yes or no has said it already.

        Returns:
            ``(H, W)`` float32 in [0, 1]: 0 for a score that all reach, 0.5 for one in 100, 1 for one in 10,000.
        """
        score = self._score(photo)  # (H, W)
        if self._is_yes_or_no:
            return score
        below = np.searchsorted(self._usual, score, side="left")
        share = (len(self._usual) - below + 1) / (len(self._usual) + 1)
        surprise: NDArray[np.float32] = np.minimum(-np.log10(share) / RAREST, 1.0).astype(np.float32)
        return surprise

    def segment(self, photo: Pixels) -> Segmentation:
        """Segment one photograph."""
        probability, cleaning = self.probability(photo), self.judged.cleaning
        return Segmentation(photo, probability, clean(probability, cleaning), score_photo(probability, cleaning))
