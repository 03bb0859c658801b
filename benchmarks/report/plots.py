"""The pictures of RESULTS.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Patch

from fissura.files import written_whole
from report.figures import MEAN, Figure, Method
from report.targets import DICE, FALSE_ALARMS

COLOURS = {  # by what a method learns from
    "labels": "#0b6e4f",
    "human masks": "#6b7a8f",
    "uncracked photographs": "#8e5572",
    "nothing": "#b9b3a9",
    "other photographs": "#c98a1b",
}


def draw_bars(methods: list[Method], sources: list[str], path: Path) -> None:
    """Draw a panel per source and one of their mean: a bar per method with its interval."""
    panels = [*sources, MEAN]
    picture = Picture(figsize=(10, 1.1 + 0.27 * len(methods)), layout="constrained")
    all_axes = np.atleast_1d(picture.subplots(1, len(panels), sharey=True))
    places = np.arange(len(methods))[::-1]
    for axes, panel in zip(all_axes, panels, strict=True):
        for place, method in zip(places, methods, strict=True):
            figure = method.figure(panel, DICE)
            if figure is None:
                continue
            reach = np.reshape(figure.reach, (2, 1))
            axes.barh(place, figure.value, xerr=reach, color=_colour(method), height=0.75, capsize=2)
        axes.set(title=panel, xlim=(0, 1), yticks=places, yticklabels=[_title(method) for method in methods])
        _tidy(axes, grid="x")
    bars = "95 % interval or, of several seeds, the standard deviation"
    picture.supxlabel(f"Dice of the cracked photographs, with the {bars}", fontsize=9)
    picture.legend(handles=_legend(methods), ncols=4, fontsize=8, frameon=False, loc="outside upper center")
    _save(picture, path)


def draw_against_cost(methods: list[Method], path: Path) -> None:
    """Draw Dice, mean of sources, against the CPU minutes of training."""
    methods = sorted(methods, key=lambda one: one.value(MEAN, DICE))
    picture = Picture(figsize=(8, 4.2), layout="constrained")
    axes = picture.subplots()
    dice = [method.value(MEAN, DICE) for method in methods]
    for method, height, place in zip(methods, dice, _spread(dice, min(0.05, 1 / max(len(dice), 1))), strict=True):
        minutes = max(method.cpu_minutes, 0.1)
        axes.plot(minutes, height, "o", color=_colour(method), markersize=6)
        axes.annotate(
            _title(method),
            (minutes, height),
            (1.02, place),
            textcoords=axes.get_yaxis_transform(),
            fontsize=8,
            va="center",
            arrowprops={"arrowstyle": "-", "color": "#cccccc", "linewidth": 0.7, "shrinkB": 4, "relpos": (0, 0.5)},
        )
    minutes = "CPU minutes of training, or of tuning where nothing is trained"
    axes.set(xscale="log", ylim=(0, 1), xlabel=minutes, ylabel="Dice, mean of sources")
    axes.margins(x=0.1)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(handles=_legend(methods), fontsize=8, frameon=False, loc="upper left")
    _tidy(axes, grid="both")
    _save(picture, path)


def draw_against_uncracked(methods: list[Method], sources: list[str], path: Path) -> bool:
    """Draw Dice and false alarms against the number of uncracked photographs; False if there is only one number."""
    few = [method for method in methods if method.row.uncracked is not None]
    recipes = [method.row.settings for method in few]
    full = [method for method in methods if method.row.uncracked is None and method.row.settings in recipes]
    if not few or not full:
        return False
    line = sorted(few, key=lambda method: method.row.uncracked or 0) + full
    picture = Picture(figsize=(9, 3.6), layout="constrained")
    left, right = picture.subplots(1, 2)
    for index, source in enumerate([*sources, MEAN]):
        style = {"color": "#0b6e4f", "linewidth": 2.5} if source == MEAN else {"linewidth": 1.2}
        offset = 0.04 * (index - len(sources) / 2)  # or the bars of error would meet
        _draw_line(left, [method.figure(source, DICE) for method in line], offset, label=source, **style)
    _draw_line(right, [method.figure("overall", FALSE_ALARMS) for method in line], color="#0b6e4f", linewidth=2.5)
    left.legend(fontsize=8, frameon=False)
    left.set(ylabel="Dice of the cracked photographs", ylim=(0, 1))
    right.set(ylabel="false alarms, share of uncracked ones")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        numbers = [str(method.row.uncracked or "all") + "*" * method.is_stale for method in line]
        axes.set(xticks=range(len(line)), xticklabels=numbers, xlabel="uncracked photographs to learn from")
        _tidy(axes, grid="y")
    _save(picture, path)
    return True


def _draw_line(axes: Axes, figures: list[Figure | None], offset: float = 0.0, **style: Any) -> None:
    found = [(at + offset, figure) for at, figure in enumerate(figures) if figure]
    values, reach = [figure.value for _, figure in found], np.transpose([figure.reach for _, figure in found])
    axes.errorbar(
        [at for at, _ in found], values, reach, marker="o", markersize=4, capsize=2, elinewidth=1.2, **style
    )


def _spread(heights: list[float], gap: float) -> list[float]:
    """Move rising heights in [0, 1] apart, so that names written there do not meet."""
    places = np.array(heights)
    for at in range(1, len(places)):
        places[at] = max(places[at], places[at - 1] + gap)
    ceiling = 1.0
    for at in reversed(range(len(places))):
        places[at] = min(places[at], ceiling)
        ceiling = places[at] - gap
    return [float(place) for place in places]


def _title(method: Method) -> str:
    return method.row.name + ("*" if method.is_stale else "")


def _colour(method: Method) -> str:
    return COLOURS[method.row.supervision]


def _legend(methods: list[Method]) -> list[Patch]:
    there = {method.row.supervision for method in methods}
    return [Patch(color=colour, label=f"learns from {what}") for what, colour in COLOURS.items() if what in there]


def _tidy(axes: Axes, grid: Literal["x", "y", "both"]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)


def _save(picture: Picture, path: Path) -> None:
    with written_whole(path) as temporary:
        picture.savefig(temporary, dpi=150)
