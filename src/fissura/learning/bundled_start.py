"""The model in the box as a start for others: what it knows of cracks need not be learned again."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from fissura.painting import SURFACES, draw_surface, paint_cracks
from fissura.segmenting import bundled_model, normalise

_SEEN = 4  # crops of each kind of surface; their statistics are what batch norm starts from
_CROP_PX = 256


def take_bundled_weights(network: nn.Module) -> None:
    """Give a network the weights of the bundled model, which must be of the same architecture.

    A model file has no batch norm, it is folded into the convolution before it. Each gets the statistics of painted
    procedural surfaces, and a scale and shift that undo them: in evaluation the network computes what the bundled
    model does on any photograph, in training nearly so.

    Args:
        network: one whose ``Conv2d`` layers carry the names they had when the bundled model was exported, each batch
            norm right behind one of them; it sees luminance. It is changed in place.

    Raises:
        FissuraError: if this installation has no bundled model.
        ValueError: if the network is of another architecture.

    Example:
        >>> from fissura.learning.networks.compact import nano_unet
        >>> take_bundled_weights(nano_unet())
    """
    weights = {
        entry.name: torch.from_numpy(np.array(numpy_helper.to_array(entry)))
        for entry in onnx.load(bundled_model()).graph.initializer
    }
    layers = dict(network.named_modules())
    hooks = []
    with torch.no_grad():
        for name, layer in layers.items():
            if not isinstance(layer, nn.Conv2d):
                continue
            _copy(weights, f"{name}.weight", layer.weight)
            if layer.bias is not None:
                _copy(weights, f"{name}.bias", layer.bias)
            parent, _, place = name.rpartition(".")
            norm = layers.get(f"{parent}.{int(place) + 1}") if place.isdigit() else None
            if isinstance(norm, nn.BatchNorm2d):
                _copy(weights, f"{name}.weight_bias", norm.bias)
                hooks.append(norm.register_forward_pre_hook(_undo))
        was_training = network.training
        network.eval()(_painted_surfaces())  # layer by layer, each batch norm behind those that have been undone
        network.train(was_training)
    for hook in hooks:
        hook.remove()


def _copy(weights: dict[str, Tensor], name: str, target: Tensor) -> None:
    if name not in weights or weights[name].shape != target.shape:
        raise ValueError(f"the bundled model has no {name} of shape {tuple(target.shape)}")
    target.copy_(weights[name])


def _undo(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Let a batch norm whose bias is the folded one add just that, with the statistics of what it now sees."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))  # (C,)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.add_(mean)


def _painted_surfaces() -> Tensor:
    crops = []
    for index in range(_SEEN * len(SURFACES)):
        rng = np.random.default_rng(index)
        surface = draw_surface(SURFACES[index % len(SURFACES)], _CROP_PX, _CROP_PX, rng)
        crops.append(normalise(paint_cracks(surface, rng).photo, "grey"))
    return torch.from_numpy(np.stack(crops))  # (N, 1, S, S)
