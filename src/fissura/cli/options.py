"""Arguments and options that several verbs share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fissura.errors import FissuraError

if TYPE_CHECKING:
    from fissura.measuring import SeverityClass

DATA_HELP = (
    "Data sets: folders with cracked/ and uncracked/ in them (or positive/negative, crack/noncrack), "
    "train|test/{images,masks}, or a CSV with the columns photo,label."
)
MM_PER_PX_HELP = "Millimetres that one pixel covers."
SEVERITY_HELP = (
    "A width class, largest width in mm: fine=0.3; repeat it, narrowest first, wide=inf last. Needs a scale."
)


def argument(help_: str) -> Any:
    """Declare an argument without a default."""
    return typer.Argument(help=help_, show_default=False)


def option(help_: str, panel: str | None = None, least: int | None = None) -> Any:
    """Declare an option that is required, or None where it is not given."""
    return typer.Option(help=help_, rich_help_panel=panel, min=least, show_default=False)


def seeded(help_: str) -> Any:
    """Declare a seed, as large as random generators commonly take."""
    return typer.Option(min=0, max=2**32 - 1, help=help_)


Data = Annotated[list[Path], argument(DATA_HELP)]
Model = Annotated[Path | None, option("The model file (.onnx); the bundled one if not given.")]

_OF_MODEL = "From probability to mask, instead of the model's"
Low = Annotated[float | None, option("Probability that a crack pixel must exceed.", _OF_MODEL)]
High = Annotated[float | None, option("Probability that a crack must reach somewhere.", _OF_MODEL)]
MinExtentPx = Annotated[float | None, option("Least extent of a crack in px.", _OF_MODEL)]
MinExtentFraction = Annotated[
    float | None,
    option("Least extent as a fraction of the shorter side; the smaller of the two demands counts.", _OF_MODEL),
]


Engine = Annotated[
    Literal["auto", "onnxruntime", "openvino"],
    typer.Option(help="What runs the network; auto measures which is the faster one here."),
]
Glance = Annotated[
    bool,
    typer.Option(
        "--glance",
        help="Look at a third of the size first, and pass over what surely shows no crack: try it on a part of a "
        "survey, for it saves time only where the model passes much of it over.",
    ),
]
Views = Annotated[
    int,
    typer.Option(
        help="Look at each photograph 1, 2 (mirrored too) or 4 times (both turned by a quarter, too): better masks, "
        "for as many times the time.",
        metavar="1|2|4",
    ),
]


def examples(*lines: str) -> str:
    """Write the examples that stand below a verb's help."""
    return "\n\n".join(["Examples:", *(f"  $ {line}" for line in lines)])


def severity_classes(severity: list[str] | None) -> tuple[SeverityClass, ...]:
    """Read width classes such as ``fine=0.3``; the default ones where none is given."""
    from fissura.measuring import DEFAULT_SEVERITY, SeverityClass
    from fissura.measuring.severity import checked

    if not severity:
        return DEFAULT_SEVERITY
    classes = []
    for one in severity:
        name, _, limit = one.rpartition("=")
        try:
            up_to_mm = float(limit)
        except ValueError:
            up_to_mm = math.nan
        if not name or not up_to_mm > 0:
            raise FissuraError(f"--severity {one}: is no class; write it as fine=0.3, the widest as wide=inf")
        classes.append(SeverityClass(name, up_to_mm))
    return checked(classes)
