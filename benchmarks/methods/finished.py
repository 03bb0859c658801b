"""A finished model file, its step to a mask as it comes; the bundled one has seen none of these photographs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from fissura import scoring
from fissura.errors import FissuraError
from fissura.photos import load_data
from fissura.segmenting import Segmenter, bundled_model, read_card
from methods.answer import Answer, Clock


def answer_as_it_comes(
    data: Path, model: Path | None = None, views: int = 1, crest_share: float | None = None
) -> Answer:
    """Score a model file.

    Args:
        data: the data set.
        model: the model file; the bundled one if None.
        views: how many times it looks at each photograph.
        crest_share: the share of the crest that a pixel must reach, in [0, 1]; the model's own if None.
    """
    training = Clock().spent() | {"steps": 0, "precision": "32-true"}  # its training is told in its model card
    file = model or bundled_model()
    cleaning = read_card(file).cleaning
    if crest_share is not None:
        cleaning = cleaning.model_copy(update={"crest_share": crest_share})
    segmenter = Segmenter(file, cleaning=cleaning, views=views)
    test = load_data(data).with_split("test")
    return Answer(lambda: scoring.evaluate(test, segmenter.segment), training, cleaning, None)


def bundled_settings() -> dict[str, Any]:
    """Tell one bundled model from another; empty where there is none."""
    try:
        return {"sha256": hashlib.sha256(bundled_model().read_bytes()).hexdigest()[:16]}
    except FissuraError:
        return {}
