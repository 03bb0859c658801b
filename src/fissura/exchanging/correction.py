"""What every import is made of: a photograph's name in another program, and how to read its corrected mask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError

MAX_JSON_BYTES = 1 << 30  # a parsed file takes several times its size in memory

Shape = tuple[int, int]


@dataclass(frozen=True)
class Correction:
    """One photograph's corrected mask, not yet read.

    Attributes:
        name: what the photograph is called in the file; not to be trusted as a path.
        read: gives the ``(H, W)`` bool mask for a photograph of that (height, width) in px. It raises
            ValueError (or what malformed data leads to: KeyError, TypeError, ...) where the mask is of
            another size or unusable. The size is given from outside so that no file can ask for memory
            that its photograph does not justify.
        has_suffix: whether the name ends in the file's suffix, as far as that program's format says.
    """

    name: str
    read: Callable[[Shape], NDArray[np.bool_]]
    has_suffix: bool = True


def require_size(height: object, width: object, shape: Shape) -> None:
    """Insist that a mask has its photograph's size.

    Raises:
        ValueError: naming both sizes.
    """
    if (height, width) != shape:
        raise ValueError(f"the mask is {width} x {height} px, its photograph {shape[1]} x {shape[0]} px")


def crack_labels(source: Path, labels: Iterable[str]) -> set[str]:
    """Choose the labels that mean crack: those that begin with "crack".

    An only label of another name is not taken for it: files tell the labels in use, and that one may be joints.

    Raises:
        FissuraError: if there are labels, but none of these.

    Example:
        >>> sorted(crack_labels(Path("a.json"), ["Crack", "crack_wide", "joint", "uncracked"]))
        ['Crack', 'crack_wide']
    """
    known = set(labels)
    cracks = {label for label in known if label.lower().startswith("crack")}
    if known and not cracks:
        names = ", ".join(sorted(known)[:5])
        raise FissuraError(f"{source}: none of its labels begins with crack ({names}); rename the one that means it")
    return cracks


def read_json(source: Path) -> Any:
    """Read a JSON file of at most a gibibyte.

    Raises:
        FissuraError: if it is larger, or no JSON in UTF-8.
    """
    try:
        if source.stat().st_size > MAX_JSON_BYTES:
            raise FissuraError(f"{source}: is larger than 1 GiB; export it in several parts")
        return json.loads(source.read_text("utf-8-sig"))
    except OSError as error:
        raise FissuraError(f"{source}: cannot be read ({error.strerror}); check the spelling") from error
    except (ValueError, RecursionError) as error:
        raise FissuraError(f"{source}: is no JSON that can be read ({error}); export it again") from error
