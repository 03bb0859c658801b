"""The original's network: a U-Net on a torchvision ResNet-50 encoder.

Encoder: He et al. 2016, arXiv:1512.03385. U-Net: Ronneberger et al. 2015, arXiv:1505.04597.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, resnet50

from fissura.learning.networks.blocks import double_convolution
from fissura.learning.networks.pretrained import with_pretrained_fallback


class SeedResNet(nn.Module):
    """The network of recipe ``seed``, with the original's state-dict keys.

    It has 47,465,697 parameters: 23,508,032 in the encoder and 23,957,665 in decoder and head. The original's
    notes say 20,859,297 for the latter: they add up the weights by hand and forget the second convolution of
    the first three decoder blocks, which the network does have.

    Args:
        pretrained: start the encoder from torchvision's default ImageNet weights where they can be had.
        frozen_encoder: train decoder and head only. As in the original the encoder's batch norm statistics
            still follow the training photographs.

    Example:
        >>> SeedResNet(pretrained=False)(torch.zeros(2, 3, 64, 96)).shape
        torch.Size([2, 1, 64, 96])
    """

    multiple_px = 32

    def __init__(self, *, pretrained: bool, frozen_encoder: bool = False) -> None:
        super().__init__()
        if pretrained:
            encoder = with_pretrained_fallback(
                lambda load: resnet50(weights=ResNet50_Weights.DEFAULT if load else None, progress=False),
                "ResNet-50 of torchvision",
            )
        else:
            encoder = resnet50(weights=None)
        self.first_conv = nn.Sequential(encoder.conv1, encoder.bn1, encoder.relu)
        self.pool = encoder.maxpool
        self.enc1 = encoder.layer1
        self.enc2 = encoder.layer2
        self.enc3 = encoder.layer3
        self.enc4 = encoder.layer4
        if frozen_encoder:
            self.requires_grad_(False)  # nothing but the encoder exists yet
        self.dec1 = _Decoder(2048, skip=1024, outputs=512)
        self.dec2 = _Decoder(512, skip=512, outputs=256)
        self.dec3 = _Decoder(256, skip=256, outputs=128)
        self.dec4 = _Decoder(128, skip=64, outputs=64)
        self.final_up = nn.ConvTranspose2d(64, 32, 2, stride=2)
        self.final_conv = nn.Conv2d(32, 32, 3, padding=1)
        self.outc = nn.Conv2d(32, 1, 1)

    def forward(self, photos: Tensor) -> Tensor:
        """Give the crack logit of each pixel.

        Args:
            photos: normalised photographs, float, ``(B, 3, H, W)`` as in the original, or ``(B, 1, H, W)``; H and W
                multiples of ``multiple_px``.

        Returns:
            Logits, float, ``(B, 1, H, W)``. The original's image logit is their maximum over all pixels.
        """
        half = self.first_conv(photos.expand(-1, 3, -1, -1))  # (B, 64, H/2, W/2)
        quarter = self.enc1(self.pool(half))  # (B, 256, H/4, W/4)
        eighth = self.enc2(quarter)  # (B, 512, H/8, W/8)
        sixteenth = self.enc3(eighth)  # (B, 1024, H/16, W/16)
        x = self.enc4(sixteenth)  # (B, 2048, H/32, W/32)
        x = self.dec1(x, sixteenth)  # (B, 512, H/16, W/16)
        x = self.dec2(x, eighth)  # (B, 256, H/8, W/8)
        x = self.dec3(x, quarter)  # (B, 128, H/4, W/4)
        x = self.dec4(x, half)  # (B, 64, H/2, W/2)
        x = self.final_conv(self.final_up(x)).relu()  # (B, 32, H, W)
        logits: Tensor = self.outc(x)  # (B, 1, H, W)
        return logits


class _Decoder(nn.Module):
    """Up to twice the size and half the channels, beside the skip, through a double convolution."""

    def __init__(self, inputs: int, *, skip: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs // 2, 2, stride=2)
        self.conv = double_convolution(skip + inputs // 2, outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        merged: Tensor = self.conv(torch.cat([skip, self.up(x)], dim=1))
        return merged
