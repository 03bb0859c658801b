"""The rows of RESULTS.md, those that matter most first: that is the order in which `make bench` runs them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from fissura.learning import Recipe, load_recipe
from methods.box import box_settings

Supervision = Literal["nothing", "other photographs", "labels", "uncracked photographs", "human masks"]
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Row:
    """One method, with one seed.

    Attributes:
        name: what the tables call it; rows that differ in nothing but their seed share it.
        note: what it is, in the tables.
        method: ``recipe``, ``tuned`` (the model of another row, its step to a mask chosen anew), ``seen`` (the model
            of another row, with more views of each photograph), ``box``, one of `methods.classical.CLASSICAL`, or a
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
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]

    def recipe(self) -> Recipe:
        """Give the recipe with its changes."""
        return load_recipe(self.settings["recipe"], **{k: v for k, v in self.settings.items() if k != "recipe"})

    def is_answered_by(self, result: dict[str, Any], fingerprint: str | None = None) -> bool:
        """Tell whether a result is of this row as it is now, and of the data of that fingerprint if one is given."""
        was = result["row"]
        if (was["seed"], was.get("uncracked")) != (self.seed, self.uncracked):
            return False
        if fingerprint is not None and result["data_fingerprint"] != fingerprint:
            return False
        if self.method != "recipe":
            return bool(result.get("settings") == self.settings)
        try:  # a setting that recipes have gained since then had its default
            recipe = Recipe.model_validate(result["recipe"])
        except ValidationError:
            return False
        return recipe == self.recipe().model_copy(update={"description": recipe.description})  # words change no model

    def facts(self) -> dict[str, Any]:
        """Give the row as plain values, for its result file."""
        return asdict(self)


def read_results(folder: Path) -> list[tuple[Row, dict[str, Any]]]:
    """Read the results there are, in the order of the rows; files of rows that are no more are passed over."""
    found = [(row, folder / row.file) for row in ROWS]
    return [(row, json.loads(path.read_text("utf-8"))) for row, path in found if path.exists()]


def _with_seeds(*rows: Row) -> list[Row]:
    return [replace(row, seed=seed) for seed in SEEDS[1:] for row in rows]


def _tuned(row: Row) -> Row:
    """Take a row's model as it is, its step from probability to mask chosen as every method's."""
    note, settings = "the same model, its step to a mask chosen as the others'", {"of": row.name, "run": row.digest()}
    return replace(row, name=f"{row.name}-tuned", note=note, method="tuned", settings=settings, cpu_minutes=2)


def _four_views(row: Row) -> Row:
    """Take a row's model as it is, and let it look at each photograph four times."""
    note, settings = "the same model, four views of each photograph", {"of": row.name, "run": row.digest()}
    return replace(
        row, name=f"{row.name}-four-views", note=note, method="seen", settings=settings | {"views": 4}, cpu_minutes=2
    )


