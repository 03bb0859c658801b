"""What a training run changes: the network, its moving average, the optimiser."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fissura.errors import FissuraError
from fissura.learning.bundled_start import take_bundled_weights
from fissura.learning.networks import build_network
from fissura.learning.recipe import Recipe
from fissura.segmenting.normalising import PLANES

EMA_DECAY = 0.995  # remembers about 200 steps: long enough to smooth, short enough to follow
WARM_UP = 0.05  # share of the steps in which the learning rate rises


class Learner:
    """The network (*student*), its moving average (*teacher*), the optimiser and its schedule.

    The teacher is what is validated, asked for proposals and kept (Tarvainen and Valpola 2017, arXiv:1703.01780).
    Where it began as the bundled model, part of the way back is gone first: the mean of the weights before and after
    knows the new surfaces and has not forgotten the others (Wortsman et al. 2022, arXiv:2109.01903).

    Args:
        recipe: the recipe.
        seed: seed of the network's first weights.

    Attributes:
        student: the network that learns.
        teacher: the moving average of its weights.
        start: the bundled model's network, where the run begins with it; otherwise None.
        optimiser: AdamW.
        schedule: of the learning rate, by step.
    """

    def __init__(self, recipe: Recipe, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build_network(recipe.network, pretrained=recipe.pretrained, planes=PLANES[recipe.normalisation])
            if recipe.starts_from_bundled:
                take_bundled_weights(network)
        self.start = copy.deepcopy(network) if recipe.starts_from_bundled else None
        self._start_share = recipe.start_share
        self.student = network.to(memory_format=torch.channels_last)
        self.teacher = AveragedModel(self.student, avg_fn=_follow, use_buffers=True).requires_grad_(False)
        trained = [parameter for parameter in self.student.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.schedule = _schedule(self.optimiser, recipe)

    @property
    def network(self) -> nn.Module:
        """The network to use: the teacher's, or the mean of the teacher and what it began as."""
        if self.start is None:
            return self.teacher.module
        network = copy.deepcopy(self.teacher.module)
        for weight, first in zip(network.state_dict().values(), self.start.state_dict().values(), strict=True):
            if weight.is_floating_point():
                weight.lerp_(first.to(weight.device), self._start_share)
        return network

    def follow(self) -> None:
        """Let the schedule and the teacher follow a step of the optimiser."""
        self.schedule.step()
        self.teacher.update_parameters(self.student)

    def state(self) -> dict[str, Any]:
        """Give everything a checkpoint must hold, as tensors and plain values."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load(self, path: Path) -> list[dict[str, float]]:
        """Take up a checkpoint that holds what :meth:`state` gave.

        Returns:
            The history up to it: a row per epoch.

        Raises:
            FissuraError: if it cannot be read, or is of another network.
        """
        checkpoint = read_checkpoint(path)
        try:
            for name, part in self._parts().items():
                part.load_state_dict(checkpoint["learner"][name])
            rows: list[dict[str, float]] = checkpoint["rows"]
        except Exception as error:  # torch raises many kinds for what does not fit
            raise FissuraError(f"{path}: is no checkpoint of this run; start anew with another --out") from error
        return rows

    def _parts(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in ("student", "teacher", "optimiser", "schedule")}
        return parts if self.start is None else parts | {"start": self.start}  # another version bundles another one


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint: tensors and plain values, never code.

    Raises:
        FissuraError: if it cannot be read.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise FissuraError(f"{path}: cannot be read as a checkpoint; start anew with another --out") from error
    return state


def _schedule(optimiser: torch.optim.Optimizer, recipe: Recipe) -> torch.optim.lr_scheduler.LRScheduler:
    if recipe.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.total_steps, pct_start=WARM_UP
    )


def _follow(average: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
    """Move the average towards the current value; a young one fast, or it would remember random weights."""
    if not current.is_floating_point():  # indices and counts have no mean
        return current
    decay = min(EMA_DECAY, (1 + float(updates)) / (10 + float(updates)))
    return decay * average + (1 - decay) * current
