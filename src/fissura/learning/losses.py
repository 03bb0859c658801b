"""The losses: per pixel where truth is known, per photograph where only its label is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = 255  # truth of a pixel about which nothing is known


def pixel_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy plus soft Dice loss, over the pixels whose truth is known.

    Cross-entropy judges each pixel; Dice (Milletari et al. 2016, V-Net, arXiv:1606.04797), over the whole batch,
    keeps the few crack pixels from drowning among the many others.

    Args:
        logits: float, ``(B, 1, H, W)``.
        truth: uint8, ``(B, 1, H, W)``: 0 background, 1 crack, ``IGNORED`` unknown.

    Returns:
        The loss, a float scalar >= 0; 0 where every known pixel is surely right.
    """
    logits = logits.float()
    known = (truth != IGNORED).float()  # weights, for selecting pixels would cost more than the arithmetic
    crack = (truth == 1).float()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, crack, known, reduction="sum")
    cross_entropy = cross_entropy / known.sum().clamp(min=1)
    probability = torch.sigmoid(logits) * known
    dice = (2 * (probability * crack).sum() + 1) / (probability.sum() + crack.sum() + 1)
    return cross_entropy + 1 - dice


def max_pool_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of the photograph's label with its highest logit: the original system's loss.

    Args:
        logits: float, ``(B, 1, H, W)``.
        labels: float, ``(B,)``: 1 cracked, 0 uncracked.

    Returns:
        The loss, a float scalar >= 0.
    """
    pooled = torch.amax(logits.float(), dim=(1, 2, 3))  # (B,)
    return F.binary_cross_entropy_with_logits(pooled, labels)
