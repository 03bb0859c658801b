"""The original's variant without pretraining: the plain U-Net (Ronneberger et al. 2015, arXiv:1505.04597)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fissura.learning.networks.blocks import double_convolution


class SeedUNet(nn.Module):
    """A U-Net of 31,043,521 parameters (64-128-256-512-1024 channels), with the original's key prefixes.

    Example:
        >>> SeedUNet()(torch.zeros(2, 3, 32, 48)).shape
        torch.Size([2, 1, 32, 48])
    """

    multiple_px = 16

    def __init__(self) -> None:
        super().__init__()
        self.inc = double_convolution(3, 64)
        self.down1 = nn.Sequential(nn.MaxPool2d(2), double_convolution(64, 128))
        self.down2 = nn.Sequential(nn.MaxPool2d(2), double_convolution(128, 256))
        self.down3 = nn.Sequential(nn.MaxPool2d(2), double_convolution(256, 512))
        self.down4 = nn.Sequential(nn.MaxPool2d(2), double_convolution(512, 1024))
        self.up1 = nn.ConvTranspose2d(1024, 512, 2, stride=2)
        self.conv_up1 = double_convolution(1024, 512)
        self.up2 = nn.ConvTranspose2d(512, 256, 2, stride=2)
        self.conv_up2 = double_convolution(512, 256)
        self.up3 = nn.ConvTranspose2d(256, 128, 2, stride=2)
        self.conv_up3 = double_convolution(256, 128)
        self.up4 = nn.ConvTranspose2d(128, 64, 2, stride=2)
        self.conv_up4 = double_convolution(128, 64)
        self.outc = nn.Conv2d(64, 1, 1)

    def forward(self, photos: Tensor) -> Tensor:
        """Give the crack logit of each pixel.

        Args:
            photos: normalised photographs, float, ``(B, 3, H, W)`` as in the original, or ``(B, 1, H, W)``; H and W
                multiples of ``multiple_px``.

        Returns:
            Logits, float, ``(B, 1, H, W)``. The original's image logit is their maximum over all pixels.
        """
        whole = self.inc(photos.expand(-1, 3, -1, -1))  # (B, 64, H, W)
        half = self.down1(whole)  # (B, 128, H/2, W/2)
        quarter = self.down2(half)  # (B, 256, H/4, W/4)
        eighth = self.down3(quarter)  # (B, 512, H/8, W/8)
        x = self.down4(eighth)  # (B, 1024, H/16, W/16)
        x = self.conv_up1(torch.cat([eighth, self.up1(x)], dim=1))  # (B, 512, H/8, W/8)
        x = self.conv_up2(torch.cat([quarter, self.up2(x)], dim=1))  # (B, 256, H/4, W/4)
        x = self.conv_up3(torch.cat([half, self.up3(x)], dim=1))  # (B, 128, H/2, W/2)
        x = self.conv_up4(torch.cat([whole, self.up4(x)], dim=1))  # (B, 64, H, W)
        logits: Tensor = self.outc(x)  # (B, 1, H, W)
        return logits
