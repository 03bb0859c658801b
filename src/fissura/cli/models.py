"""Verbs about models: to train, to score, to take over."""

from __future__ import annotations

import re
import shlex
from enum import Enum
from importlib import resources
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import typer

import fissura
from fissura.cli.app import app
from fissura.cli.options import DATA_HELP, Data, Model, Views, argument, examples, option, seeded
from fissura.terminal import Verb, name_skipped, notice, progress, say, show_table

OF_RECIPE = "Instead of the recipe's"


class Logger(str, Enum):
    """Where else a run is logged."""

    tensorboard = "tensorboard"
    mlflow = "mlflow"


def _recipes() -> str:
    """Name the recipes and what they are, without importing the room that trains."""
    folder = resources.files("fissura") / "learning" / "recipes"
    texts = {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    lines = [
        f"  {name}: {described.group(1)}"
        for name, text in sorted(texts.items())
        if (described := re.search(r'^description = "(.+)"$', text, re.MULTILINE))
    ]
    return "\n\n".join(["Recipes:", *lines])


@app.command(
    cls=Verb,
    epilog=examples(
        "fissura train walls --out runs/walls",
        "fissura train walls bridges --out runs/short --steps 500 --seed 1",
        "fissura train walls --out runs/seed --recipe seed --network compact",
        "fissura train --resume --out runs/walls",
    )
    + "\n\n"
    + _recipes(),
)
def train(
    out: Annotated[Path, option("The run's folder; model.onnx will stand there.")],
    data: Annotated[list[Path] | None, argument(DATA_HELP)] = None,
    recipe: Annotated[str, typer.Option(help="Where supervision comes from; see below.")] = "painted",
    seed: Annotated[int, seeded("The same seed gives the same model.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out, as it was begun.")] = False,
    network: Annotated[
        str | None,
        option(
            "nano, compact, seed-resnet50, seed-resnet50-frozen, seed-unet or timm: and its encoder, as "
            "timm:resnet50.",
            OF_RECIPE,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        option("Optimiser steps, rounded up to whole epochs: of 100 steps in recipe painted.", OF_RECIPE, least=1),
    ] = None,
    batch: Annotated[int | None, option("Crops per step.", OF_RECIPE, least=1)] = None,
    crop_px: Annotated[int | None, option("Side of the crops in px, a multiple of 32.", OF_RECIPE, least=64)] = None,
    logger: Annotated[list[Logger] | None, option("Log there too, in the run's folder; may be repeated.")] = None,
) -> None:
    """Train a model from photographs and their image-level labels, cracked or uncracked. Nobody draws a mask."""
    if not data and not resume:
        raise typer.BadParameter("give at least one data set, or --resume", param_hint="DATA")
    notice("loading torch")
    trained = fissura.train(
        data or (),
        out=out,
        recipe=recipe,
        seed=seed,
        resume=resume,
        network=network,
        steps=steps,
        batch=batch,
        crop_px=crop_px,
        loggers=[one.value for one in logger or ()],
        progress=True,
    )
    kept = trained.history.iloc[trained.epoch - 1]
    figures = [(name, f"{value:.4g}") for name, value in kept.items()]
    if trained.judged is not None:
        judged = trained.judged
        figures += [(name, f"{value:.4g}") for name, value in judged.cleaning.model_dump().items()]
        figures += [("held-out painted_dice", f"{judged.painted_dice:.3f}")]
        figures += [("held-out false_alarm_rate", f"{judged.false_alarm_rate:.3f}")]
        figures += [("held-out miss_rate", "-" if isnan(judged.miss_rate) else f"{judged.miss_rate:.3f}")]
    show_table(["figure", "value"], figures)
    say(f"model: {trained.model}")
    notice(f"try it: fissura segment PHOTOGRAPHS --model {shlex.quote(str(trained.model))} --out masks")


@app.command(
    cls=Verb,
    epilog=examples(
        "fissura evaluate walls",
        "fissura evaluate walls --model runs/walls/model.onnx --out score",
    ),
)
def evaluate(
    data: Data,
    model: Model = None,
    out: Annotated[Path | None, option("Folder for tables and plots.")] = None,
    views: Views = 1,
    seed: Annotated[int, seeded("Seed of the bootstrap behind the intervals.")] = 0,
) -> None:
    """Score a model on photographs with human masks, of a data set with splits on its test split."""
    with progress("Scoring") as advance:
        evaluation = fissura.evaluate(data, model=model, out=out, views=views, seed=seed, progress=advance)
    name_skipped([one.reason for one in evaluation.skipped], str(out / "summary.json") if out else "")
    summary = evaluation.summary
    scopes = list(summary["scope"].unique())
    cells = {(row.metric, row.scope): _with_interval(row) for row in summary.itertuples()}
    show_table(
        ["figure", *scopes],
        [(metric, *(cells[metric, scope] for scope in scopes)) for metric in summary["metric"].unique()],
    )
    say(f"scored: {len(evaluation.photos)} photographs; in brackets the 95 % intervals")
    cracked = evaluation.photos.query("label == 'cracked'")
    if not cracked["has_truth"].all():
        say(f"{(~cracked['has_truth']).sum()} of {len(cracked)} cracked photographs have no mask")
    if out is not None:
        say(f"tables and plots: {out}")


@app.command("import", cls=Verb, epilog=examples("fissura import unet.pth --out unet.onnx"))
def import_(
    checkpoint: Annotated[Path, argument("A .pth or .pt file of the original system.")],
    out: Annotated[Path, option("The model file (.onnx) to write.")],
) -> None:
    """Turn a checkpoint of the original system into a model file; no code in it is ever run."""
    notice("loading torch")
    card = fissura.import_checkpoint(checkpoint, out)
    show_table(["model", "value"], [("network", card.network), ("normalisation", card.normalisation)])
    say(f"model: {out}")


def _with_interval(row: Any) -> str:
    if row.value != row.value:  # NaN: nothing in the data can answer
        return "-"
    if row.low95 != row.low95:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} ({row.low95:.3f}-{row.high95:.3f})"
