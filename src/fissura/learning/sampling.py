"""Which photograph comes next: small sources more often than their number, none by its size alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.photos import Photo

T = TypeVar("T")


class Urn:
    """Photographs to draw from, with replacement.

    A source is drawn in proportion to the square root of its size, unless weights are given: a source of 60
    photographs beside one of 600 must neither drown nor be learned by heart.

    Args:
        photos: what to draw from, at least one.
        weights: ``(N,)`` how often each is drawn, relative to the others, >= 0 and not all 0.

    Example:
        >>> urn = Urn(data.cracked.photos)  # doctest: +SKIP
        >>> urn.draw(np.random.default_rng(0), lambda photo: read_photo(photo.path))  # doctest: +SKIP
    """

    def __init__(self, photos: Sequence[Photo], weights: NDArray[np.float64] | None = None) -> None:
        self._photos = photos
        if weights is None:
            sizes = Counter(photo.source for photo in photos)
            weights = np.array([sizes[photo.source] ** -0.5 for photo in photos])
        self._weights = weights
        self._reached = np.cumsum(weights / weights.sum())  # (N,) rising to 1
        self._unreadable: dict[int, str] = {}  # place -> reason: half a data set of them would be read at each draw

    def draw(self, rng: np.random.Generator, read: Callable[[Photo], T]) -> T:
        """Draw photographs until one can be read: one bad photograph never ends a run.

        Args:
            rng: source of randomness.
            read: reads a photograph; :class:`UnreadablePhotoError` if it cannot.

        Returns:
            What ``read`` returned.

        Raises:
            FissuraError: if none can be read.
        """
        weights, reached = self._weights.copy(), self._reached
        while True:
            place = min(int(np.searchsorted(reached, rng.random(), side="right")), len(self._photos) - 1)
            if place not in self._unreadable:
                try:
                    return read(self._photos[place])
                except UnreadablePhotoError as error:
                    self._unreadable[place] = str(error)
            weights[place] = 0  # drawn from the others now
            if not weights.any():
                what = "the only photograph" if len(weights) == 1 else f"all {len(weights)} photographs"
                reason = self._unreadable[place]
                raise FissuraError(f"training stopped: {what} of a kind cannot be read; the last: {reason}")
            reached = np.cumsum(weights / weights.sum())
