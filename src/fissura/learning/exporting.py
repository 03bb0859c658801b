"""From a trained network to the one model file."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn

from fissura.errors import FissuraError
from fissura.files import written_whole
from fissura.segmenting import CARD_KEY, ModelCard

OPSET = 18  # the dynamo exporter's own: everything it writes is native to it, and onnxruntime has long had it
_TOLERANCE = 1e-3  # of the largest logit; float32 sums in another order differ by about 1e-5


def export_model(network: nn.Module, card: ModelCard, path: Path) -> None:
    """Write a network and its card as one self-contained model file, and check the file against the network.

    The network itself is left as it is (device, training mode): a copy of it is exported, on the CPU, with
    batch norm as in evaluation.

    Args:
        network: takes normalised photographs ``(B, planes, H, W)``, float32, to logits ``(B, 1, H, W)``; H and W
            multiples of ``card.multiple_px``.
        card: what the model file says about itself.
        path: where the ``.onnx`` file shall stand.

    Raises:
        FissuraError: if the exported graph gives other logits than the network (nothing is written then), or
            if the file cannot be written.

    Example:
        >>> export_model(network, card, Path("walls.onnx"))  # doctest: +SKIP
    """
    network = copy.deepcopy(network).cpu().eval()
    model = _to_onnx(network, card.planes, card.multiple_px)
    _set_card(model, card)
    content = model.SerializeToString()
    _check(network, content, card.planes, card.multiple_px, path)
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def replace_card(path: Path, card: ModelCard) -> None:
    """Give a model file another card; its network stays as it is.

    Raises:
        FissuraError: if the file cannot be written.
    """
    model = onnx.load(path)
    _set_card(model, card)
    with written_whole(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _set_card(model: onnx.ModelProto, card: ModelCard) -> None:
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_KEY, card.model_dump_json()


def _to_onnx(network: nn.Module, planes: int, multiple_px: int) -> onnx.ModelProto:
    photo = torch.zeros(2, planes, 4 * multiple_px, 3 * multiple_px)
    height = multiple_px * torch.export.Dim("height", min=1, max=4096)
    width = multiple_px * torch.export.Dim("width", min=1, max=4096)
    with quiet():
        program = torch.onnx.export(
            network,
            (photo,),
            input_names=["photo"],
            output_names=["logit"],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch"), 2: height, 3: width},),
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _check(network: nn.Module, content: bytes, planes: int, multiple_px: int, path: Path) -> None:
    """Compare graph and network on noise of another batch and size than the export saw."""
    generator = torch.Generator().manual_seed(0)
    photo = torch.randn(3, planes, 2 * multiple_px, 5 * multiple_px, generator=generator)
    with torch.inference_mode():
        expected = network(photo).numpy()  # (3, 1, H, W)
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(["logit"], {"photo": photo.numpy()})
    allowed = _TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if found.shape != expected.shape or not np.abs(found - expected).max() <= allowed:
        raise FissuraError(
            f"{path}: not written, because the exported network gives other results than the trained one; "
            "check the training for exploding weights or try another version of torch"
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep a library's progress, warnings and logs from the terminal; errors still come as exceptions."""
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
