"""Recipes: named, versioned sets of training settings, one TOML file each in ``recipes/``."""

from __future__ import annotations

import sys
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fissura.errors import FissuraError
from fissura.learning.losses import Pooling
from fissura.painting import PainterSettings, Surface
from fissura.segmenting import Cleaning
from fissura.segmenting.normalising import Normalisation

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]

_SURFACE_SHARES: dict[Surface, float] = {"concrete": 0.2, "asphalt": 0.4, "plaster": 0.2, "masonry": 0.2}


class Recipe(BaseModel):
    """Everything about a training run but the photographs and the seed.

    Attributes:
        name: name of the recipe and of its TOML file.
        version: raised whenever a change of the file changes the model that comes out.
        description: one line for ``--help``.
        method: where supervision comes from: ``painted`` (painted cracks, then self-training on cracked
            photographs), ``max-pool`` (image-level labels through a global max-pool), ``supervised``
            (human masks).
        pooling: how a photograph's logits become one (``max-pool`` only); see
            :func:`fissura.learning.losses.label_loss`.
        network: see :func:`fissura.learning.networks.build_network`.
        pretrained: whether weights that others have trained are the start where they can be had: of the bundled
            model if the network is ``nano`` and sees grey, otherwise of an encoder on ImageNet.
        start_share: share of the bundled model's weights in those that are used, where it is the start.
        normalisation: see :func:`fissura.segmenting.normalise`.
        crop_px: side of the square crops that the network learns from, in px.
        batch: crops per step.
        steps: optimiser steps altogether.
        epoch_steps: steps between two validations; a checkpoint is written after each.
        learning_rate: the peak of the schedule.
        schedule: ``constant``, or ``one-cycle`` (a short rise, then a cosine down to zero).
        weight_decay: of AdamW; 0 makes it Adam.
        scales: smallest and largest factor by which crops are scaled.
        augment: whether crops are scaled, turned, and changed in light, sharpness and compression.
        self_training_from: share of the steps after which cracked photographs join in (``painted`` only).
        self_training_rounds: how many times the teacher proposes masks for them; 0 leaves them out.
        corrections: whether masks that a person has corrected join self-training (``painted`` only).
        procedural_share: share of painted crops that use a procedural surface instead of a photograph.
        surface_shares: how the procedural ones divide among the kinds of surface.
        painter: how cracks and distractors are painted (``painted`` only).
        calibrate: whether the step from probability to mask is chosen on held-out photographs (without
            masks); otherwise it is ``cleaning``.
        cleaning: the step from probability to mask, to start from.
        licence: of the model that comes out, as its model file will say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: Count
    description: str
    method: Literal["painted", "max-pool", "supervised"]
    pooling: Pooling = "max"
    network: str = "compact"
    pretrained: bool = False
    start_share: Share = 0.5
    normalisation: Normalisation = "grey"
    crop_px: Annotated[int, Field(ge=64, multiple_of=32)]
    batch: Count
    steps: Count
    epoch_steps: Count
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["constant", "one-cycle"] = "one-cycle"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    scales: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.7, 1.5)
    augment: bool = True
    self_training_from: Share = 1.0
    self_training_rounds: Annotated[int, Field(ge=0)] = 0
    corrections: bool = False
    procedural_share: Share = 0.0
    surface_shares: Annotated[dict[Surface, Annotated[float, Field(gt=0)]], Field(min_length=1)] = _SURFACE_SHARES
    painter: PainterSettings = PainterSettings()
    calibrate: bool = True
    cleaning: Cleaning = Cleaning(low=0.5, high=0.9, min_extent_px=48, min_extent_fraction=0.15)

    licence: str = "as the photographs it was trained on allow"

    @property
    def reads_masks(self) -> bool:
        """Whether training may open the masks of the training split at all."""
        return self.method == "supervised" or self.corrections

    @property
    def starts_from_bundled(self) -> bool:
        """Whether the network begins with the weights of the bundled model, which is of its kind."""
        return self.pretrained and self.network == "nano" and self.normalisation == "grey"

    @property
    def epochs(self) -> int:
        """How many times the run validates; the steps are rounded up to whole epochs."""
        return -(-self.steps // self.epoch_steps)

    @property
    def total_steps(self) -> int:
        """The steps that are really taken: whole epochs."""
        return self.epochs * self.epoch_steps

    @property
    def random_scales(self) -> tuple[float, float] | None:
        """The scales to draw from; None where crops are taken as they are."""
        return self.scales if self.augment else None

    def self_training_round(self, step: int) -> int:
        """Tell which round of proposals step ``step`` (from 0) learns from; 0 before self-training.

        Rounds begin with an epoch, so that a run resumed at an epoch's end finds its proposals.
        """
        if self.method != "painted" or not self.self_training_rounds or step < 0:
            return 0
        first = max(1, round(self.self_training_from * self.epochs))  # nobody can be taught by a beginner
        epoch = step // self.epoch_steps
        if epoch < first or first >= self.epochs:
            return 0
        return 1 + (epoch - first) * self.self_training_rounds // (self.epochs - first)


def recipe_names() -> list[str]:
    """Name the recipes that come with Fissura."""
    folder = resources.files("fissura.learning") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name: str, **changes: Any) -> Recipe:
    """Load a recipe by its name.

    Args:
        name: see :func:`recipe_names`.
        **changes: settings to use instead of the recipe's own; None leaves one as it is.

    Raises:
        FissuraError: if there is no such recipe, or a change makes no sense.

    Example:
        >>> load_recipe("painted", steps=200).steps
        200
    """
    if name not in recipe_names():
        raise FissuraError(f"recipe {name}: unknown; choose one of {', '.join(recipe_names())}")
    text = (resources.files("fissura.learning") / "recipes" / f"{name}.toml").read_text("utf-8")
    settings = tomllib.loads(text) | {key: value for key, value in changes.items() if value is not None}
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise FissuraError(f"recipe {name}: {field}: {problem}; change it") from error
