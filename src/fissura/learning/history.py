"""The history of a run: a row per epoch, as a table and as a plot."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fissura.files import written_whole


def write_history(folder: Path, history: pd.DataFrame) -> None:
    """Write ``history.csv`` and ``history.png``.

    Args:
        folder: the run's folder.
        history: a row per epoch with the columns epoch, step, loss, painted_dice, image_accuracy, selection (all
            in [0, 1] but the first three) and seconds since the run began.

    Raises:
        FissuraError: if they cannot be written.
    """
    with written_whole(folder / "history.csv") as temporary:
        history.to_csv(temporary, index=False)
    with written_whole(folder / "history.png") as temporary:
        _plot(history).savefig(temporary, dpi=120)


def _plot(history: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(history["step"], history["loss"], color="#444444", marker=".")
    left.set(xlabel="step", ylabel="training loss", ylim=(0, None))
    right.plot(history["step"], history["painted_dice"], marker=".", label="Dice on crops of exact truth")
    right.plot(history["step"], history["image_accuracy"], marker=".", label="image-level accuracy (balanced)")
    right.set(xlabel="step", ylim=(0, 1.02), title="held-out photographs")
    right.legend(loc="lower right", fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure
