"""The table in a folder of results, ``results.csv``, and the files that it names."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias, get_args

from fissura.files import written_whole

COLUMNS = (
    "photo",  # path of the photograph
    "verdict",  # cracked or uncracked; empty for a skipped one
    "score",  # how surely there is a crack, 0 to 1
    "crack_fraction",  # share of the photograph's pixels that are crack, 0 to 1
    "skipped",  # why it has no result, else empty
    "probability",  # picture of the probability map, grey 0 to 255 for 0 to 1
    "mask",  # picture of the mask, 0 and 255
    "overlay",  # picture of the photograph with the mask drawn over it
    "settings",  # what the result depends on: model and settings
)
Picture: TypeAlias = Literal["probability", "mask", "overlay"]
PICTURES: tuple[Picture, ...] = get_args(Picture)
SUFFIXES = {"probability": ".png", "mask": ".png", "overlay": ".jpg"}  # column -> suffix
FOLDERS = {"probability": "probability", "mask": "masks", "overlay": "overlays"}  # column -> folder
DRAWINGS = "cracks"  # folder of what measuring draws
FINAL, PARTIAL = "results.csv", "results.partial.csv"
FROM_RESULTS = "submission.csv", "cracks.csv", "photographs.csv", "report.html"  # what is made of them

Row: TypeAlias = dict[str, str]  # by column


def has_results(out: Path) -> bool:
    """Tell whether segmenting has left results in a folder, be they unfinished."""
    return any(_columns(out / name) == COLUMNS for name in (FINAL, PARTIAL))


def read_rows(path: Path) -> list[Row]:
    """Read the rows of an earlier run; a last one cut short by the run's end is left out."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            if tuple(table.fieldnames or ()) != COLUMNS:
                return []
            return [row for row in table if None not in row and None not in row.values()]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a whole table.

    Raises:
        FissuraError: if it cannot be written.
    """
    with (
        written_whole(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def pictures_of(row: Row) -> set[str]:
    """Name a row's pictures, as paths below the folder of results; none that lies where segmenting writes none."""
    named = ((row[kind], f"{FOLDERS[kind]}/") for kind in PICTURES)
    return {file for file, folder in named if file.startswith(folder) and ".." not in PurePosixPath(file).parts}


def drawings_of(row: Row) -> set[str]:
    """Name likewise what measuring draws of a row's photograph, if it has a mask."""
    masks = (file for file in pictures_of(row) & {row["mask"]} if file.startswith(f"{FOLDERS['mask']}/"))
    names = (PurePosixPath(file).relative_to(FOLDERS["mask"]) for file in masks)
    return {f"{DRAWINGS}/{name.with_suffix('')}{Path(row['photo']).suffix}.jpg" for name in names}


def _columns(path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(next(csv.reader(file), ()))
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()
