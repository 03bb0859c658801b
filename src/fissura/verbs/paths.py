"""What the verbs take: paths of any kind, and what to call as work goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path

from fissura.errors import FissuraError

AnyPath = str | PathLike[str]
Advance = Callable[[int, int], None]  # done, total


def as_paths(paths: Iterable[AnyPath]) -> list[Path]:
    """Turn what a user gave as a list of paths into paths.

    Raises:
        FissuraError: if it is one path instead of a list.
    """
    if isinstance(paths, (str, PathLike)):
        raise FissuraError(f"{paths}: give a list of paths, such as [{str(paths)!r}]")
    return [Path(path) for path in paths]
