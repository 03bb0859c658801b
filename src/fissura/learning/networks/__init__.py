"""The networks that can be trained, by name.

Each takes normalised photographs ``(B, planes, H, W)`` to crack logits ``(B, 1, H, W)``, and says in its
``multiple_px`` what H and W must be multiples of. The compact and the nano network are for plain CPUs, the ``seed``
ones are the original's, and ``timm:...`` puts a U-Net on any of timm's encoders.
"""

from __future__ import annotations

from torch import nn

from fissura.errors import FissuraError
from fissura.learning.networks.compact import CompactUNet, compact_unet, nano_unet
from fissura.learning.networks.encoder_unet import encoder_unet
from fissura.learning.networks.seed_resnet import SeedResNet
from fissura.learning.networks.seed_unet import SeedUNet

__all__ = ["CompactUNet", "SeedResNet", "SeedUNet", "build_network", "encoder_unet", "multiple_px"]


def build_network(name: str, *, pretrained: bool, planes: int = 3) -> nn.Module:
    """Build the network of that name.

    Args:
        name: "compact", "nano", "seed-resnet50", "seed-resnet50-frozen" (encoder not trained), "seed-unet", or
            "timm:" and a timm encoder, as in "timm:resnet50".
        pretrained: start the encoder from pretrained weights where they can be had ("compact", "nano"
            and "seed-unet" have none); otherwise a notice is logged and the start is random.
        planes: of the photographs it will be given: 1 (luminance) or 3 (colours).

    Returns:
        The network, in training mode.

    Raises:
        FissuraError: if there is no network of that name.

    Example:
        >>> multiple_px(build_network("compact", pretrained=False))
        32
    """
    match name.split(":"):
        case ["compact"]:
            return compact_unet(planes)
        case ["nano"]:
            return nano_unet(planes)
        case ["seed-resnet50"]:
            return SeedResNet(pretrained=pretrained)
        case ["seed-resnet50-frozen"]:
            return SeedResNet(pretrained=pretrained, frozen_encoder=True)
        case ["seed-unet"]:
            return SeedUNet()
        case ["timm", encoder] if encoder:
            return encoder_unet(encoder, pretrained=pretrained, planes=planes)
    raise FissuraError(
        f"network {name!r}: there is none of that name; choose nano, compact, seed-resnet50, seed-resnet50-frozen, "
        "seed-unet or timm: and its encoder, as timm:resnet50"
    )


def multiple_px(network: nn.Module) -> int:
    """Say what the height and width of a network's input must be multiples of, in pixels."""
    return int(network.multiple_px)  # type: ignore[arg-type]  # nn.Module attributes count as tensors
