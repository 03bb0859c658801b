"""Verbs about speed: to make a model smaller, and to measure what it does on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import fissura
from fissura.cli.app import app
from fissura.cli.options import DATA_HELP, Engine, Model, argument, examples, option, seeded
from fissura.terminal import Verb, notice, say, show_table


@app.command(
    cls=Verb,
    epilog=examples(
        "fissura quantise walls --model runs/walls/model.onnx --out walls-int8.onnx",
        "fissura quantise --out small.onnx",
    ),
)
def quantise(
    out: Annotated[Path, option("The 8-bit model file (.onnx) to write.")],
    data: Annotated[
        list[Path] | None,
        argument(f"{DATA_HELP} Their uncracked photographs are used; procedural surfaces if not given."),
    ] = None,
    model: Model = None,
    seed: Annotated[int, seeded("The same seed gives the same model.")] = 0,
) -> None:
    """Make a model compute in 8 bits: about twice as fast, with almost the same masks."""
    notice("loading torch")
    quantised = fissura.quantise(model, out=out, data=data or (), seed=seed)
    show_table(["figure", "value"], [("agreement with the original (Dice)", f"{quantised.dice:.4f}")])
    say(f"model: {quantised.model}")
    notice(f"see what it gains: fissura benchmark-engine --model {shlex.quote(str(out))}")


@app.command(
    "benchmark-engine",
    cls=Verb,
    epilog=examples("fissura benchmark-engine", "fissura benchmark-engine --model walls-int8.onnx --engine openvino"),
)
def benchmark_engine(model: Model = None, engine: Engine = "auto") -> None:
    """Measure a model on this machine: each stage's speed, and the share of the machine's peak."""
    measured = fissura.benchmark_engine(model, engine=engine)
    notice(f"engine: {measured.engine}, {measured.threads} threads")
    show_table(
        ["stage", "ms per megapixel", "megapixels per second"],
        [(stage, f"{ms:.1f}", f"{1000 / ms:.1f}") for stage, ms in measured.ms_per_megapixel.items()],
    )
    say(f"matrix product in float32: {measured.peak_multiply_adds / 1e9:.1f} G multiply-adds per second")
    if measured.roofline_share is None:
        notice(measured.not_counted)
        return
    per_px, alone_ms = measured.multiply_adds_per_px, measured.network_ms_per_megapixel
    say(f"network alone, on one tile: {alone_ms:.1f} ms per megapixel, {per_px:,.0f} multiply-adds per pixel")
    say(f"its share of the matrix product's speed: {measured.roofline_share:.0%}")