PAINTED = Row(
    "painted",
    "ours: the bundled model, painted cracks, self-training",
    settings={"recipe": "painted"},
    cpu_minutes=30,
)
SUPERVISED = Row(
    "supervised",
    "the same network from the same start, on human masks",
    "recipe",
    "human masks",
    {"recipe": "supervised"},
    cpu_minutes=20,
)
BOX = Row("box", "our bundled model, as it comes", "box", "other photographs", box_settings(), cpu_minutes=1)
SEED = Row(
    "seed",
    "the original's global max-pool; compact network",
    settings={"recipe": "seed", "network": "compact", "steps": 400, "pretrained": False},
    cpu_minutes=60,
)
PAINTED_ONLY = replace(
    PAINTED,
    name="painted-only",
    note="painted cracks alone, no self-training",
    settings=PAINTED.settings | {"self_training_rounds": 0},
)
NOT_AVERAGED = replace(
    PAINTED,
    name="painted-not-averaged",
    note="ours, the weights of the bundled model not averaged in",
    settings=PAINTED.settings | {"start_share": 0.0},
)
FROM_RANDOM = replace(
    PAINTED,
    name="painted-from-random",
    note="ours from random weights instead of the bundled model's",
    settings=PAINTED.settings | {"pretrained": False},
)
LONGER = replace(
    PAINTED,
    name="painted-longer",
    note="ours, trained for twice the steps",
    settings=PAINTED.settings | {"steps": 3000},
    cpu_minutes=60,
)
SUPERVISED_FROM_RANDOM = replace(
    SUPERVISED,
    name="supervised-from-random",
    note="human masks alone: the same network from random weights",
    settings=SUPERVISED.settings | {"pretrained": False},
)
RAGGED = replace(
    PAINTED,
    name="painted-ragged",
    note="ours, masks along ragged edges and a teacher of two views (recipe of version 5)",
    settings=PAINTED.settings | {"version": 5, "painter": {"fading": [0.2, 0.9]}},
)
STEADY: dict[str, Any] = {"painter": {"fading": [0.35, 0.35]}}
PAINTED_STEADY = replace(
    PAINTED,
    name="painted-steady",
    note="the same, painted cracks that hardly fade along their way (recipe of version 4)",
    settings=PAINTED.settings | STEADY | {"version": 4},
)
# What recipes `painted` and `supervised` were in version 3: from random weights, on a larger network.
VERSION_3: dict[str, Any] = {
    "version": 3,
    "steps": 3000,
    "learning_rate": 2e-3,
    "pretrained": False,
    "start_share": 0.5,  # of no effect without the bundled model's start
}
VERSION_3_PAINTED = VERSION_3 | STEADY | {"self_training_from": 0.5}
PAINTED_COMPACT = replace(
    PAINTED,
    name="painted-compact",
    note="ours on the compact network from random weights",
    settings=PAINTED.settings | VERSION_3_PAINTED | {"network": "compact"},
    cpu_minutes=65,
)
SUPERVISED_COMPACT = replace(
    SUPERVISED,
    name="supervised-compact",
    note="human masks, the compact network from random weights",
    settings=SUPERVISED.settings | VERSION_3 | {"network": "compact"},
    cpu_minutes=60,
)
COMPACT_ONLY = replace(
    PAINTED_COMPACT,
    name="painted-compact-only",
    note="the same without self-training",
    settings=PAINTED_COMPACT.settings | {"self_training_rounds": 0},
)
COMPACT_LONGER = replace(
    PAINTED_COMPACT,
    name="painted-compact-longer",
    note="the same, trained for twice the steps",
    settings=PAINTED_COMPACT.settings | {"steps": 6000},
    cpu_minutes=100,
)
TOP_K = replace(
    SEED, name="seed-top-k", note="the same, mean of the top 1 %", settings=SEED.settings | {"pooling": "top-k"}
)
LOG_SUM_EXP = replace(
    SEED, name="seed-log-sum-exp", note="the same, log-sum-exp", settings=SEED.settings | {"pooling": "log-sum-exp"}
)
CLASSICAL = tuple(
    Row(name, note, name, "nothing", {"version": version}, cpu_minutes=minutes)
    for name, note, minutes, version in (
        ("multi-otsu", "darkest of three grey classes", 1.0, 2),
        ("sato", "Sato's ridge filter", 2.0, 1),
        ("frangi", "Frangi's ridge filter", 4.0, 1),
    )
)
CLASSIFIER = {"network": "resnet18", "pretrained": True, "side_px": 320, "batch": 16, "steps": 600, "version": 1}
ACTIVATION = Row(
    "class-activation",
    "Grad-CAM of an image-level classifier (ResNet-18)",
    "grad-cam",
    settings=CLASSIFIER | {"refined": False},
    cpu_minutes=55,
)
REFINED = replace(
    ACTIVATION,
    name="class-activation-refined",
    note="the same, refined by a local threshold (König et al. 2021)",
    settings=CLASSIFIER | {"refined": True},
    cpu_minutes=2,
)
DRAEM = Row(
    "draem",
    "anomalib's DRAEM, shortened; procedural surfaces in place of its textures",
    "draem",
    "uncracked photographs",
    {"side_px": 256, "batch": 2, "steps": 120, "version": 1},
    cpu_minutes=100,
)
REVERSE_DISTILLATION = Row(
    "reverse-distillation",
    "anomalib's reverse distillation (reconstructs ResNet-18 features)",
    "reverse-distillation",
    "uncracked photographs",
    {"side_px": 256, "batch": 16, "steps": 400, "version": 1},
    cpu_minutes=30,
)
FEW = tuple(
    replace(
        PAINTED, name=f"painted-{count}-uncracked", note=f"ours with {count} uncracked photographs", uncracked=count
    )
    for count in (4, 16, 64)
)
RESNET50: dict[str, Any] = {"network": "timm:resnet50", "pretrained": True, "steps": 300, "epoch_steps": 50}
PAINTED_RESNET50 = replace(
    PAINTED,
    name="painted-resnet50",
    note="ours on a ResNet-50 U-Net, shortened",
    settings=PAINTED.settings | VERSION_3_PAINTED | RESNET50,
    cpu_minutes=60,
)
SUPERVISED_RESNET50 = replace(
    SUPERVISED,
    name="supervised-resnet50",
    note="human masks on a ResNet-50 U-Net, shortened",
    settings=SUPERVISED.settings | VERSION_3 | RESNET50,
    cpu_minutes=60,
)
SEED_RESNET50 = Row(
    "seed-resnet50",
    "the original network, shortened",
    settings={"recipe": "seed", "steps": 30, "batch": 8, "crop_px": 224},
    cpu_minutes=5,
)

ROWS: tuple[Row, ...] = (
    PAINTED,
    SUPERVISED,
    BOX,
    _four_views(PAINTED),
    _four_views(SUPERVISED),
    _four_views(BOX),
    *CLASSICAL,
    SEED,
    _tuned(SEED),
    *_with_seeds(PAINTED, _four_views(PAINTED), SUPERVISED, _four_views(SUPERVISED)),
    SUPERVISED_FROM_RANDOM,
    RAGGED,
    PAINTED_STEADY,
    NOT_AVERAGED,
    FROM_RANDOM,
    PAINTED_ONLY,
    LONGER,
    PAINTED_COMPACT,
    SUPERVISED_COMPACT,
    COMPACT_ONLY,
    COMPACT_LONGER,
    *_with_seeds(SUPERVISED_FROM_RANDOM, RAGGED, PAINTED_STEADY, PAINTED_COMPACT, SUPERVISED_COMPACT),
    ACTIVATION,
    REFINED,
    REVERSE_DISTILLATION,
    *_with_seeds(SEED, _tuned(SEED)),
    *FEW,
    TOP_K,
    LOG_SUM_EXP,
    SEED_RESNET50,
    _tuned(SEED_RESNET50),
    DRAEM,
    PAINTED_RESNET50,
    SUPERVISED_RESNET50,
    *_with_seeds(NOT_AVERAGED, FROM_RANDOM, PAINTED_ONLY, ACTIVATION, REFINED, *FEW, TOP_K, LOG_SUM_EXP),
)
