"""The history of a run: a row per epoch, as CSV and as a plot, the same after a resume."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import lightning
import pandas as pd
from matplotlib.figure import Figure

from fissura.files import written_whole

MEASURES = ("loss", "painted_dice", "image_accuracy", "selection")


class History(lightning.Callback):
    """Writes ``history.csv`` and ``history.png`` after each epoch.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._began = time.monotonic()
        self._seconds_before = 0.0
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: lightning.Trainer, _task: lightning.LightningModule) -> None:
        """Add the epoch's row."""
        values = {name: float(trainer.callback_metrics[name]) for name in MEASURES}
        self.rows.append(
            {
                "epoch": trainer.current_epoch + 1,
                "step": trainer.global_step,
                **values,
                "seconds": round(self._seconds_before + time.monotonic() - self._began, 1),
            }
        )
        table = pd.DataFrame(self.rows)
        with written_whole(self._folder / "history.csv") as temporary:
            table.to_csv(temporary, index=False)
        with written_whole(self._folder / "history.png") as temporary:
            _plot(table).savefig(temporary, dpi=120)

    def state_dict(self) -> dict[str, Any]:
        """Keep the rows with each checkpoint, so that a resumed run repeats none and loses none."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the rows again."""
        self.rows = list(state_dict["rows"])
        self._seconds_before = self.rows[-1]["seconds"] if self.rows else 0.0


def _plot(table: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(table["step"], table["loss"], color="#444444", marker=".")
    left.set(xlabel="step", ylabel="training loss", ylim=(0, None))
    right.plot(table["step"], table["painted_dice"], marker=".", label="Dice on painted cracks")
    right.plot(table["step"], table["image_accuracy"], marker=".", label="image-level accuracy (balanced)")
    right.set(xlabel="step", ylim=(0, 1.02), title="held-out photographs, no masks")
    right.legend(loc="lower right", fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    return figure
