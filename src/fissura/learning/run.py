"""The folder of a training run: what was asked for, what has been done, what came out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fissura.errors import FissuraError
from fissura.files import written_whole
from fissura.learning.recipe import Recipe

Precision = Literal["32-true", "bf16-mixed"]


class Plan(BaseModel):
    """What a run was asked for; written when it begins, read when it is resumed.

    Attributes:
        recipe: the recipe with its changes.
        seed: seed of everything random.
        data: the folders or manifests of the photographs.
        data_fingerprint: fingerprint of the photographs learned from.
        exact_fingerprint: the same with masks, sources and groups; empty in plans of earlier versions.
        precision: Lightning's name of the arithmetic, as chosen on the machine that began the run.
        threads: threads of the arithmetic; sums depend on how they are shared out.
    """

    model_config = ConfigDict(frozen=True)

    recipe: Recipe
    seed: int
    data: tuple[Path, ...]
    data_fingerprint: str
    exact_fingerprint: str = ""
    precision: Precision
    threads: Annotated[int, Field(ge=1, le=1024)]


@dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """What was asked for."""
        return self.path / "plan.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint to resume from."""
        return self.checkpoints / "last.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint that mask-free selection likes best."""
        return self.checkpoints / "best.ckpt"

    @property
    def proposals(self) -> Path:
        """Folder of the teacher's proposals."""
        return self.path / "proposals"

    @property
    def model(self) -> Path:
        """The model file, the result."""
        return self.path / "model.onnx"

    def refuse_if_begun(self) -> None:
        """Insist that no run stands here yet.

        Raises:
            FissuraError: if one does, or a file stands where its folder should be.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FissuraError(f"{self.path}: a file, where the run's folder should be; choose another --out")
        if self.plan.exists():
            raise FissuraError(
                f"{self.path}: holds a training run already; continue it with --resume, or choose another --out"
            )
        if self.checkpoints.exists() or self.proposals.exists():  # they would be taken for this run's
            raise FissuraError(f"{self.path}: holds a training run without its plan.json; choose another --out")

    def remove_temporaries(self) -> None:
        """Remove what a run that was killed while it wrote has left beside its large files."""
        for file in (self.last, self.best, self.model):
            token = f"-{8 * '[0-9a-f]'}"
            for name in (f".{file.stem}{token}", f"..{file.stem}{token}{token}"):  # a file, its new card
                for temporary in file.parent.glob(name + file.suffix):
                    temporary.unlink(missing_ok=True)

    def write_plan(self, plan: Plan) -> None:
        """Write the plan of a run that begins."""
        with written_whole(self.plan) as temporary:
            # Unlike pydantic's, Python's own JSON holds names that are no text.
            temporary.write_text(json.dumps(plan.model_dump(), indent=2, default=str), "utf-8")

    def read_plan(self) -> Plan:
        """Read the plan of a run to resume.

        Raises:
            FissuraError: if there is none, or it cannot be read.
        """
        try:
            return Plan.model_validate(json.loads(self.plan.read_text("utf-8")))
        except FileNotFoundError:
            raise FissuraError(f"{self.path}: no training run to resume; start one without --resume") from None
        except (OSError, ValueError, ValidationError) as error:
            raise FissuraError(
                f"{self.plan}: cannot be read ({error.__class__.__name__}); start anew with another --out"
            ) from error
