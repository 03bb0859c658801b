"""The command line: one thin function per verb, over the functions of ``import fissura``.

How results look and how a command ends is told in `fissura.terminal`. The rooms are imported by the verb that
needs them, so that ``--help`` is quick.
"""

from __future__ import annotations

import re
import shlex
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import fissura
from fissura.terminal import Verb, fail, name_skipped, notice, progress, say, show_table, stop_on_sigterm

DATA_HELP = (
    "Data sets: folders with cracked/ and uncracked/ in them (or positive/negative, crack/noncrack), "
    "train|test/{images,masks}, or a CSV with the columns photo,label."
)
OF_RECIPE = "Instead of the recipe's"
OF_MODEL = "From probability to mask, instead of the model's"


def _argument(help_: str) -> Any:
    return typer.Argument(help=help_, show_default=False)


def _option(help_: str, panel: str | None = None, least: int | None = None) -> Any:
    """Declare an option that is required, or None where it is not given."""
    return typer.Option(help=help_, rich_help_panel=panel, min=least, show_default=False)


Data = Annotated[list[Path], _argument(DATA_HELP)]
Model = Annotated[Path, _option("The model file (.onnx).")]


class Logger(str, Enum):
    """Where else a run is logged."""

    tensorboard = "tensorboard"
    mlflow = "mlflow"


