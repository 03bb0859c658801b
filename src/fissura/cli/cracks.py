"""Verbs about cracks: to find them on photographs."""

from __future__ import annotations

import shlex
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import typer

import fissura
from fissura.cli.app import app
from fissura.cli.options import (
    Engine,
    Glance,
    High,
    Low,
    MinExtentFraction,
    MinExtentPx,
    Model,
    Views,
    argument,
    examples,
    option,
)
from fissura.terminal import Verb, fail, name_skipped, notice, progress, say, show_table


class PictureChoice(str, Enum):
    """What is written of each photograph."""

    probability = "probability"
    mask = "mask"
    overlay = "overlay"


@app.command(
    cls=Verb,
    epilog=examples(
        "fissura segment wall.jpg --out masks",
        "fissura segment new-photographs --model runs/walls/model.onnx --out masks",
        "fissura segment new-photographs --out masks --high 0.8 --min-extent-px 100",
        "fissura segment close-ups --out masks --mm-per-px 0.02",
        "fissura segment close-ups --out masks --resize auto",
        "fissura segment close-ups --out masks --views 4",
        "fissura segment survey --out masks --glance --only mask",
        "fissura segment new-photographs --out masks --resume",
    ),
)
def segment(
    photos: Annotated[list[Path], argument("Photographs, and folders searched through and through.")],
    out: Annotated[
        Path, option("Folder for results.csv, probability/, masks/, overlays/; an earlier run's are replaced.")
    ],
    model: Model = None,
    low: Low = None,
    high: High = None,
    min_extent_px: MinExtentPx = None,
    min_extent_fraction: MinExtentFraction = None,
    max_megapixels: Annotated[float, typer.Option(help="Skip larger photographs.")] = 64.0,
    engine: Engine = "auto",
    mm_per_px: Annotated[
        float | None,
        option("Millimetres that one pixel covers: the network sees close-ups smaller, at 0.1 mm per px."),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option(
            help="Factor by which the network sees photographs smaller, or larger, whatever their scale: 0.02 to 4, "
            "such as 0.25 where cracks are wider than 40 px; auto tries several on each.",
            metavar="FACTOR|auto",
            show_default=False,
        ),
    ] = None,
    glance: Glance = False,
    views: Views = 1,
    only: Annotated[
        list[PictureChoice] | None,
        option("Write pictures of this kind only; may be repeated. Measuring needs mask and probability."),
    ] = None,
    rle: Annotated[
        bool, typer.Option("--rle", help="Write submission.csv too, run-length encoded as the original system's.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Pass over what an earlier run with equal settings has finished.")
    ] = False,
) -> None:
    """Find the cracks: probability maps, masks, overlays and a table of verdicts."""
    kinds = only or list(PictureChoice)
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
            engine=engine,
            mm_per_px=mm_per_px,
            resize=None if resize is None else _factor(resize),
            glance=glance,
            views=views,
            pictures=[one.value for one in kinds],
            submission=rle,
            resume=resume,
            progress=advance,
        )
    notice(f"engine: {results.engine}")
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
    if PictureChoice.mask in kinds and PictureChoice.probability in kinds:  # what measuring reads
        scale = " --mm-per-px SCALE" if mm_per_px is None else ""
        notice(f"measure it: fissura report {shlex.quote(str(out))}{scale}")


def _factor(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is neither a number nor auto", param_hint="--resize") from None
