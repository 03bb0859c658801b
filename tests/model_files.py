"""Small model files for tests: networks whose answer is known without running them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from fissura.segmenting import CARD_KEY, Cleaning, ModelCard

CLEANING = Cleaning(low=0.5, high=0.9, min_extent_px=64, min_extent_fraction=0.25)

CARD = ModelCard(
    name="dark is crack",
    recipe="test",
    network="mean of planes",
    normalisation="grey",
    tile_px=64,
    overlap_px=16,
    multiple_px=16,
    cleaning=CLEANING,
    fissura_version="0.1.0",
    licence="Apache-2.0",
    provenance="no photographs",
    data_fingerprint="0" * 12,
    seed=0,
    created="2026-01-01T00:00:00+00:00",
)


def network(gain: float = -10.0, bias: float = 0.0, kernel_px: int = 1, planes: int = 1) -> ModelProto:
    """Build a graph: logit = gain x mean over planes (and a square of ``kernel_px``) of photo, + bias."""
    kernel = np.full((1, planes, kernel_px, kernel_px), gain / (planes * kernel_px**2), np.float32)
    weights = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.float32([bias]), "bias"),
    ]
    convolve = helper.make_node(
        "Conv", ["photo", "kernel", "bias"], ["logit"], pads=[kernel_px // 2] * 4, name="mean"
    )
    photo = helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["batch", planes, "height", "width"])
    logit = helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["batch", 1, "height", "width"])
    graph = helper.make_graph([convolve], "dark-is-crack", [photo], [logit], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write_model(
    path: Path, model: ModelProto | None = None, card: ModelCard | dict[str, Any] | str | None = CARD
) -> Path:
    """Write a model file; ``card`` may be wrong on purpose, or None for a file without any."""
    model = network() if model is None else model
    if isinstance(card, ModelCard):
        card = card.model_dump_json()
    elif isinstance(card, dict):
        card = json.dumps(card)
    if card is not None:
        helper.set_model_props(model, {CARD_KEY: card})
    path.write_bytes(model.SerializeToString())
    return path


def cracked_photo(side_px: int = 64, ground: int = 150, crack: int = 30) -> np.ndarray:
    """Draw a grey photograph (side, side, 3) with a dark horizontal crack of 3 px through its middle."""
    photo = np.full((side_px, side_px, 3), ground, np.uint8)
    photo[side_px // 2 - 1 : side_px // 2 + 2] = crack
    return photo
