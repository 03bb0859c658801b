"""Crops, and the changes of place, light and sharpness that a network shall not mind."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

_turn = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()])
_light = v2.Compose(
    [
        v2.RandomApply([v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.5)], p=0.6),
        v2.RandomApply([v2.GaussianBlur(5, sigma=(0.2, 1.3))], p=0.2),
        v2.RandomApply([v2.JPEG((45, 95))], p=0.3),
    ]
)


def to_tensors(photo: NDArray[np.uint8], truth: NDArray[np.uint8]) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
    """Wrap a photograph ``(H, W, 3)`` and its truth ``(H, W)`` for torchvision: ``(3, H, W)`` and ``(1, H, W)``."""
    image = tv_tensors.Image(torch.from_numpy(np.ascontiguousarray(photo)).permute(2, 0, 1))
    return image, tv_tensors.Mask(torch.from_numpy(np.ascontiguousarray(truth))[None])


def random_crop(
    photo: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    crop_px: int,
    rng: np.random.Generator,
    scales: tuple[float, float] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut a random square and bring it to ``crop_px``, turned by a random multiple of 90 degrees.

    Args:
        photo: ``(H, W, 3)`` uint8 RGB.
        truth: ``(H, W)`` uint8.
        crop_px: side of the result, in px.
        rng: source of randomness.
        scales: smallest and largest factor by which to scale at random, and turn; neither if None. A photograph
            smaller than the crop is enlarged.

    Returns:
        ``(crop_px, crop_px, 3)`` uint8 and ``(crop_px, crop_px)`` uint8.
    """
    height, width = truth.shape
    factor = float(np.exp(rng.uniform(*np.log(scales)))) if scales else 1.0
    side = min(round(crop_px / factor), height, width)
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    image, mask = to_tensors(photo[top : top + side, left : left + side], truth[top : top + side, left : left + side])
    if side != crop_px:
        image, mask = F.resize(image, [crop_px, crop_px]), F.resize(mask, [crop_px, crop_px])
    quarter_turns = int(rng.integers(4)) if scales else 0
    cut = np.rot90(image.permute(1, 2, 0).numpy(), quarter_turns)
    return cut, np.rot90(mask[0].numpy(), quarter_turns)


def change_light(
    photo: NDArray[np.uint8], truth: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Flip a crop and change its light, sharpness and compression at random.

    Args and returns are those of :func:`random_crop`, without its size and scales.
    """
    with torch.random.fork_rng(devices=[]):  # torchvision draws from torch's global generator
        torch.manual_seed(int(rng.integers(2**63)))
        image, mask = _turn(*to_tensors(photo, truth))
        image = _light(image)
    return image.permute(1, 2, 0).numpy(), mask[0].numpy()


def whole(photo: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Resize a whole photograph to a square of ``side_px``: ``(side_px, side_px, 3)`` uint8."""
    image: Tensor = F.resize(torch.from_numpy(photo).permute(2, 0, 1), [side_px, side_px])
    return image.permute(1, 2, 0).numpy()
