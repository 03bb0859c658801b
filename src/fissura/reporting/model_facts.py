"""What a folder of results was made with, and where: ``model.json``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fissura.errors import FissuraError
from fissura.files import written_whole

MODEL = "model.json"
LEAST_MM_PER_PX, MOST_MM_PER_PX = 1e-6, 1e6  # of a scale: a nanometre, a kilometre


def write_model_facts(
    job: Path, model: dict[str, Any], cleaning: dict[str, Any], seeing: dict[str, Any], mm_per_px: float | None
) -> None:
    """Write down what the results are made with, and from which working folder.

    Args:
        job: the folder of results.
        model: the model file's card.
        cleaning: the settings from probability map to mask.
        seeing: how the network is shown the photographs, and what runs it.
        mm_per_px: the scale, if known.

    Raises:
        FissuraError: if the file cannot be written.
    """
    facts = {
        "model": model,
        "cleaning": cleaning,
        "seeing": seeing,
        "mm_per_px": None if mm_per_px is None else float(mm_per_px),
        "folder": os.getcwd(),  # noqa: PTH109
    }
    with written_whole(job / MODEL) as temporary:
        temporary.write_text(json.dumps(facts, indent=1), "utf-8")


def read_model_facts(job: Path) -> dict[str, Any]:
    """Read what segmenting wrote down of its model; empty where nothing stands.

    Raises:
        FissuraError: if the file is damaged.
    """
    try:
        facts = json.loads((job / MODEL).read_text("utf-8"))
    except OSError:
        return {}
    except (ValueError, RecursionError):
        facts = None
    mend = "segment the photographs again"
    if not isinstance(facts, dict) or any(
        not isinstance(facts.get(part, {}), dict) for part in ("cleaning", "seeing")
    ):
        raise FissuraError(f"{job / MODEL}: is damaged; {mend}")
    scale = facts.get("mm_per_px")
    if scale is not None and not (isinstance(scale, (int, float)) and LEAST_MM_PER_PX <= scale <= MOST_MM_PER_PX):
        raise FissuraError(f"{job / MODEL}: its mm_per_px is no scale; {mend}")
    return facts
