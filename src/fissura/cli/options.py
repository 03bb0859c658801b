"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

DATA_HELP = (
    "Data sets: folders with cracked/ and uncracked/ in them (or positive/negative, crack/noncrack), "
    "train|test/{images,masks}, or a CSV with the columns photo,label."
)


def argument(help_: str) -> Any:
    """Declare an argument without a default."""
    return typer.Argument(help=help_, show_default=False)


def option(help_: str, panel: str | None = None, least: int | None = None) -> Any:
    """Declare an option that is required, or None where it is not given."""
    return typer.Option(help=help_, rich_help_panel=panel, min=least, show_default=False)


Data = Annotated[list[Path], argument(DATA_HELP)]
Model = Annotated[Path | None, option("The model file (.onnx); the bundled one if not given.")]


def examples(*lines: str) -> str:
    """Write the examples that stand below a verb's help."""
    return "\n\n".join(["Examples:", *(f"  $ {line}" for line in lines)])
