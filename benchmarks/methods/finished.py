"""A finished model file, its step to a mask as it comes; the bundled one has seen none of these photographs."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper

from fissura import scoring
from fissura.errors import FissuraError
from fissura.photos import load_data
from fissura.segmenting import Segmenter, bundled_model, read_card
from methods.answer import Answer, Clock


def answer_as_it_comes(
    data: Path,
    model: Path | None = None,
    *,
    views: int = 1,
    wide: bool | None = None,
    cleaning: dict[str, float] | None = None,
) -> Answer:
    """Score a model file.

    Args:
        data: the data set.
        model: the model file; the bundled one if None.
        views: how many times it looks at each photograph.
        wide: whether it looks for wide cracks from afar as well; as the model file says if None.
        cleaning: settings of the step to a mask to use instead of the model's own, by their names in `Cleaning`.
    """
    training = Clock().spent() | {"steps": 0, "precision": "32-true"}  # its training is told in its model card
    file = model or bundled_model()
    used = read_card(file).cleaning.model_copy(update=cleaning)
    segmenter = Segmenter(file, cleaning=used, views=views, wide=wide)
    test = load_data(data).with_split("test")
    brought = None if model else file  # another row's has been judged there
    return Answer(lambda: scoring.evaluate(test, segmenter.segment), training, used, None, brought)


def bundled_settings() -> dict[str, Any]:
    """Tell one bundled model from another; empty where there is none."""
    try:
        return {"sha256": hashlib.sha256(bundled_model().read_bytes()).hexdigest()[:16]}
    except FissuraError:
        return {}


@cache
def bundled_start() -> dict[str, Any]:
    """Tell what training takes of the bundled model: its weights and its smallest extent; empty without one."""
    try:
        model = bundled_model()
    except FissuraError:
        return {}
    weights = hashlib.sha256()
    for entry in onnx.load(model).graph.initializer:
        weights.update(entry.name.encode() + numpy_helper.to_array(entry).tobytes())
    return {
        "weights": weights.hexdigest()[:16],
        "min_extent_fraction": read_card(model).cleaning.min_extent_fraction,
    }
