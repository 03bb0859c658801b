"""Mask-free validation: painted cracks with exact truth, held-out photographs with their labels."""

from __future__ import annotations

import numpy as np
from torch.utils.data import DataLoader, Dataset

from fissura.errors import UnreadablePhotoError
from fissura.learning.augmenting import whole
from fissura.learning.recipe import Recipe
from fissura.learning.streams import Sample, painted_samples, to_sample
from fissura.painting import PaintedPhoto
from fissura.photos import DataSet, Photo, read_photo

PAINTED = 96  # crops; their mean Dice is known to about 0.01
MOST_PHOTOS = 100  # per label; enough to know an accuracy to about 0.05


class PaintedCrops(Dataset[Sample]):
    """The same painted crops at every validation."""

    def __init__(self, crops: list[PaintedPhoto], recipe: Recipe) -> None:
        self._crops = crops
        self._recipe = recipe

    def __len__(self) -> int:
        return len(self._crops)

    def __getitem__(self, index: int) -> Sample:
        crop = self._crops[index]
        return to_sample(crop.photo, crop.mask.astype(np.uint8), 1.0, self._recipe.normalisation)


class LabelledPhotos(Dataset[Sample]):
    """Held-out photographs, each as one square the network can take."""

    def __init__(self, photos: list[Photo], recipe: Recipe) -> None:
        self._photos = photos
        self._recipe = recipe

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> Sample:
        photo = self._photos[index]
        pixels = read_photo(photo.path)
        side = int(min(min(pixels.shape[:2]), 512) // 32 * 32) or 32
        square = whole(pixels, max(side, self._recipe.crop_px))
        truth = np.zeros(square.shape[:2], np.uint8)
        return to_sample(square, truth, float(photo.label == "cracked"), self._recipe.normalisation)


def validation_loaders(held_out: DataSet, recipe: Recipe, seed: int) -> tuple[DataLoader[Sample], DataLoader[Sample]]:
    """Give the two loaders of :meth:`fissura.learning.task.SegmentationTask.validation_step`."""
    crops = painted_samples(held_out, recipe, PAINTED, seed)
    photos = [
        photo
        for side in (held_out.cracked, held_out.uncracked)
        for photo in side.photos[:MOST_PHOTOS]
        if _is_readable(photo)
    ]
    return (
        DataLoader(PaintedCrops(crops, recipe), batch_size=16),
        DataLoader(LabelledPhotos(photos, recipe), batch_size=1),
    )


def _is_readable(photo: Photo) -> bool:
    try:
        read_photo(photo.path)
    except UnreadablePhotoError:
        return False
    return True
