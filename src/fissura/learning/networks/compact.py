"""The compact U-Nets: small enough to train and run on a plain CPU."""

from __future__ import annotations

import itertools

from torch import Tensor, nn
from torch.nn import functional as F


class CompactUNet(nn.Module):
    """A small U-Net, on half resolution and below.

    It works at half resolution without losing a pixel: the stem moves each 2x2 square of pixels into channels
    (pixel unshuffle) and the head moves four logits back (sub-pixel convolution, Shi et al. 2016,
    arXiv:1609.05158), so that hairlines survive while the costly full-resolution convolutions are saved.
    Blocks are residual (He et al. 2016, arXiv:1512.03385), also those of one convolution, which learn much more
    slowly without the identity; skips are added, not concatenated. The coarsest level, at 1/32, sees some hundred px
    around each pixel: enough to tell a crack from a gap between stones.

    Args:
        planes: of the photographs: 1 (luminance) or 3 (colours).
        channels: at 1/2, 1/4, 1/8, 1/16, 1/32.
        down: convolutions per block on the way down, at each of these; 0 for none but the stem's.
        up: convolutions per block on the way up, 1 or 2.
        head_px: side of the last convolution, 1 or 3.

    Example:
        >>> import torch
        >>> compact_unet()(torch.zeros(1, 1, 224, 224)).shape
        torch.Size([1, 1, 224, 224])
    """

    multiple_px = 32

    def __init__(self, planes: int, channels: tuple[int, ...], down: tuple[int, ...], up: int, head_px: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), _convolution(4 * planes, channels[0]))
        self.encoders = nn.ModuleList(
            _Residual(width, count) if count else nn.Identity() for width, count in zip(channels, down, strict=True)
        )
        self.downs = nn.ModuleList(
            _convolution(above, below, stride=2) for above, below in itertools.pairwise(channels)
        )
        self.ups = nn.ModuleList(
            nn.Conv2d(below, above, 1, bias=False) for above, below in itertools.pairwise(channels)
        )
        self.decoders = nn.ModuleList(_Residual(width, up) for width in channels[:-1])
        self.head = nn.Sequential(nn.Conv2d(channels[0], 4, head_px, padding=head_px // 2), nn.PixelShuffle(2))

    def forward(self, photos: Tensor) -> Tensor:
        """Give the crack logit of each pixel.

        Args:
            photos: normalised photographs, float, ``(B, planes, H, W)``; H and W multiples of ``multiple_px``.

        Returns:
            Logits, float, ``(B, 1, H, W)``.
        """
        x = self.encoders[0](self.stem(photos))  # (B, 16, H/2, W/2)
        skips = [x]
        for down, encoder in zip(self.downs, list(self.encoders)[1:], strict=True):
            x = encoder(down(x))  # (B, C, H/2^k, W/2^k)
            skips.append(x)
        skips.pop()
        for up, decoder in zip(reversed(self.ups), reversed(self.decoders), strict=True):
            x = F.interpolate(up(x), scale_factor=2.0, mode="nearest")
            x = decoder(x + skips.pop())
        logits: Tensor = self.head(x)  # (B, 1, H, W)
        return logits


def compact_unet(planes: int = 1) -> CompactUNet:
    """Build the compact network: 1.4 M parameters, 11 k multiply-adds per pixel, equal on the first four levels."""
    return CompactUNet(planes, channels=(16, 32, 64, 128, 128), down=(2, 2, 2, 2, 2), up=2, head_px=3)


def nano_unet(planes: int = 1) -> CompactUNet:
    """Build the nano network: 0.7 M parameters, 6 k multiply-adds per pixel; nearly as good, in less time."""
    return CompactUNet(planes, channels=(16, 32, 64, 96, 96), down=(0, 2, 2, 2, 2), up=1, head_px=1)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """One or two convolutions beside an identity."""

    def __init__(self, width: int, convolutions: int) -> None:
        super().__init__()
        self.first = _convolution(width, width) if convolutions == 2 else nn.Identity()
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))
