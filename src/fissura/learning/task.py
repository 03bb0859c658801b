"""The training task: one network, its moving average, and what a step and a validation do."""

from __future__ import annotations

from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from fissura.learning.losses import max_pool_loss, pixel_loss
from fissura.learning.networks import build_network
from fissura.learning.recipe import Recipe
from fissura.learning.streams import Sample
from fissura.segmenting.cleaning import pieces

EMA_DECAY = 0.995  # remembers about 200 steps: long enough to smooth, short enough to follow
WARM_UP = 0.05  # share of the steps in which the learning rate rises


class SegmentationTask(lightning.LightningModule):
    """Learns one recipe. The moving average of the weights (the *teacher*) is what is validated and kept.

    The mean teacher follows Tarvainen and Valpola 2017 (arXiv:1703.01780).

    Args:
        recipe: the recipe.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        network = build_network(recipe.network, pretrained=recipe.pretrained)
        self.student = network.to(memory_format=torch.channels_last)
        self.teacher = AveragedModel(self.student, avg_fn=_follow, use_buffers=True).requires_grad_(False)
        self._dice: list[float] = []
        self._verdicts: list[tuple[bool, bool]] = []  # (is cracked, is called cracked)

    @property
    def network(self) -> nn.Module:
        """The network to keep."""
        return self.teacher.module

    def training_step(self, batch: Sample, _index: int) -> Tensor:
        """Give the loss of one batch; see :mod:`fissura.learning.streams` for its shapes."""
        photos = batch["photo"].contiguous(memory_format=torch.channels_last)  # (B, 3, S, S)
        logits = self.student(photos)  # (B, 1, S, S)
        if self.recipe.method == "max-pool":
            loss = max_pool_loss(logits, batch["label"])
        else:
            loss = pixel_loss(logits, batch["truth"])
        self.log("loss", loss.detach(), on_step=False, on_epoch=True, batch_size=len(photos))
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Let the teacher follow the student."""
        self.teacher.update_parameters(self.student)

    def validation_step(self, batch: Sample, _index: int, dataloader_idx: int = 0) -> None:
        """Score painted crops by Dice (loader 0) and whole photographs by their verdict (loader 1)."""
        logits = self.teacher(batch["photo"].contiguous(memory_format=torch.channels_last)).float()
        probabilities = torch.sigmoid(logits)[:, 0].cpu().numpy()  # (B, H, W)
        low, cleaning = self.recipe.cleaning.low, self.recipe.cleaning
        for i, probability in enumerate(probabilities):
            mask = pieces(probability, low).mask(cleaning)
            if dataloader_idx == 0:
                truth = batch["truth"][i, 0].cpu().numpy() == 1
                total = int(mask.sum() + truth.sum())
                self._dice.append(2 * int((mask & truth).sum()) / total if total else 1.0)
            else:
                self._verdicts.append((bool(batch["label"][i] == 1), bool(mask.any())))

    def on_validation_epoch_end(self) -> None:
        """Log Dice on painted cracks, balanced image-level accuracy, and their mean, by which we select."""
        dice = float(np.mean(self._dice))
        cracked = [called for is_cracked, called in self._verdicts if is_cracked]
        uncracked = [not called for is_cracked, called in self._verdicts if not is_cracked]
        accuracy = float(np.mean([np.mean(side) for side in (cracked, uncracked) if side]))
        self.log_dict({"painted_dice": dice, "image_accuracy": accuracy, "selection": (dice + accuracy) / 2})
        self._dice.clear()
        self._verdicts.clear()

    def configure_optimizers(self) -> Any:
        """AdamW, at a constant rate or over one cycle."""
        trained = [parameter for parameter in self.student.parameters() if parameter.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=self.recipe.learning_rate, weight_decay=self.recipe.weight_decay)
        if self.recipe.schedule == "constant":
            return optimiser
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.recipe.learning_rate, total_steps=self.recipe.total_steps, pct_start=WARM_UP
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _follow(average: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
    """Move the average towards the current value; a young one fast, or it would remember random weights."""
    decay = min(EMA_DECAY, (1 + float(updates)) / (10 + float(updates)))
    return decay * average + (1 - decay) * current
