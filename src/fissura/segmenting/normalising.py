"""From a photograph's grey levels to the numbers a network sees; training and segmenting share this step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Normalisation: TypeAlias = Literal["grey", "imagenet"]
PLANES: dict[Normalisation, int] = {"grey": 1, "imagenet": 3}  # that a network is given

# ImageNet's red, green and blue in grey levels; what pretrained encoders expect.
_IMAGENET_MEAN = 255 * np.array([0.485, 0.456, 0.406], np.float32)
_IMAGENET_STD = 255 * np.array([0.229, 0.224, 0.225], np.float32)

# A wall without any texture must not have its sensor noise blown up to full contrast.
LEAST_STD_GREY_LEVELS = 1.0


@dataclass(frozen=True)
class Normaliser:
    """What makes the pixels of one photograph, or of a tile cut from it, a network's input.

    Attributes:
        how: see `normalise`.
        mean: of the whole photograph's luminance, in grey levels (0 to 255); of no use to ``"imagenet"``.
        std: standard deviation of the same, in grey levels, above 0.

    Example:
        >>> dark = np.full((32, 32, 3), 90, np.uint8)
        >>> float(Normaliser("grey", mean=100.0, std=20.0).planes(dark)[0, 0, 0])
        -0.5
    """

    how: Normalisation
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def of(cls, photo: NDArray[np.uint8], how: Normalisation) -> Normaliser:
        """Take the statistics of a whole photograph: (H, W, 3) uint8 RGB."""
        if how == "imagenet":
            return cls(how)
        mean, std = cv2.meanStdDev(luminance(photo))
        return cls(how, float(mean.item()), max(float(std.item()), LEAST_STD_GREY_LEVELS))

    def planes(self, tile: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Normalise the whole photograph or a tile of it: (h, w, 3) uint8 RGB to (planes, h, w) float32."""
        if self.how == "imagenet":
            scaled = (tile.astype(np.float32) - _IMAGENET_MEAN) / _IMAGENET_STD  # (h, w, 3)
            return np.ascontiguousarray(scaled.transpose(2, 0, 1))
        plane = luminance(tile).astype(np.float32)
        plane -= np.float32(self.mean)
        plane /= np.float32(self.std)
        return plane[None]


def normalise(photo: NDArray[np.uint8], how: Normalisation) -> NDArray[np.float32]:
    """Normalise a photograph for the network.

    Args:
        photo: (H, W, 3) uint8 RGB.
        how: ``"grey"`` takes the luminance, takes away its mean over the photograph and divides by its standard
            deviation: exposure, contrast and colour cast differ between cameras, not between cracks.
            ``"imagenet"`` divides by 255 and applies ImageNet's mean and standard deviation per channel.

    Returns:
        (1, H, W) float32 for "grey", (3, H, W) for "imagenet", no unit, of mean about 0 and standard deviation
        about 1.

    Example:
        >>> grey = np.full((2, 2, 3), 90, np.uint8)
        >>> float(normalise(grey, "grey").max())
        0.0
    """
    return Normaliser.of(photo, how).planes(photo)


def luminance(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Weigh red, green and blue as the eye does (ITU-R BT.601): (H, W, 3) uint8 RGB to (H, W) uint8."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2GRAY), np.uint8)
