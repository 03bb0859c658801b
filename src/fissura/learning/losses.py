"""The losses: per pixel where truth is known, per photograph where only its label is."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Pooling = Literal["max", "top-k", "log-sum-exp"]

IGNORED = 255  # truth of a pixel about which nothing is known
TOP_SHARE = 0.01  # of the pixels: a crack 4 px wide across a photograph of 400 px
SHARPNESS = 5.0  # r of log-sum-exp: 0 would be the mean, infinity the maximum


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


def label_loss(logits: Tensor, labels: Tensor, pooling: Pooling = "max") -> Tensor:
    """Binary cross-entropy of the photograph's label with its logits pooled into one.

    - ``max``: the highest logit, the original system's loss: one pixel answers for the photograph.
    - ``top-k``: the mean of the highest 1 % of the logits: about as many pixels answer as a crack has.
    - ``log-sum-exp``: log(mean(exp(r z))) / r with r = 5, a soft maximum in which every pixel has its say
      (Pinheiro and Collobert 2015, arXiv:1411.6228).

    Args:
        logits: float, ``(B, 1, H, W)``.
        labels: float, ``(B,)``: 1 cracked, 0 uncracked.
        pooling: one of the above.

    Returns:
        The loss, a float scalar >= 0.
    """
    flat = logits.float().flatten(1)  # (B, H W)
    match pooling:
        case "max":
            pooled = flat.amax(dim=1)  # (B,)
        case "top-k":
            pooled = flat.topk(math.ceil(TOP_SHARE * flat.shape[1]), dim=1).values.mean(dim=1)
        case "log-sum-exp":
            pooled = (torch.logsumexp(SHARPNESS * flat, dim=1) - math.log(flat.shape[1])) / SHARPNESS
    return F.binary_cross_entropy_with_logits(pooled, labels)
