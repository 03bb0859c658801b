"""The one block that both of the original's networks are built from."""

from __future__ import annotations

from torch import nn


def double_convolution(inputs: int, outputs: int) -> nn.Sequential:
    """Twice (3x3 convolution with bias, batch norm, ReLU): ``(B, inputs, H, W)`` to ``(B, outputs, H, W)``.

    Example:
        >>> len(double_convolution(3, 64))
        6
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
