"""Recipes side by side on real photographs with masks: the figures of RESULTS.md.

Each row trains from image-level labels (``supervised``: from human masks) on the training split and is scored on
the test split. A row whose result file stands in ``benchmarks/results/field`` with the same settings and data is
not run again; a run that was stopped is resumed. RESULTS.md is written anew each time, from the result files alone.

    python benchmarks/field.py                    # all rows
    python benchmarks/field.py painted            # rows whose name begins so
    python benchmarks/field.py --tables-only      # only write RESULTS.md again
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import fissura
from field_report import write_report
from fissura.files import written_whole
from fissura.learning import load_recipe
from fissura.photos import load_data
from fissura.segmenting import usable_cores

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("FISSURA_DATA", HERE.parents[1] / "shared" / "data")) / "field"
RUNS = HERE / "runs" / "field"
RESULTS = HERE / "results" / "field"


@dataclass(frozen=True)
class Row:
    """A row of the table: a recipe, what is changed of it, and why."""

    name: str
    recipe: str
    note: str
    seed: int = 0
    network: str | None = None
    steps: int | None = None
    batch: int | None = None
    crop_px: int | None = None


ROWS = (
    Row("painted", "painted", "image-level labels; compact network"),
    Row("supervised", "supervised", "human masks; same network, same steps"),
    Row(
        "seed",
        "seed",
        "image-level labels, global max-pool; same network, whole photographs",
        network="compact",
        steps=60,
    ),
    Row(
        "seed-resnet50",
        "seed",
        "the original network, run shortened to what two cores can do and without ImageNet weights",
        steps=30,
        batch=8,
        crop_px=224,
    ),
)


def main() -> None:
    """Run the rows asked for and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="rows whose names begin so; all if none")
    parser.add_argument("--tables-only", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    if not arguments.tables_only:
        fingerprint = load_data(DATA).fingerprint()
        for row in ROWS:
            if not arguments.names or row.name.startswith(tuple(arguments.names)):
                run(row, fingerprint)
    results = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    order = [row.name for row in ROWS]
    write_report(sorted(results, key=lambda result: order.index(result["row"]["name"])), HERE)


def run(row: Row, fingerprint: str) -> None:
    """Train and score one row, unless its result is there."""
    result = RESULTS / f"{row.name}-{row.seed}.json"
    recipe = load_recipe(row.recipe, network=row.network, steps=row.steps, batch=row.batch, crop_px=row.crop_px)
    settings = {"row": asdict(row), "recipe": recipe.model_dump(mode="json"), "data_fingerprint": fingerprint}
    if result.exists() and {key: json.loads(result.read_text("utf-8")).get(key) for key in settings} == settings:
        print(f"{row.name}: done already")
        return
    folder = RUNS / f"{row.name}-{row.seed}"
    began, cpu_began = time.perf_counter(), _cpu_seconds()
    trained = fissura.train(
        [DATA],
        out=folder,
        recipe=row.recipe,
        seed=row.seed,
        resume=(folder / "plan.json").exists(),
        network=row.network,
        steps=row.steps,
        batch=row.batch,
        crop_px=row.crop_px,
        progress=True,
    )
    minutes, cpu_minutes = (time.perf_counter() - began) / 60, (_cpu_seconds() - cpu_began) / 60
    evaluation = fissura.evaluate([DATA], model=trained.model, out=folder / "score")
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    with written_whole(result) as temporary:
        content = settings | {
            "training": {
                "minutes": round(minutes, 1),
                "cpu_minutes": round(cpu_minutes, 1),
                "steps": int(trained.history["step"].iloc[-1]),
                "epochs_s": trained.history["seconds"].diff().round(1).tolist()[1:],
                "cores": usable_cores(),
                "machine": platform.machine(),
                "precision": plan["precision"],
            },
            "cleaning": trained.judged.cleaning.model_dump() if trained.judged else plan["recipe"]["cleaning"],
            "held_out": _held_out(trained),
            "fissura_version": fissura.__version__,
            "summary": records(evaluation.summary),
        }
        temporary.write_text(json.dumps(content, indent=1), "utf-8")
    print(f"{row.name}: {minutes:.1f} min, written to {result}")


def records(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a summary into JSON's types; figures that do not exist become null."""
    rows: list[dict[str, Any]] = json.loads(summary.to_json(orient="records", double_precision=6))
    return rows


def _held_out(trained: Any) -> dict[str, float] | None:
    if trained.judged is None:
        return None
    judged = trained.judged
    return {name: round(getattr(judged, name), 4) for name in ("painted_dice", "false_alarm_rate", "miss_rate")}


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
