"""One row of RESULTS.md: a method, its settings, and whether a result is its."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from fissura.learning import Recipe, load_recipe
from methods.finished import bundled_start

Supervision = Literal["nothing", "other photographs", "labels", "uncracked photographs", "human masks"]


@dataclass(frozen=True)
class Row:
    """One method, with one seed.

    Attributes:
        name: what the tables call it; rows that differ in nothing but their seed share it.
        note: what it is, in the tables.
        method: ``recipe``, ``tuned`` (the model of another row, its step to a mask chosen anew), ``seen`` (the model
            of another row, used in another way), ``box``, one of `methods.classical.CLASSICAL`, or a
            peer of `methods.peers`.
        supervision: what it learns from.
        settings: changes of the recipe, or all settings of a peer; ``recipe`` names the recipe.
        seed: seed of everything random.
        uncracked: how many uncracked photographs it may see; all if None.
        cpu_minutes: what it takes, about, on two cores of a plain CPU.
    """

    name: str
    note: str
    method: str = "recipe"
    supervision: Supervision = "labels"
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    uncracked: int | None = None
    cpu_minutes: float = 65.0

    @property
    def file(self) -> str:
        """Name of its result file."""
        return f"{self.name}-{self.seed}.json"

    @property
    def run(self) -> str:
        """Name of its run's folder; other settings are another run."""
        return f"{self.name}-{self.seed}-{self.digest()}"

    def full_settings(self) -> dict[str, Any]:
        """Give every setting that the result depends on, those of a recipe with its changes."""
        if self.method != "recipe":
            return self.settings
        return self.recipe().model_dump(mode="json")

    def digest(self) -> str:
        """Tell settings apart in a few letters; one that recipes gain later, with a default, changes nothing."""
        settings = self.settings
        if self.method == "recipe":
            settings = self.recipe().model_dump(mode="json", exclude_defaults=True)
            if start := self.start():
                settings |= {"start": start}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]

    def recipe(self) -> Recipe:
        """Give the recipe with its changes."""
        return load_recipe(self.settings["recipe"], **{k: v for k, v in self.settings.items() if k != "recipe"})

    def start(self) -> dict[str, Any] | None:
        """Tell what of the bundled model training begins with; None where it does not begin with it."""
        return bundled_start() if self.method == "recipe" and self.recipe().starts_from_bundled else None

    def is_answered_by(self, result: dict[str, Any], fingerprint: str | None = None) -> bool:
        """Tell whether a result is of this row as it is now, and of the data of that fingerprint if one is given."""
        was = result["row"]
        if (was["seed"], was.get("uncracked")) != (self.seed, self.uncracked):
            return False
        if fingerprint is not None and result["data_fingerprint"] != fingerprint:
            return False
        if self.method != "recipe":
            return bool(result.get("settings") == self.settings)
        if result.get("start") != self.start():
            return False
        try:  # a setting that recipes have gained since then had its default
            recipe = Recipe.model_validate(result["recipe"])
        except ValidationError:
            return False
        return recipe == self.recipe().model_copy(update={"description": recipe.description})  # words change no model

    def facts(self) -> dict[str, Any]:
        """Give the row as plain values, for its result file."""
        return asdict(self)
