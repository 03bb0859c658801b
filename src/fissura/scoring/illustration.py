"""The pictures of an evaluation. The few photographs shown are segmented once more; none was kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fissura.errors import FissuraError
from fissura.photos import read_mask, read_photo
from fissura.reporting.result_names import find_again
from fissura.reporting.score_plots import Example, draw_gallery, draw_precision_recall, draw_threshold_curve
from fissura.scoring.evaluation import Evaluation, Segment
from fissura.scoring.summary import OVERALL

_EXAMPLES = 6  # photographs per section of the gallery


def illustrate(evaluation: Evaluation, segment: Segment, folder: Path) -> list[Path]:
    """Draw ``dice_over_threshold.png``, ``precision_recall.png`` and ``gallery.png``, as far as truth goes.

    Those of an earlier evaluation are removed first.

    The gallery shows the cracked photographs of best and of worst Dice, and the uncracked ones with most
    false crack.

    Args:
        evaluation: what to draw.
        segment: the method that was evaluated.
        folder: made if it is missing.

    Returns:
        The pictures written; none if no photograph had a truth.

    Raises:
        FissuraError: if a picture cannot be written, or one of an earlier evaluation not removed.
    """
    pictures = [folder / f"{name}.png" for name in ("dice_over_threshold", "precision_recall", "gallery")]
    for stale in pictures:
        if stale.is_file():
            try:
                stale.unlink()
            except OSError as error:
                why = f"cannot be removed ({error.strerror or error}); choose another place with --out"
                raise FissuraError(f"{stale}: {why}") from error
    curve, pixels, gallery = pictures
    photos = evaluation.photos[evaluation.photos["has_truth"]]
    written = []
    cracked = photos[photos["label"] == "cracked"].sort_values("dice", ascending=False, kind="stable")
    if len(cracked):
        overall = evaluation.summary.set_index(["scope", "metric"])["value"]
        written += [curve, pixels]
        draw_threshold_curve(curve, evaluation.dice_over_threshold, float(overall.loc[OVERALL, "dice_cracked"]))
        draw_precision_recall(pixels, evaluation.precision_recall)
    uncracked = photos[(photos["label"] == "uncracked") & (photos["verdict"] == "cracked")]
    best = cracked.head(_EXAMPLES)
    worst = cracked.drop(best.index).tail(_EXAMPLES)[::-1]  # few photographs: none is shown twice
    sections = {
        "Best": best,
        "Worst": worst,
        "False alarms on uncracked photographs": uncracked.nlargest(_EXAMPLES, "fp_px"),
    }
    if any(len(rows) for rows in sections.values()):
        written.append(gallery)
        draw_gallery(gallery, {heading: _examples(rows, segment) for heading, rows in sections.items()})
    return written


def _examples(rows: pd.DataFrame, segment: Segment) -> list[Example]:
    examples, here = [], str(Path.cwd())
    for path, mask, dice in zip(rows["photo"], rows["mask"], rows["dice"], strict=True):
        photo = read_photo(find_again(path, here))
        truth = read_mask(find_again(mask, here)) if mask else np.zeros(photo.shape[:2], bool)
        prediction = segment(photo).mask
        examples.append(Example(Path(path).name, photo, truth, prediction, dice if truth.any() else None))
    return examples
