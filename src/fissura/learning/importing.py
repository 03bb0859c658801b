"""From a checkpoint of the original system to our model file."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fissura.errors import FissuraError
from fissura.files import as_text
from fissura.learning.exporting import export_model
from fissura.learning.networks import build_network, multiple_px
from fissura.segmenting import Cleaning, ModelCard

TRAINED_PX = 448  # the original's photographs, and so the tiles of larger ones, are 448x448
OVERLAP_PX = 64
_WRAPPERS = ("state_dict", "model_state_dict")
_SAVE_MEND = "save it with torch.save(model.state_dict(), ...) where its code is trusted, and import that"


def import_checkpoint(checkpoint: Path, out: Path) -> ModelCard:
    """Turn a checkpoint of the original system into a model file that segments as the original does.

    The checkpoint is read as weights only: no code in it is ever run. A wrapping ``state_dict`` or
    ``model_state_dict`` and data parallelism's ``module.`` prefix are taken off. Submodules may be named or
    numbered differently below the original's prefixes, if they come in the same order.

    Args:
        checkpoint: the original's ``.pth`` or ``.pt`` file, of its ResNet-50 U-Net or of its plain U-Net.
        out: where the ``.onnx`` model file shall stand.

    Returns:
        The card written into the model file.

    Raises:
        FissuraError: if the file is no checkpoint, holds code, or its weights are of another network or not finite;
            if the exported graph gives other results than the network; or if ``out`` cannot be written.

    Example:
        >>> import_checkpoint(Path("best_model.pth"), Path("original.onnx")).network  # doctest: +SKIP
        'seed-resnet50'
    """
    if out.exists() and checkpoint.exists() and out.samefile(checkpoint):
        raise FissuraError(f"{out}: is the checkpoint itself; choose another --out")
    state = _read_state(checkpoint)
    name = _network_name(checkpoint, state)
    network = build_network(name, pretrained=False)
    network.load_state_dict(_fitted(checkpoint, state, network))
    if not all(torch.isfinite(weight).all() for weight in network.state_dict().values()):
        raise FissuraError(
            f"{checkpoint}: has weights that are no finite numbers; give one from before training failed"
        )
    card = ModelCard(
        name=as_text(checkpoint.stem),
        recipe="seed",
        network=name,
        normalisation="imagenet",
        tile_px=TRAINED_PX,
        overlap_px=OVERLAP_PX,
        multiple_px=multiple_px(network),
        cleaning=Cleaning(low=0.5, high=0.5, min_extent_px=0, min_extent_fraction=0),  # the original's threshold
        fissura_version=version("fissura"),
        licence="unknown",
        provenance=f"imported from {as_text(checkpoint.name)}, a checkpoint of the original system",
        data_fingerprint="unknown",
        seed=-1,  # unknown
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    export_model(network, card, out)
    return card


def _read_state(checkpoint: Path) -> dict[str, Tensor]:
    """Read the state dict, without wrapper and ``module.`` prefix, in the order it was saved in."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of odd pickles before it refuses them
            content: Any = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except OSError as error:
        raise FissuraError(
            f"{checkpoint}: cannot be read ({error.strerror or error}); give a .pth or .pt file"
        ) from error
    except pickle.UnpicklingError as error:
        if "unsupported" not in str(error).lower():  # not even a pickle
            raise _no_checkpoint(checkpoint) from error
        raise FissuraError(f"{checkpoint}: holds more than weights, and code is not run; {_SAVE_MEND}") from error
    except Exception as error:  # the errors of a broken or foreign file share no base class
        if "TorchScript" in str(error):
            raise FissuraError(f"{checkpoint}: is TorchScript, not a state dict; {_SAVE_MEND}") from error
        raise _no_checkpoint(checkpoint) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content:
        raise _no_checkpoint(checkpoint)
    if not all(isinstance(name, str) and isinstance(weight, Tensor) for name, weight in content.items()):
        raise _no_checkpoint(checkpoint)
    if any(w.layout != torch.strided or w.is_meta or w.is_quantized or w.is_complex() for w in content.values()):
        raise FissuraError(f"{checkpoint}: holds weights that are sparse, quantised or the like; {_SAVE_MEND}")
    return {name.removeprefix("module."): weight for name, weight in content.items()}


def _no_checkpoint(checkpoint: Path) -> FissuraError:
    return FissuraError(f"{checkpoint}: is not a checkpoint of PyTorch weights; give the original's .pth or .pt file")


def _network_name(checkpoint: Path, state: Mapping[str, Tensor]) -> str:
    prefixes = {name.split(".")[0] for name in state}
    if "first_conv" in prefixes:
        return "seed-resnet50"
    if "inc" in prefixes:
        return "seed-unet"
    raise FissuraError(
        f"{checkpoint}: its weights ({_some(sorted(prefixes))}) are of neither of the original's networks; "
        "give a checkpoint with first_conv, enc1, ... (ResNet-50) or inc, down1, ... (plain U-Net)"
    )


def _fitted(checkpoint: Path, state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Give the checkpoint's weights under the network's own names."""
    expected = {name: weight.shape for name, weight in network.state_dict().items() if _counts(name)}
    given = {name: weight for name, weight in state.items() if _counts(name)}
    if given.keys() != expected.keys():
        given = _renamed_by_order(given, list(expected))
    missing = [name for name in expected if name not in given]
    unexpected = [name for name in given if name not in expected]
    mend = "give a checkpoint of the original's network, unchanged"
    if missing or unexpected:
        what = [f"lacks {_some(missing)}"] * bool(missing) + [f"has {_some(unexpected)}"] * bool(unexpected)
        raise FissuraError(f"{checkpoint}: its weights do not fit ({' and '.join(what)}); {mend}")
    for name, shape in expected.items():
        if given[name].shape != shape:
            found, wanted = tuple(given[name].shape), tuple(shape)
            raise FissuraError(f"{checkpoint}: {name} has shape {found} instead of {wanted}; {mend}")
    counters = {name: weight for name, weight in network.state_dict().items() if not _counts(name)}
    return {**counters, **given}


def _renamed_by_order(given: Mapping[str, Tensor], expected: list[str]) -> dict[str, Tensor]:
    """Rename the weights of each part that has as many weights as expected, of the same kinds in order."""
    names = dict(zip(given, given, strict=True))
    parts = {part: list(group) for part, group in groupby(given, _part)}
    for part, group in groupby(expected, _part):
        wanted, found = list(group), parts.get(part, [])
        same_kinds = [_kind(name) for name in found] == [_kind(name) for name in wanted]
        if same_kinds and set(found) != set(wanted):
            names.update(zip(found, wanted, strict=True))
    return {names[name]: weight for name, weight in given.items()}


def _part(name: str) -> str:
    """Give the part of the network, as far as the original's prefixes tell: ``enc1``, ``dec1.conv``."""
    path = name.split(".")
    return ".".join(path[:2] if path[0].startswith("dec") else path[:1])


def _kind(name: str) -> str:
    """Give the last part of a name: weight, bias, running_mean or running_var."""
    return name.rsplit(".", 1)[-1]


def _counts(name: str) -> bool:
    """Tell weights from batch norm's counters, which old checkpoints lack and evaluation ignores."""
    return not name.endswith("num_batches_tracked")


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
