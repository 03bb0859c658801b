"""Dice against time: ``python benchmarks/pareto.py``, after `field.py` has trained its rows.

Every trained row of ``results/field`` whose model file is still in ``runs/`` is measured in every engine, as it is
and in 8 bits, and so is the bundled model; the classical filters are measured as they are. In one run each takes its
turn on the same photographs of the test split, decoded beforehand, from pixels to mask; the mean over photographs
of the best of ``--rounds`` counts. In 8 bits a glance first
(``--glance``) is a way of its own. Dice is that of the test split: of the result file for float32, scored anew for
other arithmetic. Figures and plot go to ``results/pareto.md`` and ``pareto.png``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from field import DATA, RESULTS, RUNS
from fissura.files import written_whole
from fissura.learning.quantising import quantise
from fissura.photos import DataSet, load_data, read_photo
from fissura.scoring import evaluate
from fissura.segmenting import Cleaning, Segmenter, bundled_model, clean, installed_engines, read_card
from methods.classical import CLASSICAL
from report.plots import COLOURS
from report.section import RESULTS as SECTIONS
from report.section import machine, write_section
from row import Row
from rows import ROWS, read_results

PHOTOS = 24  # of each of which the time is taken
NEAR = 0.06  # of the best Dice: those are drawn a second time, larger
MARKERS = "oDs^vPX*"  # by engine and arithmetic
# Of models, in the order of the rows; those of other plots first, where colours tell what a method learns from.
PALETTE = [
    COLOURS["labels"],
    COLOURS["human masks"],
    COLOURS["other photographs"],
    "#a5473f",
    "#7fb7d6",
    "#b5c95a",
    "#444444",
]

Segment = Callable[[NDArray[np.uint8]], object]


@dataclass
class Point:
    """A way to segment: what it is called, what it learns from, how good and how slow it is."""

    name: str
    supervision: str
    dice: float
    ms_per_megapixel: float = np.inf


def main() -> None:
    """Measure, then write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--redraw", action="store_true", help="measure nothing, draw the plot again")
    options = parser.parse_args()
    if options.redraw:
        facts = json.loads((SECTIONS / "pareto.json").read_text("utf-8"))
        _draw([Point(**point) for point in facts["points"]])
        return
    test = load_data(DATA).with_split("test")
    photos = [read_photo(photo.path) for photo in test.photos[:: max(1, len(test) // PHOTOS)]]
    with tempfile.TemporaryDirectory() as folder:
        ways = list(_ways(test, Path(folder)))
        for _, segment in ways:
            segment(photos[0])
        times = np.full((len(ways), len(photos)), np.inf)
        for _ in range(options.rounds):
            for (at, photo), (way, (_, segment)) in (
                (one, other) for one in enumerate(photos) for other in enumerate(ways)
            ):
                begun = time.perf_counter()
                segment(photo)
                taken = 1000 * (time.perf_counter() - begun) / (photo.shape[0] * photo.shape[1] / 1e6)
                times[way, at] = min(times[way, at], taken)
    points = [point for point, _ in ways]
    for point, taken in zip(points, times.mean(axis=1), strict=True):
        point.ms_per_megapixel = round(float(taken), 2)
    points.sort(key=lambda point: point.ms_per_megapixel)
    _write(points)


def _ways(test: DataSet, folder: Path) -> list[tuple[Point, Segment]]:
    ways: list[tuple[Point, Segment]] = []
    seen: set[tuple[object, str]] = set()
    for row, result in read_results(RESULTS):
        dice = _dice(result["summary"])
        if row.method in CLASSICAL:
            ways.append((Point(row.name, row.supervision, dice), _filter(row, result["cleaning"])))
        model = bundled_model() if row.method == "box" else RUNS / f"{row.name}-{row.seed}-{row.digest()}/model.onnx"
        if row.method not in ("recipe", "box") or row.seed or not model.exists():
            continue
        kind = (result.get("recipe", {}).get("network", row.method), row.supervision)
        if kind in seen:  # an ablation of one that is there, as fast as it
            continue
        seen.add(kind)
        small: Path | None = folder / f"{row.name}.onnx"
        try:
            quantise(model, [], folder / f"{row.name}.onnx")
        except Exception as error:  # a row, not the run, is lost
            print(f"{row.name}: not in 8 bits ({error})")
            small = None
        for arithmetic, file in (("float32", model), ("int8", small)):
            for engine, glance in itertools.product(installed_engines() if file else (), (False, True)):
                if glance and (arithmetic != "int8" or read_card(file).glance_below is None):
                    continue
                segmenter = Segmenter(file, engine=engine, glance=glance)
                name = f"{row.name}, {engine}, {arithmetic if arithmetic == 'int8' else segmenter.engine.arithmetic}"
                name = name.removesuffix(" on CPU") + (", glance" if glance else "")
                exact = name.endswith("float32")
                print(name, flush=True)
                value = dice if exact else _dice(json.loads(_summary(test, segmenter)))
                ways.append((Point(name, row.supervision, value), segmenter.segment))
    return ways


def _filter(row: Row, cleaning: dict[str, float]) -> Segment:
    score, settings = CLASSICAL[row.method], Cleaning(**cleaning)
    return lambda photo: clean(score(photo), settings)


def _summary(test: DataSet, segmenter: Segmenter) -> str:
    return str(evaluate(test, segmenter.segment).summary.to_json(orient="records", double_precision=6))


def _dice(summary: list[dict[str, float | str]]) -> float:
    """Give the mean over the sources of the Dice of cracked photographs."""
    return next(
        float(one["value"]) for one in summary if (one["scope"], one["metric"]) == ("mean of sources", "dice_cracked")
    )


def _front(points: list[Point]) -> list[Point]:
    """Keep the points that none is both faster and better than; they come sorted by time."""
    front: list[Point] = []
    for point in points:
        if not front or point.dice > front[-1].dice:
            front.append(point)
    return front


def _write(points: list[Point]) -> None:
    front = _front(points)
    lines = ["### Dice against time", "", f"Pixels to mask, photographs of the test split. {machine()}.", ""]
    lines += ["| way | ms per megapixel | Dice, mean of sources | on the front |", "|---|---|---|---|"]
    lines += [
        f"| {point.name} | {point.ms_per_megapixel:.1f} | {point.dice:.3f} | {'yes' if point in front else ''} |"
        for point in points
    ]
    facts = {"machine": machine(), "points": [asdict(point) for point in points]}
    write_section("pareto", facts, "\n".join(lines))
    _draw(points)
    print("\n".join(lines))


def _draw(points: list[Point]) -> None:
    """Draw all points, and beside them those that are nearly as good as the best, for they lie close together."""
    front, best = _front(points), max(point.dice for point in points)
    near = [point for point in points if point.dice > best - NEAR]
    ways = sorted({_way(point) for point in points})
    colours = _colours(points)
    picture = Picture(figsize=(11, 4.8), layout="constrained")
    for axes, shown in zip(picture.subplots(1, 2), (points, near), strict=True):
        axes.plot([one.ms_per_megapixel for one in front], [one.dice for one in front], color="#cccccc", zorder=0)
        for point in shown:
            colour = colours.get(_model(point), COLOURS["nothing"])
            marker = MARKERS[ways.index(_way(point)) % len(MARKERS)]
            axes.plot(point.ms_per_megapixel, point.dice, marker, color=colour, markersize=7, alpha=0.85)
            if "," not in point.name:
                axes.annotate(point.name, (point.ms_per_megapixel, point.dice), (6, 4), textcoords="offset points")
        axes.set(xscale="log", xlabel="ms per megapixel", ylabel="Dice, mean of sources")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e6e6e6", linewidth=0.7)
    whole, zoomed = picture.axes
    whole.set(ylim=(0, 1), title="all")
    whole.margins(x=0.2)
    times = [point.ms_per_megapixel for point in near]
    zoomed.set(xlim=(min(times) / 1.15, max(times) * 1.15), ylim=(best - NEAR, best + NEAR / 5), title="the best")
    zoomed.xaxis.set_minor_formatter("{x:g}")
    keys = [Line2D([], [], color=colour, marker="o", ls="", label=name) for name, colour in colours.items()]
    keys += [
        Line2D([], [], color="#555555", marker=marker, ls="", label=way or "scikit-image")
        for marker, way in zip(MARKERS, ways, strict=False)
    ]
    picture.legend(handles=keys, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    with written_whole(SECTIONS / "pareto.png") as temporary:
        picture.savefig(temporary, dpi=150)


def _way(point: Point) -> str:
    """Say what ran it, in which arithmetic: all of its name but the model."""
    return point.name.partition(", ")[2]


def _model(point: Point) -> str:
    return f"{point.name.partition(', ')[0]} ({point.supervision})"


def _colours(points: list[Point]) -> dict[str, str]:
    """Choose a colour for each model; filters, which no engine runs, have none."""
    order = [row.name for row in ROWS]
    models = sorted({_model(point) for point in points if _way(point)}, key=lambda name: order.index(name.split()[0]))
    return dict(zip(models, itertools.cycle(PALETTE), strict=False))


if __name__ == "__main__":
    main()
