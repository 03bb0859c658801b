"""Endless streams of training crops: the sample of an index depends on nothing but the index and the seed.

That is what makes a run reproducible and resumable: whoever is killed after step 700 asks for step 700 again.
A sample is a dict of ``photo`` ``(3, S, S)`` float32 normalised, ``truth`` ``(1, S, S)`` uint8 (0 background,
1 crack, 255 unknown) and ``label`` float32 (1 cracked, 0 uncracked).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.learning.augmenting import change_light, random_crop, whole
from fissura.learning.losses import IGNORED
from fissura.learning.proposing import proposal_path, read_proposal
from fissura.learning.recipe import Recipe
from fissura.painting import SURFACES, PaintedPhoto, draw_surface, paint_cracks, paint_nothing
from fissura.photos import DataSet, Photo, read_mask, read_photo
from fissura.segmenting import normalise
from fissura.segmenting.normalising import Normalisation

T = TypeVar("T")
Sample = dict[str, Tensor]
Crop = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # photo (S, S, 3) and truth (S, S)

PAINTED_SLOTS = 4, 3  # of every four crops from uncracked photographs three get cracks, one distractors only
MOST_TRIES = 20  # photographs that cannot be read in a row before the run gives up


class Stream(Dataset[Sample]):
    """Crops by index: ``make`` turns a random generator, a step and a slot of its batch into a crop.

    Args:
        make: gives the crop and its label (1.0 cracked, 0.0 uncracked).
        recipe: the recipe.
        seed: seed of the run.
    """

    def __init__(
        self,
        make: Callable[[np.random.Generator, int, int], tuple[Crop, float]],
        recipe: Recipe,
        seed: int,
    ) -> None:
        self._make = make
        self._recipe = recipe
        self._seed = seed

    def __getitem__(self, index: int) -> Sample:
        """Give the sample of slot ``index % batch`` of step ``index // batch``."""
        rng = np.random.default_rng([self._seed, index])
        step, slot = divmod(index, self._recipe.batch)
        (photo, truth), label = self._make(rng, step, slot)
        if self._recipe.augment:
            photo, truth = change_light(photo, truth, rng)
        return to_sample(photo, truth, label, self._recipe.normalisation)


def to_sample(
    photo: NDArray[np.uint8], truth: NDArray[np.uint8], label: float, normalisation: Normalisation
) -> Sample:
    """Normalise a crop and turn it into tensors; see the module's docstring for their shapes."""
    tensor = torch.from_numpy(normalise(photo, normalisation)).permute(2, 0, 1)  # (3, S, S)
    return {
        "photo": tensor.contiguous(),
        "truth": torch.from_numpy(np.ascontiguousarray(truth))[None],  # (1, S, S)
        "label": torch.tensor(label),
    }


def painted_stream(data: DataSet, recipe: Recipe, seed: int, proposals: Path) -> Stream:
    """Paint on uncracked photographs; from self-training on, half of each batch are cracked photographs."""
    uncracked, cracked = data.uncracked, data.cracked

    def make(rng: np.random.Generator, step: int, slot: int) -> tuple[Crop, float]:
        round_ = recipe.self_training_round(step)
        if round_ and slot % 2:
            return _proposed_crop(cracked, recipe, round_, proposals, rng), 1.0
        every, painted = PAINTED_SLOTS
        if slot // (2 if round_ else 1) % every < painted:
            crop = paint_cracks(_background(uncracked, recipe, rng), rng)
        else:
            crop = paint_nothing(_background(uncracked, recipe, rng, procedural=False), rng)
        return (crop.photo, crop.mask.astype(np.uint8)), float(crop.mask.any())

    return Stream(make, recipe, seed)


def masked_stream(data: DataSet, recipe: Recipe, seed: int) -> Stream:
    """Crops of all photographs with their human masks; an uncracked one needs no mask to be all background.

    Raises:
        FissuraError: if no photograph has a mask.
    """
    known = DataSet(tuple(photo for photo in data if photo.mask or photo.label == "uncracked"))
    if not any(photo.mask for photo in known):
        raise FissuraError("recipe supervised: no photograph has a mask; use recipe painted, which needs none")

    def make(rng: np.random.Generator, _step: int, _slot: int) -> tuple[Crop, float]:
        photo, truth = _random_readable(known, rng, _with_mask)
        crop = random_crop(photo, truth, recipe.crop_px, rng, scale=recipe.augment)
        return crop, float(crop[1].any())

    return Stream(make, recipe, seed)


def labelled_stream(data: DataSet, recipe: Recipe, seed: int) -> Stream:
    """Whole photographs, resized, with nothing but their labels: one shuffle, then round and round."""
    order = np.random.default_rng(seed).permutation(len(data))

    def make(rng: np.random.Generator, step: int, slot: int) -> tuple[Crop, float]:
        photo = data[int(order[(step * recipe.batch + slot) % len(data)])]
        try:
            pixels = read_photo(photo.path)
        except UnreadablePhotoError:
            photo, pixels = _random_readable(data, rng, lambda other: (other, read_photo(other.path)))
        resized = whole(pixels, recipe.crop_px)
        unknown = np.full(resized.shape[:2], IGNORED, np.uint8)
        return (resized, unknown), float(photo.label == "cracked")

    return Stream(make, recipe, seed)


def painted_samples(data: DataSet, recipe: Recipe, count: int, seed: int) -> list[PaintedPhoto]:
    """Paint cracks on crops of uncracked photographs: exact truth for validation, the same at every call."""
    samples = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        samples.append(paint_cracks(_background(data.uncracked, recipe, rng, procedural=False), rng))
    return samples


def _background(
    uncracked: DataSet, recipe: Recipe, rng: np.random.Generator, *, procedural: bool = True
) -> NDArray[np.uint8]:
    side = recipe.crop_px
    if procedural and rng.random() < recipe.procedural_share:
        return draw_surface(SURFACES[rng.integers(len(SURFACES))], side, side, rng)
    photo = _random_readable(uncracked, rng, lambda photo: read_photo(photo.path))
    no_truth = np.zeros(photo.shape[:2], np.uint8)
    return random_crop(photo, no_truth, side, rng, scale=recipe.augment)[0]


def _proposed_crop(cracked: DataSet, recipe: Recipe, round_: int, proposals: Path, rng: np.random.Generator) -> Crop:
    def with_proposal(photo: Photo) -> Crop:
        return read_photo(photo.path), read_proposal(proposal_path(proposals, round_, photo))

    photo, truth = _random_readable(cracked, rng, with_proposal)
    return random_crop(photo, truth, recipe.crop_px, rng, scale=recipe.augment)


def _with_mask(photo: Photo) -> Crop:
    pixels = read_photo(photo.path)
    shape = pixels.shape[:2]
    if photo.mask is None:
        return pixels, np.zeros(shape, np.uint8)
    return pixels, read_mask(photo.mask, (shape[0], shape[1])).astype(np.uint8)


def _random_readable(data: DataSet, rng: np.random.Generator, read: Callable[[Photo], T]) -> T:
    """Draw photographs until one can be read: one bad photograph never ends a run."""
    for _ in range(MOST_TRIES):
        try:
            return read(data[int(rng.integers(len(data)))])
        except UnreadablePhotoError as error:
            last = error
    raise FissuraError(f"training stopped: {MOST_TRIES} photographs in a row cannot be read; the last: {last}")
