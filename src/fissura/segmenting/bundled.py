"""The model in the box: used wherever no model file is named."""

from __future__ import annotations

from pathlib import Path

from fissura.errors import FissuraError

_BOX = Path(__file__).parent / "box.onnx"


def bundled_model() -> Path:
    """Give the path of the model file that comes with Fissura.

    It was trained by ``fissura train --recipe box``; ``docs/model-card.md`` says on what, and what it cannot do.

    Raises:
        FissuraError: if this installation has none.

    Example:
        >>> from fissura.segmenting import read_card
        >>> read_card(bundled_model()).network
        'nano'
    """
    if not _BOX.is_file():
        raise FissuraError(f"{_BOX.name}: not in this installation; name a model file with --model")
    return _BOX
