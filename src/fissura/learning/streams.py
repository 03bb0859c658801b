"""Endless streams of training crops: the sample of an index depends on nothing but the index and the seed.

That is what makes a run reproducible and resumable: whoever is killed after step 700 asks for step 700 again.
A sample is a dict of ``photo`` ``(planes, S, S)`` float32 normalised, ``truth`` ``(1, S, S)`` uint8 (0 background,
1 crack, 255 unknown) and ``label`` float32 (1 cracked, 0 uncracked).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.learning.augmenting import change_light, random_crop, whole
from fissura.learning.losses import IGNORED
from fissura.learning.proposing import MOST_PROPOSALS, proposal_path, read_alarms, read_proposal
from fissura.learning.recipe import Recipe
from fissura.learning.sampling import Urn
from fissura.painting import draw_surface, paint_cracks, paint_nothing
from fissura.photos import DataSet, Photo, read_photo, read_truth
from fissura.segmenting import normalise
from fissura.segmenting.normalising import Normalisation

Sample = dict[str, Tensor]
Crop = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # photo (S, S, 3) and truth (S, S)

PAINTED_SLOTS = 4, 3  # of every four crops from uncracked photographs three get cracks, one distractors only
PAINTED_OVER = 0.5  # share of cracked photographs that get a painted crack beside their own
CORRECTED_SHARE = 0.5  # of cracked crops, where there are corrected masks: few, and worth more than proposals
LEAST_ALARM = 0.02  # weight of an uncracked photograph on which the teacher sees nothing


class Stream(Dataset[Sample]):
    """Crops by index: ``make`` turns a random generator, a step and the index into a crop.

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
        """Give the sample of an index: place ``index % batch`` in the batch of step ``index // batch``."""
        rng = np.random.default_rng([self._seed, index])
        (photo, truth), label = self._make(rng, index // self._recipe.batch, index)
        if self._recipe.augment:
            photo, truth = change_light(photo, truth, rng)
        return to_sample(photo, truth, label, self._recipe.normalisation)


def to_sample(
    photo: NDArray[np.uint8], truth: NDArray[np.uint8], label: float, normalisation: Normalisation
) -> Sample:
    """Normalise a crop and turn it into tensors; see the module's docstring for their shapes."""
    return {
        "photo": torch.from_numpy(normalise(photo, normalisation)),  # (planes, S, S)
        "truth": torch.from_numpy(np.ascontiguousarray(truth))[None],  # (1, S, S)
        "label": torch.tensor(label),
    }


def painted_stream(data: DataSet, recipe: Recipe, seed: int, proposals: Path) -> Stream:
    """Paint on uncracked photographs; from self-training on, half of each batch are cracked photographs.

    Where some of these have a mask that a person corrected, every other one is such. From then on, too, the crops
    without any crack come from the photographs on which the teacher wrongly saw one.
    """
    uncracked, cracked = Urn(data.uncracked.photos), Urn(data.cracked.at_most(MOST_PROPOSALS).photos)
    corrections = _corrections(data) if recipe.corrections else None

    @lru_cache(maxsize=1)
    def alarming(round_: int) -> Urn:
        surfaces = data.uncracked.at_most(MOST_PROPOSALS).photos
        return Urn(surfaces, LEAST_ALARM + read_alarms(proposals, round_))

    def make(rng: np.random.Generator, step: int, index: int) -> tuple[Crop, float]:
        round_ = recipe.self_training_round(step)
        if round_ and index % 2:
            if corrections and rng.random() < CORRECTED_SHARE:
                return random_crop(*corrections.draw(rng, _with_mask), recipe.crop_px, rng, recipe.random_scales), 1.0
            photo, truth = _proposed_crop(cracked, recipe, round_, proposals, rng)
            return _painted_over(photo, truth, recipe, rng), 1.0
        every, painted = PAINTED_SLOTS
        if index // (2 if round_ else 1) % every < painted:
            crop = paint_cracks(_background(uncracked, recipe, rng), rng, recipe.painter)
        else:
            surfaces = alarming(round_) if round_ else uncracked
            crop = paint_nothing(_background(surfaces, recipe, rng), rng, recipe.painter)
        return (crop.photo, crop.mask.astype(np.uint8)), float(crop.mask.any())

    return Stream(make, recipe, seed)


def _corrections(data: DataSet) -> Urn:
    """Give the cracked photographs with a mask that fits: a misfit found in self-training would waste what led there.

    Raises:
        FissuraError: if there is none.
    """
    corrected = list(_usable(photo for photo in data.cracked if photo.mask))
    if not corrected:
        raise FissuraError("recipe corrected: no cracked photograph has a mask; use recipe painted, which needs none")
    return Urn(corrected)


def _usable(masked: Iterable[Photo]) -> Iterator[Photo]:
    """Yield the photographs whose masks can be used.

    Raises:
        FissuraError: at the end, if there are photographs, and none can be used.
    """
    is_any, first = False, ""
    for photo in masked:
        try:
            _with_mask(photo)
        except UnreadablePhotoError as error:
            first = first or str(error)
        else:
            is_any = True
            yield photo
    if first and not is_any:
        raise FissuraError(f"training: not one mask of a cracked photograph can be used; the first: {first}")


def masked_stream(data: DataSet, recipe: Recipe, seed: int) -> Stream:
    """Crops of all photographs with their human masks; an uncracked one needs no mask to be all background.

    Raises:
        FissuraError: if no photograph has a mask, or no cracked one a mask that can be used.
    """
    known = [photo for photo in data if photo.mask or photo.label == "uncracked"]
    if not any(photo.mask for photo in known):
        raise FissuraError("recipe supervised: no photograph has a mask; use recipe painted, which needs none")
    next(_usable(photo for photo in data.cracked if photo.mask), None)
    urn = Urn(known)

    def make(rng: np.random.Generator, _step: int, _index: int) -> tuple[Crop, float]:
        photo, truth = urn.draw(rng, _with_mask)
        crop = random_crop(photo, truth, recipe.crop_px, rng, recipe.random_scales)
        return crop, float(crop[1].any())

    return Stream(make, recipe, seed)


def labelled_stream(data: DataSet, recipe: Recipe, seed: int) -> Stream:
    """Whole photographs, resized, with nothing but their labels: one shuffle, then round and round."""
    photos = [photo for photo in data if photo.label]
    order = np.random.default_rng(seed).permutation(len(photos))
    urn = Urn(photos)

    def make(rng: np.random.Generator, _step: int, index: int) -> tuple[Crop, float]:
        photo = photos[int(order[index % len(photos)])]
        try:
            pixels = read_photo(photo.path)
        except UnreadablePhotoError:
            photo, pixels = urn.draw(rng, lambda other: (other, read_photo(other.path)))
        resized = whole(pixels, recipe.crop_px)
        unknown = np.full(resized.shape[:2], IGNORED, np.uint8)
        return (resized, unknown), float(photo.label == "cracked")

    return Stream(make, recipe, seed)


def exact_samples(data: DataSet, recipe: Recipe, count: int, seed: int) -> list[Crop]:
    """Make crops whose truth is known to the pixel, for validation: the same ones at every call.

    They are painted cracks on uncracked photographs; to a supervised recipe, and to it alone, cracked photographs
    with the masks that it may use.
    """
    cracked = [photo for photo in data.cracked if photo.mask]
    if recipe.method == "supervised" and cracked:
        masked = Urn(cracked)
        return [
            random_crop(*masked.draw(rng, _with_mask), recipe.crop_px, rng)
            for rng in (np.random.default_rng([seed, index]) for index in range(count))
        ]
    uncracked, samples = Urn(data.uncracked.photos), []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        painted = paint_cracks(_background(uncracked, recipe, rng), rng, recipe.painter)
        samples.append((painted.photo, painted.mask.astype(np.uint8)))
    return samples


def uncracked_samples(data: DataSet, recipe: Recipe, count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Make crops without any crack, with distractors: harder than most photographs, and the same at every call."""
    uncracked, samples = Urn(data.uncracked.photos), []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        samples.append(paint_nothing(_background(uncracked, recipe, rng), rng, recipe.painter).photo)
    return samples


def _background(uncracked: Urn, recipe: Recipe, rng: np.random.Generator) -> NDArray[np.uint8]:
    side = recipe.crop_px
    if rng.random() < recipe.procedural_share:
        kinds, shares = list(recipe.surface_shares), np.array(list(recipe.surface_shares.values()))
        return draw_surface(kinds[rng.choice(len(kinds), p=shares / shares.sum())], side, side, rng)
    photo = uncracked.draw(rng, lambda photo: read_photo(photo.path))
    no_truth = np.zeros(photo.shape[:2], np.uint8)
    return random_crop(photo, no_truth, side, rng, recipe.random_scales)[0]


def _proposed_crop(cracked: Urn, recipe: Recipe, round_: int, proposals: Path, rng: np.random.Generator) -> Crop:
    def with_proposal(photo: Photo) -> Crop:
        truth = read_proposal(proposal_path(proposals, round_, photo))
        return read_photo(photo.path), truth

    return random_crop(*cracked.draw(rng, with_proposal), recipe.crop_px, rng, recipe.random_scales)


def _painted_over(
    photo: NDArray[np.uint8], truth: NDArray[np.uint8], recipe: Recipe, rng: np.random.Generator
) -> Crop:
    """Paint a crack beside those of every other cracked crop.

    Self-training alone repeats what the teacher cannot see; a painted crack has exact truth on the very surfaces
    that cracks are found on.
    """
    if rng.random() >= PAINTED_OVER:
        return photo, truth
    painter = replace(recipe.painter, distractors=0.0)  # none may hide the crack that is there
    painted = paint_cracks(photo, rng, painter)
    return painted.photo, np.where(painted.mask, np.uint8(1), truth)


def _with_mask(photo: Photo) -> Crop:
    pixels = read_photo(photo.path)
    truth = read_truth(photo, (pixels.shape[0], pixels.shape[1]))
    assert truth is not None  # no stream draws a photograph with neither a mask nor the label uncracked
    return pixels, truth.astype(np.uint8)
