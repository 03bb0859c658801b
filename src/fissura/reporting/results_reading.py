"""Reading the folder of results back: what `fissura segment` left, for measuring, reporting and exporting."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.photos import read_mask, read_photo
from fissura.reporting.model_facts import read_model_facts
from fissura.reporting.result_names import find_again, names_below, result_names
from fissura.reporting.results_table import COLUMNS, FINAL, PARTIAL

_LONGEST_PATH = 4096  # no system has longer ones


@dataclass(frozen=True)
class Result:
    """What segmenting left of one photograph.

    Attributes:
        photo: its path.
        name: its path below the folder common to all photographs of the job, with ``/``; as it is, but where it has
            characters that stop other programs.
        drawing: the same, safe for every file system and unlike all others, to name what is drawn of it.
        skipped: why there is no result; empty where there is one.
        mask: the picture of its mask.
        probability: the picture of its probability map.
    """

    photo: Path
    name: str
    drawing: str
    skipped: str
    mask: Path
    probability: Path

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float32]]:
        """Read photograph ``(H, W, 3)`` uint8, mask ``(H, W)`` bool and probability map ``(H, W)`` float32.

        Raises:
            UnreadablePhotoError: if one is gone, cannot be read, or they differ in size.
        """
        pixels = read_photo(self.photo, max_megapixels=np.inf)
        shape = (pixels.shape[0], pixels.shape[1])
        mask = read_mask(self.mask, shape, max_megapixels=np.inf)
        probability = read_photo(self.probability, max_megapixels=np.inf)[:, :, 0]
        return pixels, mask, np.divide(probability, 255, dtype=np.float32)


def read_results(job: Path) -> list[Result]:
    """Read the table of a folder of results, whose photographs lie where they lay when they were segmented.

    Raises:
        FissuraError: if there is no such table, or segmenting has not finished.
    """
    table = job / FINAL
    if (job / PARTIAL).is_file():  # its pictures may be newer than the table of before
        raise FissuraError(f"{job}: segmenting has not finished; finish it with fissura segment --resume")
    if not table.is_file():
        raise FissuraError(f"{table}: not there; run fissura segment first")
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
            columns = tuple(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FissuraError(f"{table}: cannot be read ({error}); run fissura segment again") from error
    if columns != COLUMNS or not rows:
        raise FissuraError(f"{table}: no table of results; give a folder that fissura segment wrote")
    if any(None in row or None in row.values() or len(row["photo"]) > _LONGEST_PATH for row in rows):
        raise FissuraError(f"{table}: is damaged; run fissura segment again")
    if any(not row["skipped"] and not (row["mask"] and row["probability"]) for row in rows):
        mend = "run fissura segment again without --only"
        raise FissuraError(f"{table}: has photographs without mask or probability map; {mend}")
    segmented_in = read_model_facts(job).folder
    photos = [find_again(row["photo"], segmented_in) for row in rows]
    names, safe_names = names_below(photos), result_names(photos)
    results = []
    for photo, row in zip(photos, rows, strict=True):
        name, drawing = names[photo], safe_names[photo]
        if not name.isprintable() or "\\" in name:
            name = f"{drawing}{photo.suffix}"
        mask, probability = job / row["mask"], job / row["probability"]
        results.append(Result(photo, name, f"{drawing}{photo.suffix}", row["skipped"], mask, probability))
    return results
