"""A U-Net on any encoder that timm has (segmentation-models-pytorch builds it)."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import timm
from torch import nn

from fissura.errors import FissuraError
from fissura.learning.networks.pretrained import first_line, with_pretrained_fallback


def encoder_unet(encoder: str, *, pretrained: bool, planes: int = 3) -> nn.Module:
    """Build a U-Net on a timm encoder.

    Args:
        encoder: a timm model name, with a weights tag or without: ``resnet50``, ``resnet50.a1_in1k``.
        pretrained: start the encoder from timm's weights where they can be had.
        planes: of the photographs; timm adds up the weights for fewer than three.

    Returns:
        A network from normalised photographs ``(B, planes, H, W)`` to logits ``(B, 1, H, W)``, float; H and W
        must be multiples of its ``multiple_px``.

    Raises:
        FissuraError: if timm has no such encoder, or no feature maps of it for a U-Net.

    Example:
        >>> encoder_unet("resnet18", pretrained=False).multiple_px
        32
    """

    def build(load: bool) -> nn.Module:
        unet = smp.Unet(f"tu-{encoder}", encoder_weights=True if load else None, in_channels=planes)
        unet.multiple_px = int(unet.encoder.output_stride)
        network: nn.Module = unet
        return network

    if not timm.is_model(encoder):
        near = timm.list_models(f"*{encoder[:6]}*")[:5]
        raise FissuraError(
            f"timm:{encoder}: timm has no such encoder; "
            f"try {', '.join(near) if near else 'resnet50'} or see timm.list_models()"
        )
    try:
        return with_pretrained_fallback(build, f"timm:{encoder}") if pretrained else build(False)
    except Exception as error:  # timm and smp refuse an encoder in many ways
        raise FissuraError(
            f"timm:{encoder}: cannot carry a U-Net ({first_line(error)}); choose another encoder"
        ) from error
