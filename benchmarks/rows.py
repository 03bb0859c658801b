"""The rows of RESULTS.md, those that matter most first: that is the order in which `make bench` runs them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from methods.finished import bundled_settings
from row import Row

SEEDS = (0, 1, 2)


def read_results(folder: Path) -> list[tuple[Row, dict[str, Any]]]:
    """Read the results there are, in the order of the rows; files of rows that are no more are passed over.

    Those that were written with a table of their cracked photographs have it as ``photos``.
    """
    return [(row, _read(folder / row.file)) for row in ROWS if (folder / row.file).exists()]


def _read(path: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))
    photos = path.with_suffix(".csv")
    return result | ({"photos": pd.read_csv(photos, dtype={"group": str})} if photos.exists() else {})


def _with_seeds(*rows: Row) -> list[Row]:
    return [replace(row, seed=seed) for seed in SEEDS[1:] for row in rows]


def _tuned(row: Row) -> Row:
    """Take a row's model as it is, its step from probability to mask chosen as every method's."""
    note, settings = "the same model, its step to a mask chosen as the others'", {"of": row.name, "run": row.digest()}
    return replace(row, name=f"{row.name}-tuned", note=note, method="tuned", settings=settings, cpu_minutes=2)


def _four_views(row: Row) -> Row:
    """Take a row's model as it is, and let it look at each photograph four times."""
    return _seen(row, "four-views", "the same model, four views of each photograph", views=4)


def _with_flanks(row: Row) -> Row:
    """Take a row's model as it is, and leave the flanks of its cracks on."""
    note = "the same model, the flanks of its cracks not cut off"
    return _seen(row, "with-flanks", note, cleaning={"crest_share": 0.0})


def _with_gaps(row: Row) -> Row:
    """Take a row's model as it is, and leave the gaps within its cracks open."""
    return _seen(
        row, "with-gaps", "the same model, the gaps within its cracks not closed", cleaning={"closing_px": 0}
    )


def _near(row: Row) -> Row:
    """Take a row's model as it is, and do not let it look for wide cracks from afar."""
    return _seen(row, "near", "the same model, wide cracks not looked for from afar", wide=False)


def _seen(row: Row, name: str, note: str, **settings: Any) -> Row:
    taken = {"of": row.name, "run": row.digest()}
    return replace(row, name=f"{row.name}-{name}", note=note, method="seen", settings=taken | settings, cpu_minutes=2)


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
BOX = Row("box", "our bundled model, as it comes", "box", "other photographs", bundled_settings(), cpu_minutes=1)
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
    note="ours from random weights instead of the bundled model's (recipe of version 6)",
    settings=PAINTED.settings
    | {
        "pretrained": False,
        "version": 6,
        "painter": {"fading": [0.2, 0.9], "smooth_masks": True},
    },
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
PAINTER = {"fading": [0.2, 0.9], "smooth_masks": True}  # that of recipe `painted`
RAGGED = replace(
    PAINTED,
    name="painted-ragged",
    note="ours, masks of painted cracks along their ragged edges",
    settings=PAINTED.settings | {"painter": PAINTER | {"smooth_masks": False}},
)
PAINTED_STEADY = replace(
    PAINTED,
    name="painted-steady",
    note="ours, painted cracks that hardly fade along their way",
    settings=PAINTED.settings | {"painter": PAINTER | {"fading": [0.35, 0.35]}},
)
PAINTED_DEEP = replace(
    PAINTED,
    name="painted-deep",
    note="ours, three in ten painted cracks deep holes, as the bundled model has seen them",
    settings=PAINTED.settings | {"painter": PAINTER | {"deep_share": 0.3}},
)
# What recipes `painted` and `supervised` were in version 3: from random weights, on a larger network.
VERSION_3: dict[str, Any] = {
    "version": 3,
    "steps": 3000,
    "learning_rate": 2e-3,
    "pretrained": False,
    "start_share": 0.5,  # of no effect without the bundled model's start
}
VERSION_3_PAINTED = VERSION_3 | {
    "self_training_from": 0.5,
    "painter": {"fading": [0.35, 0.35]},
}
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
    "anomalib's DRAEM, cut to 120 steps, too few for it to learn; procedural surfaces in place of its textures",
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
        PAINTED,
        name=f"painted-{count}-uncracked",
        note=f"ours with {count} uncracked photographs",
        uncracked=count,
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
    _with_flanks(PAINTED),
    _with_gaps(PAINTED),
    _near(PAINTED),
    _near(SUPERVISED),
    _near(BOX),
    *_with_seeds(PAINTED, _four_views(PAINTED), _with_flanks(PAINTED), _with_gaps(PAINTED), _near(PAINTED)),
    *_with_seeds(SUPERVISED, _four_views(SUPERVISED), _near(SUPERVISED)),
    SUPERVISED_FROM_RANDOM,
    PAINTED_DEEP,
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
    *_with_seeds(SUPERVISED_FROM_RANDOM, PAINTED_COMPACT, SUPERVISED_COMPACT),
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
    *_with_seeds(
        PAINTED_DEEP,
        RAGGED,
        PAINTED_STEADY,
        NOT_AVERAGED,
        FROM_RANDOM,
        PAINTED_ONLY,
        ACTIVATION,
        REFINED,
        *FEW,
        TOP_K,
        LOG_SUM_EXP,
    ),
)
