"""What a model file says of its use, chosen on held-out photographs: the step to a mask, and the glance."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fissura.errors import UnreadablePhotoError
from fissura.learning.recipe import Recipe
from fissura.learning.selection import EXTENT_FRACTIONS, Judged, choose_cleaning, choose_glance
from fissura.learning.streams import exact_samples, uncracked_samples
from fissura.learning.validating import MOST_PHOTOS, PAINTED
from fissura.photos import DataSet, read_photo
from fissura.segmenting import Cleaning, Segmenter, bundled_model, read_card

GRIT = 0.9  # grains stand in real cracks; without them no mask of a painted one has gaps, and none would be closed
GLANCED = 200  # painted crops that tell below what a tile may be passed over: one of them makes half a percent


def calibrate(model: Path, recipe: Recipe, seed: int, held_out: DataSet) -> Judged:
    """Choose the step from probability to mask, by painted cracks with grains in them, or by masks, and by labels.

    Args:
        model: the model file.
        recipe: the recipe that it was trained by.
        seed: seed of what is painted.
        held_out: photographs that training has not seen; masks of theirs are read for a supervised recipe alone.

    Returns:
        The choice, and how it does on them; see `choose_cleaning`.

    Example:
        >>> calibrate(Path("walls.onnx"), load_recipe("painted"), 0, held_out).cleaning  # doctest: +SKIP
    """
    segmenter = Segmenter(model)
    gritty = recipe.model_copy(update={"painter": replace(recipe.painter, grit=GRIT)})
    crops = exact_samples(held_out, gritty, PAINTED, seed + 1)
    painted = [(segmenter.probability(photo), truth == 1) for photo, truth in crops]
    uncracked, cracked = (_probabilities(photos, segmenter) for photos in (held_out.uncracked, held_out.cracked))
    extents = EXTENT_FRACTIONS
    if recipe.method == "painted":
        if recipe.starts_from_bundled:  # that model has been judged on more surfaces than these
            extents = (read_card(bundled_model()).cleaning.min_extent_fraction,)
        else:  # held-out photographs are few; with stains, joints and shadows painted on them they tell more
            stained = uncracked_samples(held_out, recipe, PAINTED, seed + 2)
            uncracked = itertools.chain(uncracked, map(segmenter.probability, stained))
    return choose_cleaning(painted, uncracked, cracked, extents)


def calibrate_glance(model: Path, recipe: Recipe, seed: int, held_out: DataSet, cleaning: Cleaning) -> float | None:
    """Choose the probability at a first look below which a tile may be passed over; see `choose_glance`.

    Args:
        model: the model file.
        recipe: the recipe that it was trained by.
        seed: seed of what is painted.
        held_out: photographs that training has not seen.
        cleaning: the step from probability to mask that was chosen.

    Returns:
        A probability in [0, 1]; None if the model finds no painted crack.

    Example:
        >>> calibrate_glance(model, recipe, 0, held_out, judged.cleaning)  # doctest: +SKIP
    """
    larger = recipe.model_copy(update={"crop_px": 2 * recipe.crop_px})  # tiles are, and hold longer cracks
    crops = exact_samples(held_out, larger, GLANCED, seed + 3)
    return choose_glance(Segmenter(model, cleaning=cleaning), [photo for photo, _ in crops])


def _probabilities(photos: DataSet, segmenter: Segmenter) -> Iterator[NDArray[np.float32]]:
    for photo in photos.at_most(MOST_PHOTOS):
        try:
            yield segmenter.probability(read_photo(photo.path))
        except UnreadablePhotoError:
            continue
