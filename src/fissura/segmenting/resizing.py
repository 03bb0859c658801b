"""The working resolution: how large the network sees a photograph.

A network knows cracks of the widths that it was trained on, from one pixel to some thirty. On a close-up of 48
megapixels a crack may be 100 px wide, and is then found on the photograph made smaller: by the scale where that is
known (`working_scale`), by trying where it is not (`at_best_scale`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.segmenting.cleaning import Cleaning
from fissura.segmenting.connected_pieces import pieces

Resize: TypeAlias = float | Literal["auto"]

SMALLEST, LARGEST = 0.02, 4.0
FINEST_MM_PER_PX = 0.1  # cracks of 0.1 to 3 mm, which inspections ask about, are then 1 to 30 px wide
_LEAST_SIDE_PX = 256  # of a photograph made smaller: below, there is too little of it left
_FINER_UNLESS = 1.25  # times as much crack: so much more must be seen on a smaller photograph


def checked_resize(resize: Resize) -> Resize:
    """Give back a factor that makes sense.

    Raises:
        FissuraError: if it does not.
    """
    if resize != "auto" and (isinstance(resize, str) or not SMALLEST <= resize <= LARGEST):
        raise FissuraError(f"resize: {resize} is not from {SMALLEST:g} to {LARGEST:g}; give auto, or such as 0.25")
    return resize if resize == "auto" else float(resize)


def working_scale(mm_per_px: float) -> float:
    """Tell by what factor to make a photograph smaller whose scale is known: to `FINEST_MM_PER_PX` at the finest.

    Args:
        mm_per_px: ground sampling distance of the photograph, in mm, above 0.

    Returns:
        Factor of its sides, in [`SMALLEST`, 1]; 1 for a photograph that is coarser, for nothing is gained by blowing
        it up.

    Raises:
        FissuraError: if the scale makes no sense.

    Example:
        >>> working_scale(0.025), working_scale(0.5)
        (0.25, 1.0)
    """
    if not 0 < mm_per_px < math.inf:
        raise FissuraError(f"mm_per_px: {mm_per_px:g} is no scale; give the millimetres that one pixel covers")
    return max(SMALLEST, min(1.0, mm_per_px / FINEST_MM_PER_PX))


def at_scale(
    photo: NDArray[np.uint8], scale: float, predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Predict a photograph made smaller or larger, and bring the answer to the photograph's own size.

    Args:
        photo: (H, W, 3) uint8 RGB.
        scale: factor of its sides.
        predict: gives the probability map of a photograph of any size.

    Returns:
        (H, W) float32 in [0, 1].
    """
    if scale == 1:
        return predict(photo)
    height, width = photo.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resized = cv2.resize(photo, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    probability = predict(np.asarray(resized, np.uint8))
    return np.asarray(cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def at_best_scale(
    photo: NDArray[np.uint8], cleaning: Cleaning, predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Predict a photograph at 1, 1/2, 1/4 ... of its size, and keep the map in which the most crack is seen.

    The crack seen is the extent of all pieces that the cleaning keeps. All the smaller photographs together cost a
    third of the whole one.

    Args:
        photo: (H, W, 3) uint8 RGB.
        cleaning: the step from probability to mask.
        predict: gives the probability map of a photograph of any size.

    Returns:
        (H, W) float32 in [0, 1]: the finest map, unless a coarser one shows clearly more crack.
    """
    best, most = predict(photo), 0.0
    for number, probability in enumerate((best, *_coarser(photo, predict))):
        found = pieces(probability, cleaning.low)
        seen = float(found.extent_px[found.kept(cleaning)].sum())
        if number == 0 or seen > _FINER_UNLESS * most:
            best, most = probability, seen
    return best


def _coarser(
    photo: NDArray[np.uint8], predict: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
) -> Iterator[NDArray[np.float32]]:
    scale = 0.5
    while scale * min(photo.shape[:2]) >= _LEAST_SIDE_PX:
        yield at_scale(photo, scale, predict)
        scale /= 2
