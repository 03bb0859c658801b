"""Verbs about photographs to learn from, and the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import fissura
from fissura.cli.app import app
from fissura.cli.options import Data, argument, examples, option, seeded
from fissura.terminal import Verb, name_skipped, notice, progress, say, show_table


@app.command(cls=Verb, epilog=examples("fissura demo", "fissura demo --out try-it"))
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything it makes.")] = Path("demo"),
) -> None:
    """Try everything on photographs made up on the spot: train, segment, score. Needs no data."""
    from rich.console import Console

    from fissura.demo import run_demo

    Console(highlight=False).print(run_demo(out, progress=True, say=notice), soft_wrap=True)


@app.command(
    cls=Verb,
    epilog=examples("fissura inspect walls", "fissura inspect walls bridges.csv --out inspection"),
)
def inspect(
    data: Data,
    out: Annotated[Path | None, option("Folder for inspection.json and inspection.png.")] = None,
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
    epilog=examples("fissura paint --out samples", "fissura paint walls/uncracked --out samples --count 30"),
)
def paint(
    out: Annotated[Path, option("Folder for photos/, masks/ and overlays/; an earlier painting there is replaced.")],
    photos: Annotated[
        list[Path] | None, argument("Uncracked photographs or folders of them; made-up surfaces if there are none.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 12,
    size_px: Annotated[int, typer.Option(min=64, help="Side of a made-up surface in px.")] = 448,
    seed: Annotated[int, seeded("The same seed paints the same.")] = 0,
) -> None:
    """Paint cracks on photographs that show none, for a look: photographs, masks, overlays."""
    skipped: list[str] = []
    painted = fissura.paint(photos or (), out=out, count=count, size_px=size_px, seed=seed, skipped=skipped.append)
    name_skipped(skipped, "")
    say(f"painted: {len(painted)} photographs, in {out / 'overlays'}")
