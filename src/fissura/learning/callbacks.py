"""What happens around the steps of a run: progress, proposals, checkpoints."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import ModelCheckpoint
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fissura.learning.task import SegmentationTask


def checkpoints(folder: Path) -> ModelCheckpoint:
    """Keep the last epoch, to resume from, and the one that mask-free selection likes best."""
    return ModelCheckpoint(
        dirpath=folder,
        filename="best",
        monitor="selection",
        mode="max",
        save_last=True,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


class SelfTraining(lightning.Callback):
    """Lets the teacher propose masks for the cracked photographs when a round begins.

    Args:
        propose: writes the proposals of a round, given the task and the round's number.
    """

    def __init__(self, propose: Callable[[SegmentationTask, int], None]) -> None:
        self._propose = propose

    def on_train_epoch_start(self, trainer: lightning.Trainer, task: lightning.LightningModule) -> None:
        """Propose if this epoch is the first of a round."""
        assert isinstance(task, SegmentationTask)
        step = trainer.current_epoch * task.recipe.epoch_steps
        round_ = task.recipe.self_training_round(step)
        if round_ and (step == 0 or task.recipe.self_training_round(step - 1) != round_):
            self._propose(task, round_)


class ProgressBar(lightning.pytorch.callbacks.ProgressBar):
    """One bar for the whole run: steps, loss, validation, time left. Silent where nobody watches."""

    def __init__(self) -> None:
        super().__init__()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )

    def on_train_start(self, trainer: lightning.Trainer, task: lightning.LightningModule) -> None:
        """Start the bar where the run starts, which after a resume is not 0."""
        assert isinstance(task, SegmentationTask)
        self._bar.start()
        self._steps = self._bar.add_task(
            "Training", total=task.recipe.total_steps, completed=trainer.global_step, figures=""
        )

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Move on by a step."""
        self._bar.update(self._steps, completed=trainer.global_step)

    def on_train_epoch_end(self, trainer: lightning.Trainer, _task: lightning.LightningModule) -> None:
        """Show the epoch's figures."""
        figures = trainer.callback_metrics
        self._bar.update(
            self._steps,
            figures=f"loss {figures['loss']:.3f}  painted Dice {figures['painted_dice']:.3f}  "
            f"image accuracy {figures['image_accuracy']:.3f}",
        )

    def teardown(self, *_: Any, **__: Any) -> None:
        """Leave the terminal as it was, also after an interrupt."""
        self._bar.stop()
