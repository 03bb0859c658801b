"""Mask-free validation: painted cracks with exact truth, held-out photographs with their labels.

Only a supervised recipe, which has masks, is judged on held-out ones instead of painted cracks.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fissura.errors import UnreadablePhotoError
from fissura.learning.augmenting import whole
from fissura.learning.recipe import Recipe
from fissura.learning.streams import Sample, exact_samples, to_sample
from fissura.photos import DataSet, Photo, read_photo
from fissura.segmenting import clean, normalise

PAINTED = 96  # crops; their mean Dice is known to about 0.01
MOST_PHOTOS = 100  # per label; enough to know an accuracy to about 0.05
LARGEST_PX = 512  # side at which a held-out photograph is judged; larger ones are scaled down


class Validation:
    """What is known of held-out photographs without any mask.

    Args:
        held_out: photographs that training never sees.
        recipe: the recipe.
        seed: seed of the painted cracks: the same ones at every validation.
    """

    def __init__(self, held_out: DataSet, recipe: Recipe, seed: int) -> None:
        crops = [
            to_sample(photo, truth, 1.0, recipe.normalisation)
            for photo, truth in exact_samples(held_out, recipe, PAINTED, seed)
        ]
        photos = held_out.cracked.at_most(MOST_PHOTOS).photos + held_out.uncracked.at_most(MOST_PHOTOS).photos
        self._crops = DataLoader[Sample](crops, batch_size=16)  # type: ignore[arg-type]  # a list will do
        self._photos = [photo for photo in photos if _is_readable(photo)]
        self._recipe = recipe

    def judge(self, network: nn.Module, device: torch.device) -> dict[str, float]:
        """Judge a network.

        Args:
            network: takes normalised photographs ``(B, planes, H, W)`` to logits ``(B, 1, H, W)``.
            device: where it is.

        Returns:
            ``painted_dice``, the mean Dice on painted crops; ``image_accuracy``, the share of photographs whose
            mask is rightly empty or not, both labels weighing alike; ``selection``, their mean, by which the best
            epoch is chosen; all in [0, 1].
        """
        network.eval()
        dice: list[float] = []
        right: dict[bool, list[bool]] = {True: [], False: []}
        for sample in self._crops:
            masks = self._masks(network, sample["photo"], device)
            for mask, truth in zip(masks, sample["truth"][:, 0].numpy(), strict=True):
                total = int(mask.sum()) + int(truth.sum())
                dice.append(2 * int((mask & (truth == 1)).sum()) / total if total else 1.0)
        for photo in self._photos:
            mask = self._masks(network, self._square(photo), device)[0]
            right[photo.label == "cracked"].append(bool(mask.any()) == (photo.label == "cracked"))
        painted_dice = float(np.mean(dice))
        accuracy = float(np.mean([np.mean(side) for side in right.values() if side]))
        return {"painted_dice": painted_dice, "image_accuracy": accuracy, "selection": (painted_dice + accuracy) / 2}

    def _square(self, photo: Photo) -> Tensor:
        """Give a held-out photograph as one square that any network can take, ``(1, planes, S, S)``."""
        pixels = read_photo(photo.path)
        side_px = max(min(*pixels.shape[:2], LARGEST_PX) // 32 * 32, self._recipe.crop_px)
        return torch.from_numpy(normalise(whole(pixels, side_px), self._recipe.normalisation))[None]

    def _masks(self, network: nn.Module, photos: Tensor, device: torch.device) -> list[NDArray[np.bool_]]:
        photos = photos.to(device, memory_format=torch.channels_last)  # (B, planes, H, W)
        with torch.no_grad():
            probabilities = torch.sigmoid(network(photos).float())[:, 0].cpu().numpy()  # (B, H, W)
        return [clean(probability, self._recipe.cleaning) for probability in probabilities]


def _is_readable(photo: Photo) -> bool:
    try:
        read_photo(photo.path)
    except UnreadablePhotoError:
        return False
    return True
