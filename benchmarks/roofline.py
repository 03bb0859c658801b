"""How near to the machine's own peak the networks run: ``python benchmarks/roofline.py``.

The original's ResNet-50 U-Net (random weights, which cost as much as trained ones) and the network of the
bundled model run on photographs of 448 x 448 px, each engine and arithmetic in turn, all cores on one at a time.
Each turn lasts ``--seconds``; the best of ``--rounds`` turns counts. The peak is the machine's product of float32
matrices, measured in the same run. Figures go to ``results/roofline.md``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fissura.learning.exporting import export_model
from fissura.learning.networks import build_network
from fissura.learning.quantising import write_int8
from fissura.painting import draw_surface
from fissura.segmenting import (
    bundled_model,
    installed_engines,
    matrix_product_peak,
    multiply_adds,
    open_engine,
    read_card,
    usable_cores,
)
from report.section import machine, write_section

SIDE_PX = 448
LEAST_SHARE, LEAST_GAIN = 0.5, 1.7


@dataclass
class Turn:
    """A network in an engine and an arithmetic."""

    network: str
    engine: str
    arithmetic: str
    multiply_adds: int
    best_s: float = np.inf

    @property
    def rate(self) -> float:
        """Multiply-adds per second."""
        return self.multiply_adds / self.best_s


def main() -> None:
    """Measure, then write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        turns = [turn for name, file in _models(Path(folder)).items() for turn in _turns(name, file, Path(folder))]
        peak = 0.0
        for _ in range(options.rounds):
            peak = max(peak, matrix_product_peak())
            for turn, run in turns:
                turn.best_s = min(turn.best_s, _seconds(run, options.seconds))
                print(f"{turn.network}, {turn.engine}, {turn.arithmetic}: {1000 * turn.best_s:.1f} ms", flush=True)
    _write([turn for turn, _ in turns], peak)


def _models(folder: Path) -> dict[str, Path]:
    original = folder / "original.onnx"
    network = build_network("seed-resnet50", pretrained=False)
    card = {"network": "seed-resnet50", "normalisation": "imagenet", "tile_px": 448, "multiple_px": 32}
    export_model(network, read_card(bundled_model()).model_copy(update=card), original)
    return {"ResNet-50 U-Net": original, read_card(bundled_model()).network: bundled_model()}


def _turns(name: str, file: Path, folder: Path) -> list[tuple[Turn, Callable[[], object]]]:
    shape = (1, read_card(file).planes, SIDE_PX, SIDE_PX)
    photo = np.random.default_rng(0).standard_normal(shape, np.float32)
    count = multiply_adds(file.read_bytes(), SIDE_PX, SIDE_PX)
    small, rng = folder / f"int8-{file.name}", np.random.default_rng(0)
    write_int8(file, [draw_surface("concrete", 256, 256, rng) for _ in range(2)], small, rng)
    turns: list[tuple[Turn, Callable[[], object]]] = []
    for arithmetic, model in (("float32", file), ("int8", small)):
        for engine in installed_engines():
            opened, _ = open_engine(model, engine, threads=usable_cores())
            said = "int8" if arithmetic == "int8" else opened.arithmetic.removesuffix(" on CPU")
            turns.append((Turn(name, engine, said, count), partial(opened.run, photo)))
    if "openvino" in installed_engines():
        turns.append((Turn(name, "openvino", "float32", count), partial(_openvino_float32(file), photo)))
    for _, run in turns:
        run()
    return turns


def _openvino_float32(file: Path) -> Callable[[NDArray[np.float32]], object]:
    """Open a model in OpenVINO as Fissura does, but keep it from choosing bfloat16."""
    import openvino

    settings: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": usable_cores(),
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    core = openvino.Core()
    request = core.compile_model(core.read_model(file), "CPU", settings).create_infer_request()
    return lambda photo: request.infer({"photo": photo}, share_inputs=True)


def _seconds(run: Callable[[], object], least_s: float) -> float:
    """Run for at least that long and give the mean time of a run: what can be sustained."""
    runs, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < least_s:
        run()
        runs += 1
    return (time.perf_counter() - begun) / runs


def _write(turns: list[Turn], peak: float) -> None:
    lines = [
        "### Share of the machine's peak",
        "",
        f"{SIDE_PX} x {SIDE_PX} px, one photograph at a time. {machine()}. Product of float32 matrices: "
        f"{peak / 1e9:.0f} G multiply-adds per second.",
        "",
        "| network | engine | arithmetic | ms | G multiply-adds per s | share of the peak |",
        "|---|---|---|---|---|---|",
        *(
            f"| {turn.network} | {turn.engine} | {turn.arithmetic} | {1000 * turn.best_s:.1f} "
            f"| {turn.rate / 1e9:.0f} | {turn.rate / peak:.0%} |"
            for turn in turns
        ),
        "",
        "| aim | reached | |",
        "|---|---|---|",
        *_aims(turns, peak),
    ]
    facts = {"machine": machine(), "peak_multiply_adds_per_s": peak, "turns": [asdict(turn) for turn in turns]}
    write_section("roofline", facts, "\n".join(lines))
    print("\n".join(lines))


def _aims(turns: list[Turn], peak: float) -> list[str]:
    best: dict[tuple[str, str], float] = {}
    for turn in turns:
        key = (turn.network, turn.arithmetic)
        best[key] = max(best.get(key, 0.0), turn.rate)
    share = best["ResNet-50 U-Net", "float32"] / peak
    aim = f"ResNet-50 U-Net in float32 at {LEAST_SHARE:.0%} of the peak"
    lines = [f"| {aim} | {share:.0%} | {_yes(share >= LEAST_SHARE)} |"]
    for network in dict.fromkeys(turn.network for turn in turns):
        if (network, "int8") not in best:
            continue
        others = max(rate for (name, kind), rate in best.items() if name == network and kind != "int8")
        gain = best[network, "int8"] / others
        lines.append(
            f"| {network}: int8 {LEAST_GAIN} times as fast as the best other | {gain:.2f} "
            f"| {_yes(gain >= LEAST_GAIN)} |"
        )
    return lines


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


if __name__ == "__main__":
    main()
