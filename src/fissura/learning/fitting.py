"""The training loop, top to bottom: proposals, steps, validation, checkpoints.

The loop is ours and short; Lightning Fabric gives it arithmetic, devices and loggers. Everything random comes from
the streams or the number of the epoch, so a run that is taken up at the end of an epoch goes on as if it had never
stopped.
"""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_bool
from functools import partial
from typing import Any

import pandas as pd
import torch
from lightning.fabric import Fabric
from lightning.fabric.loggers.logger import Logger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fissura.files import written_whole
from fissura.learning.history import write_history
from fissura.learning.learner import Learner
from fissura.learning.losses import label_loss, pixel_loss
from fissura.learning.progress import Bar
from fissura.learning.recipe import Recipe
from fissura.learning.run import Plan, RunFolder
from fissura.learning.stopping import leave_signals_to_parent, stopping_between_steps
from fissura.learning.streams import Sample, Stream
from fissura.learning.validating import Validation
from fissura.segmenting import usable_cores

logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # Fabric logs there too; the bar says it better

_NICENESS = 10  # of loading processes

Propose = Callable[[nn.Module, int, Callable[[], None]], None]


def fit(
    learner: Learner,
    plan: Plan,
    folder: RunFolder,
    stream: Stream,
    validation: Validation,
    propose: Propose,
    *,
    loggers: Sequence[Logger] = (),
    progress: bool = False,
) -> tuple[pd.DataFrame, int]:
    """Train until the plan's last step, from the folder's last checkpoint if there is one.

    Args:
        learner: a fresh one; when the run ends, it is as the epoch that mask-free selection likes best left it.
        plan: what was asked for.
        folder: where checkpoints and history are kept.
        stream: the crops to learn from, by index.
        validation: what is known of held-out photographs.
        propose: writes the proposals of a self-training round, given the teacher's network, the number of the round,
            and what to call after each photograph.
        loggers: also told each epoch's figures.
        progress: whether to draw a progress bar on the terminal.

    Returns:
        The history: a row per epoch; and the epoch, from 1, that was kept.

    Raises:
        KeyboardInterrupt: if Ctrl-C or SIGTERM asked it to stop; the last checkpoint stands.
    """
    recipe = plan.recipe
    torch.set_num_threads(plan.threads)
    fabric = Fabric(accelerator="auto", devices=1, precision=plan.precision, loggers=list(loggers))
    rows: list[dict[str, float]] = []
    student, optimiser = fabric.setup(learner.student, learner.optimiser)
    learner.teacher.to(fabric.device)
    if folder.last.exists():  # taken up where the network is by now, for the optimiser's state does not follow it
        rows = learner.load(folder.last)
    is_over = multiprocessing.RawValue(c_bool, False)
    with (
        stopping_between_steps() as stop_if_asked,
        _true_at_the_end(is_over),
        Bar(recipe.total_steps, shown=progress) as bar,
    ):
        for epoch in range(len(rows), recipe.epochs):
            began, first = time.monotonic(), epoch * recipe.epoch_steps
            torch.manual_seed(plan.seed + epoch)  # of what a network leaves out at random
            round_ = recipe.self_training_round(first)
            if round_ > recipe.self_training_round(first - 1):
                bar.say(f"self-training, round {round_}: the teacher proposes")
                propose(learner.network, round_, stop_if_asked)
            loss_sum = 0.0
            for step, batch in enumerate(_loader(stream, recipe, epoch, plan.threads, is_over), start=first + 1):
                loss = _loss(student, fabric.to_device(batch), recipe)
                optimiser.zero_grad()
                fabric.backward(loss)
                optimiser.step()
                learner.follow()
                loss_sum += float(loss.detach())
                bar.advance(step)
                stop_if_asked()
            with fabric.autocast():
                figures = {"loss": loss_sum / recipe.epoch_steps} | validation.judge(learner.network, fabric.device)
            seconds = time.monotonic() - began + (rows[-1]["seconds"] if rows else 0.0)
            rows.append({"epoch": epoch + 1, "step": step, **figures, "seconds": round(seconds, 1)})
            bar.say("  ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in figures.items()))
            fabric.log_dict(figures, step=step)
            _keep(learner, rows, folder, recipe)
    for logger in loggers:
        logger.finalize("success")
    return pd.DataFrame(rows), len(learner.load(folder.best))


def _loader(stream: Stream, recipe: Recipe, epoch: int, threads: int, is_over: Any) -> DataLoader[Sample]:
    samples = recipe.epoch_steps * recipe.batch
    # A forked process alone inherits the guard that no test photograph is opened; without it, this one loads.
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    return DataLoader(
        stream,
        batch_size=recipe.batch,
        sampler=range(epoch * samples, (epoch + 1) * samples),
        num_workers=min(threads, usable_cores()) if can_fork else 0,
        prefetch_factor=4 if can_fork else None,
        multiprocessing_context="fork" if can_fork else None,
        worker_init_fn=partial(_begin_loading, is_over),
    )


@contextmanager
def _true_at_the_end(value: Any) -> Iterator[None]:
    try:
        yield
    finally:
        value.value = True


def _begin_loading(is_over: Any, _worker: int) -> None:
    """Let a loading process use what the network leaves: its threads wait for each other, so all for a slow one."""
    leave_signals_to_parent(is_over)
    os.nice(_NICENESS)


def _loss(student: nn.Module, batch: Sample, recipe: Recipe) -> Tensor:
    photos = batch["photo"].contiguous(memory_format=torch.channels_last)  # (B, planes, S, S)
    logits = student(photos)  # (B, 1, S, S)
    if recipe.method == "max-pool":
        return label_loss(logits, batch["label"], recipe.pooling)
    return pixel_loss(logits, batch["truth"])


def _keep(learner: Learner, rows: list[dict[str, float]], folder: RunFolder, recipe: Recipe) -> None:
    """Write history and checkpoints, last the one to resume from: until it stands, the epoch counts as not done."""
    write_history(folder.path, pd.DataFrame(rows))
    checkpoint: dict[str, Any] = {"learner": learner.state(), "rows": rows}
    # Painted cracks, which decide where all labels are right, know nothing of what a round taught about real ones.
    round_ = recipe.self_training_round(int(rows[-1]["step"]) - 1)
    rivals = [row for row in rows if recipe.self_training_round(int(row["step"]) - 1) == round_]
    is_best = rows[-1]["selection"] >= max(row["selection"] for row in rivals)
    content = io.BytesIO()  # torch's own writing hides from us that a disk is full
    torch.save(checkpoint, content)
    for path in [folder.best] * is_best + [folder.last]:
        with written_whole(path) as temporary:
            temporary.write_bytes(content.getbuffer())