class _Verbs(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let ``--debug`` stand anywhere: whoever needs it has just typed the rest."""
        return super().parse_args(ctx, sorted(args, key=lambda word: word != "--debug"))


def _examples(*lines: str) -> str:
    return "\n\n".join(["Examples:", *(f"  $ {line}" for line in lines)])


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


app = typer.Typer(
    name="fissura",
    cls=_Verbs,
    help="Two folders of photographs in, crack masks out. Nobody draws a mask.",
    epilog=_examples(
        "fissura demo",
        "fissura train walls --out runs/walls",
        "fissura segment new-photographs --model runs/walls/model.onnx --out masks",
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"fissura {fissura.__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass  # the options act on their own: see _show_version and fissura.terminal.Verb


@app.command(cls=Verb, epilog=_examples("fissura demo", "fissura demo --out try-it"))
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything it makes.")] = Path("demo"),
) -> None:
    """Try everything on photographs made up on the spot: train, segment, score. Needs no data."""
    from rich.console import Console

    from fissura.demo import run_demo

    Console(highlight=False).print(run_demo(out, progress=True, say=notice), soft_wrap=True)


@app.command(
    cls=Verb,
    epilog=_examples("fissura inspect walls", "fissura inspect walls bridges.csv --out inspection"),
)
def inspect(
    data: Data,
    out: Annotated[Path | None, _option("Folder for inspection.json and inspection.png.")] = None,
) -> None:
    """Tell what a data set is, and what in it would mislead training or scoring."""
    with progress("Looking") as advance:
        inspection = fissura.inspect(data, out, advance)
    counts = inspection.counts
    show_table(
        ["source", "split", *counts.columns],
        [(source, split, *row) for (split, source), row in zip(counts.index, counts.to_numpy(), strict=True)],
    )
    sizes = [f"{size.width_px} x {size.height_px} px ({size.photos})" for size in inspection.sizes.itertuples()]
    if sizes:
        say("sizes: " + ", ".join(sizes[:5]) + (f" and {len(sizes) - 5} more" if len(sizes) > 5 else ""))
    for warning in inspection.warnings:
        say(f"warning: {warning}")
    if not inspection.warnings:
        say("nothing found that would mislead")
    name_skipped(list(inspection.unreadable.values()), str(out / "inspection.json") if out else "")
    if out is not None:
        say(f"picture and table: {out / 'inspection.png'}, {out / 'inspection.json'}")


@app.command(
    cls=Verb,
    epilog=_examples("fissura paint --out samples", "fissura paint walls/uncracked --out samples --count 30"),
)
def paint(
    out: Annotated[Path, _option("Folder for photos/, masks/ and overlays/.")],
    photos: Annotated[
        list[Path] | None, _argument("Uncracked photographs or folders of them; made-up surfaces if there are none.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 12,
    size_px: Annotated[int, typer.Option(min=64, help="Side of a made-up surface in px.")] = 448,
    seed: Annotated[int, typer.Option(min=0, help="The same seed paints the same.")] = 0,
) -> None:
    """Paint cracks on photographs that show none, for a look: photographs, masks, overlays."""
    painted = fissura.paint(photos or (), out=out, count=count, size_px=size_px, seed=seed)
    say(f"painted: {len(painted)} photographs, in {out / 'overlays'}")


@app.command(
    cls=Verb,
    epilog=_examples(
        "fissura train walls --out runs/walls",
        "fissura train walls bridges --out runs/short --steps 500 --seed 1",
        "fissura train walls --out runs/seed --recipe seed --network compact",
        "fissura train --resume --out runs/walls",
    )
    + "\n\n"
    + _recipes(),
)
def train(
    out: Annotated[Path, _option("The run's folder; model.onnx will stand there.")],
    data: Annotated[list[Path] | None, _argument(DATA_HELP)] = None,
    recipe: Annotated[str, typer.Option(help="Where supervision comes from; see below.")] = "painted",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out, as it was begun.")] = False,
    network: Annotated[
        str | None,
        _option(
            "compact, seed-resnet50, seed-unet, or timm: and any timm encoder, such as timm:resnet50.", OF_RECIPE
        ),
    ] = None,
    steps: Annotated[int | None, _option("Optimiser steps.", OF_RECIPE, least=1)] = None,
    batch: Annotated[int | None, _option("Crops per step.", OF_RECIPE, least=1)] = None,
    crop_px: Annotated[int | None, _option("Side of the crops in px, a multiple of 32.", OF_RECIPE, least=64)] = None,
    logger: Annotated[list[Logger] | None, _option("Log there too, in the run's folder; may be repeated.")] = None,
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
    figures = [(name, f"{trained.history[name].iloc[-1]:.4g}") for name in trained.history.columns]
    if trained.judged is not None:
        judged = trained.judged
        figures += [(name, f"{value:.4g}") for name, value in judged.cleaning.model_dump().items()]
        figures += [("held-out painted_dice", f"{judged.painted_dice:.3f}")]
        figures += [("held-out false_alarm_rate", f"{judged.false_alarm_rate:.3f}")]
        figures += [("held-out miss_rate", f"{judged.miss_rate:.3f}")]
    show_table(["figure", "value"], figures)
    say(f"model: {trained.model}")
    notice(f"try it: fissura segment PHOTOGRAPHS --model {shlex.quote(str(trained.model))} --out masks")


@app.command(
    cls=Verb,
    epilog=_examples(
        "fissura segment wall.jpg --model runs/walls/model.onnx --out masks",
        "fissura segment new-photographs --model model.onnx --out masks --high 0.8 --min-extent-px 100",
        "fissura segment new-photographs --model model.onnx --out masks --resume",
    ),
)
def segment(
    photos: Annotated[list[Path], _argument("Photographs, and folders searched through and through.")],
    model: Model,
    out: Annotated[Path, _option("Folder for results.csv, probability/, masks/ and overlays/.")],
    low: Annotated[float | None, _option("Probability that a crack pixel must exceed.", OF_MODEL)] = None,
    high: Annotated[float | None, _option("Probability that a crack must reach somewhere.", OF_MODEL)] = None,
    min_extent_px: Annotated[float | None, _option("Least extent of a crack in px.", OF_MODEL)] = None,
    min_extent_fraction: Annotated[
        float | None,
        _option("Least extent as a fraction of the shorter side; the smaller of the two demands counts.", OF_MODEL),
    ] = None,
    max_megapixels: Annotated[float, typer.Option(help="Skip larger photographs.")] = 64.0,
    rle: Annotated[
        bool, typer.Option("--rle", help="Write submission.csv too, run-length encoded as the original system's.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Pass over what an earlier run with equal settings has finished.")
    ] = False,
) -> None:
    """Find the cracks: probability maps, masks, overlays and a table of verdicts."""
    with progress("Segmenting") as advance:
        results = fissura.segment(
            photos,
            model=model,
            out=out,
            low=low,
            high=high,
            min_extent_px=min_extent_px,
            min_extent_fraction=min_extent_fraction,
            max_megapixels=max_megapixels,
            submission=rle,
            resume=resume,
            progress=advance,
        )
    name_skipped([f"{one.path}: {one.reason}" for one in results.skipped], str(results.table))
    if not results.segmented:
        fail(f"{results.table}: not one photograph could be segmented; the reasons stand there")
    show_table(
        ["photographs", "number"],
        [
            ("cracked", results.cracked),
            ("uncracked", results.segmented - results.cracked),
            ("skipped", len(results.skipped)),
        ],
    )
    say(f"table: {results.table}")


@app.command(
    cls=Verb,
    epilog=_examples(
        "fissura evaluate walls --model runs/walls/model.onnx",
        "fissura evaluate walls --model runs/walls/model.onnx --out score",
    ),
)
def evaluate(
    data: Data,
    model: Model,
    out: Annotated[Path | None, _option("Folder for tables and plots.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap behind the intervals.")] = 0,
) -> None:
    """Score a model on photographs with human masks, of a data set with splits on its test split."""
    with progress("Scoring") as advance:
        evaluation = fissura.evaluate(data, model=model, out=out, seed=seed, progress=advance)
    name_skipped([one.reason for one in evaluation.skipped], str(out / "summary.json") if out else "")
    summary = evaluation.summary
    scopes = list(summary["scope"].unique())
    cells = {(row.metric, row.scope): _with_interval(row) for row in summary.itertuples()}
    show_table(
        ["figure", *scopes],
        [(metric, *(cells[metric, scope] for scope in scopes)) for metric in summary["metric"].unique()],
    )
    say(f"scored: {len(evaluation.photos)} photographs; in brackets the 95 % intervals")
    if out is not None:
        say(f"tables and plots: {out}")


@app.command("import", cls=Verb, epilog=_examples("fissura import unet.pth --out unet.onnx"))
def import_(
    checkpoint: Annotated[Path, _argument("A .pth or .pt file of the original system.")],
    out: Annotated[Path, _option("The model file (.onnx) to write.")],
) -> None:
    """Turn a checkpoint of the original system into a model file; no code in it is ever run."""
    notice("loading torch")
    card = fissura.import_checkpoint(checkpoint, out)
    show_table(["model", "value"], [("network", card.network), ("normalisation", card.normalisation)])
    say(f"model: {out}")


def main() -> None:
    """Run the command line."""
    stop_on_sigterm()
    app(prog_name="fissura")


def _with_interval(row: Any) -> str:
    if row.value != row.value:  # NaN: nothing in the data can answer
        return "-"
    if row.low95 != row.low95:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} ({row.low95:.3f}-{row.high95:.3f})"


if __name__ == "__main__":
    main()
