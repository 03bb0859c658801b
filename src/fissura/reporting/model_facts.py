"""What a folder of results was made with, and where: ``model.json``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from fissura.errors import FissuraError
from fissura.files import written_whole

MODEL = "model.json"
LEAST_MM_PER_PX, MOST_MM_PER_PX = 1e-6, 1e6  # of a scale: a nanometre, a kilometre


class ModelFacts(BaseModel):
    """What results are made with, and from which working folder.

    Attributes:
        model: the model file's card; None where nobody wrote it down.
        cleaning: the settings from probability map to mask.
        seeing: how the network is shown the photographs, and what runs it.
        mm_per_px: the scale, if known.
        folder: where the photographs' paths begin, if they are relative.
    """

    model: dict[str, Any] | None = None
    cleaning: dict[str, Any] = {}
    seeing: dict[str, Any] = {}
    mm_per_px: Annotated[float, Field(ge=LEAST_MM_PER_PX, le=MOST_MM_PER_PX)] | None = None
    folder: str = Field(default_factory=os.getcwd)

    def write(self, job: Path) -> None:
        """Write them into a folder of results.

        Raises:
            FissuraError: if the file cannot be written.
        """
        with written_whole(job / MODEL) as temporary:  # json's own, for a folder's name may be no UTF-8
            temporary.write_text(json.dumps(self.model_dump(mode="python"), indent=1), "utf-8")


def read_model_facts(job: Path) -> ModelFacts:
    """Read what segmenting wrote down; nothing but this working folder where it wrote nothing.

    Raises:
        FissuraError: if the file is damaged.
    """
    try:
        return ModelFacts.model_validate(json.loads((job / MODEL).read_text("utf-8")))
    except OSError:
        return ModelFacts()
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        reason = f"its {where} cannot be used" if where else "it is damaged"
    except (ValueError, RecursionError):
        reason = "it is damaged"
    raise FissuraError(f"{job / MODEL}: {reason}; segment the photographs again")
