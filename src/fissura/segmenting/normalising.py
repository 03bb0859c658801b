"""From a photograph's grey levels to the numbers a network sees; training and segmenting share this step."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Normalisation: TypeAlias = Literal["photo", "imagenet"]

# ImageNet's red, green and blue in grey levels; what pretrained encoders expect.
_IMAGENET_MEAN = 255 * np.array([0.485, 0.456, 0.406], np.float32)
_IMAGENET_STD = 255 * np.array([0.229, 0.224, 0.225], np.float32)

# A wall without any texture must not have its sensor noise blown up to full contrast.
LEAST_STD_GREY_LEVELS = 1.0


def normalise(photo: NDArray[np.uint8], how: Normalisation) -> NDArray[np.float32]:
    """Normalise a photograph for the network.

    Args:
        photo: (H, W, 3) uint8 RGB.
        how: ``"photo"`` takes away the photograph's own mean and divides by its own standard deviation (one
            of each over all pixels and channels), so that exposure and contrast no longer matter;
            ``"imagenet"`` divides by 255 and applies ImageNet's mean and standard deviation per channel.

    Returns:
        (H, W, 3) float32, no unit, of mean about 0 and standard deviation about 1.

    Example:
        >>> grey = np.full((2, 2, 3), 90, np.uint8)
        >>> float(normalise(grey, "photo").max())
        0.0
    """
    return standardise(photo, *grey_level_statistics(photo, how))


def grey_level_statistics(
    photo: NDArray[np.uint8], how: Normalisation
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tell which mean and standard deviation `normalise` uses on this photograph.

    Args:
        photo: (H, W, 3) uint8 RGB.
        how: as in `normalise`.

    Returns:
        Mean and standard deviation per channel, each (3,) float32 in grey levels (0 to 255).
    """
    if how == "imagenet":
        return _IMAGENET_MEAN, _IMAGENET_STD
    # One plane of H x 3W values: OpenCV then gives one mean and one deviation over pixels and channels
    # without a floating-point copy of the photograph.
    mean, std = cv2.meanStdDev(np.ascontiguousarray(photo).reshape(photo.shape[0], -1))
    deviation = max(float(std.item()), LEAST_STD_GREY_LEVELS)
    return np.full(3, mean.item(), np.float32), np.full(3, deviation, np.float32)


def standardise(photo: NDArray[np.uint8], mean: NDArray[np.float32], std: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take away ``mean`` and divide by ``std``, both per channel.

    Args:
        photo: (H, W, 3) uint8 RGB; a tile of a photograph, say, with the whole photograph's statistics.
        mean: (3,) float32, grey levels.
        std: (3,) float32, grey levels, above 0.

    Returns:
        (H, W, 3) float32.
    """
    normalised = photo.astype(np.float32)  # (H, W, 3)
    normalised -= mean
    normalised /= std
    return normalised
