"""Masks as run-length codes, the way the original system's submission file has them.

The mask is read column by column, from the top left downwards; each run of crack is given by its first pixel,
counted from 1, and its length: ``"1 3 10 5"``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fissura.files import written_whole


def encode(mask: NDArray[np.bool_]) -> str:
    """Write a mask as a run-length code.

    Args:
        mask: (H, W) bool.

    Returns:
        Starts (from 1, column by column) and lengths in px, separated by spaces; empty for an empty mask.

    Example:
        >>> encode(np.array([[True, True], [False, True]]))
        '1 1 3 2'
    """
    pixels = np.concatenate(([False], mask.ravel(order="F"), [False]))
    edges = np.flatnonzero(pixels[1:] != pixels[:-1])  # start, end, start, end, ... from 0
    starts, ends = edges[::2], edges[1::2]
    return " ".join(map(str, np.stack([starts + 1, ends - starts], axis=1).ravel()))


def write_submission(path: Path, masks: Iterable[tuple[str, NDArray[np.bool_]]]) -> None:
    """Write the original system's submission file: CSV of the columns ``file`` and ``crack``.

    Args:
        path: the CSV file to write.
        masks: each photograph's file name and its (H, W) bool mask; drawn one at a time.

    Raises:
        FissuraError: if the file cannot be written.
    """
    with (
        written_whole(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        table = csv.writer(file)
        table.writerow(["file", "crack"])
        for name, mask in masks:
            table.writerow([name, encode(mask)])
