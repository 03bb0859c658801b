"""What choices between models are made by: labels and painted cracks, never a mask drawn by hand.

Every row of `field.py` that trains a model has these figures in its result, and RESULTS.md a table of them. Those of
any other model file, such as of a recipe that is being tried:

    python benchmarks/unmasked.py runs/walls/model.onnx
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fissura.painting import PaintedPhoto, PainterSettings, paint_cracks
from fissura.photos import DataSet, Photo, load_data, opening_only, read_photo
from fissura.scoring.metrics import dice, tolerance_f1
from fissura.segmenting import Cleaning, Segmenter, clean

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("FISSURA_DATA", HERE.parents[1] / "shared" / "data"))

# Thresholds are chosen on few photographs and differ by chance, so that models are compared by one step for all too.
COMMON = Cleaning(low=0.05, high=0.9, min_extent_px=64, min_extent_fraction=0.3, crest_share=0.2, closing_px=2)
BACKGROUNDS = 160  # uncracked photographs that are painted on, each once in every style
FADING = (0.2, 0.9)
STYLES = {
    "fading": PainterSettings(fading=FADING, smooth_masks=True),
    "steady": PainterSettings(smooth_masks=True),
    "gritty": PainterSettings(fading=FADING, grit=0.8, smooth_masks=True),
    "wide": PainterSettings(width_px=(26.0, 60.0), network_share=0.0, smooth_masks=True),
}


@dataclass
class Tally:
    """What one step from probability to mask does, summed up photograph by photograph."""

    wrong: dict[str, int] = field(default_factory=dict)
    dice: dict[str, list[float]] = field(default_factory=dict)
    tolerant: dict[str, list[float]] = field(default_factory=dict)

    def count(self, what: str, is_wrong: bool) -> None:
        """Count an error, or none, on a photograph of which the label is known."""
        self.wrong[what] = self.wrong.get(what, 0) + is_wrong

    def compare(self, style: str, mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> None:
        """Compare a mask with that of a painted crack."""
        of = "wide" if style == "wide" else "painted"  # the other styles have the painter's own widths
        self.dice.setdefault(of, []).append(dice(mask, truth))
        self.tolerant.setdefault(of, []).append(tolerance_f1(mask, truth, 2))

    def figures(self) -> dict[str, float]:
        """Give the errors, and the mean Dice and F1 with 2 px."""
        means = {f"{of}_dice": np.mean(values) for of, values in self.dice.items()}
        means |= {f"{of}_f1_2px": np.mean(values) for of, values in self.tolerant.items()}
        return self.wrong | {name: round(float(value), 4) for name, value in means.items()}


def judge_unmasked(model: Path, data: Path = DATA) -> dict[str, dict[str, float]]:
    """Judge a model by labels and by painted cracks.

    Args:
        model: its model file.
        data: the folder of real photographs, of which ``field``'s training split and ``metu`` are read.

    Returns:
        ``own``, by the step to a mask that the model file has, and ``common``, by one step for all models: errors of
        photographs, ``missed`` and ``false_alarms`` of ``field``, ``metu_missed`` and ``metu_false_alarms``, and
        ``painted_dice``, ``painted_f1_2px``, ``wide_dice``, ``wide_f1_2px``, in [0, 1]. And ``photos``: of how many.

    Raises:
        FissuraError: if the model file cannot be used or a folder of photographs is not there.
    """
    segmenter = Segmenter(model)
    steps = {"own": segmenter.cleaning, "common": COMMON}
    tallies = {name: Tally() for name in steps}
    field_ = load_data(data / "field").with_split("train").without_masks()
    metu = load_data(data / "metu").without_masks()
    groups = {
        "missed": field_.cracked,
        "false_alarms": field_.uncracked,
        "metu_missed": metu.cracked,
        "metu_false_alarms": metu.uncracked,
    }
    uncracked = [*field_.uncracked, *metu.uncracked]
    with opening_only(DataSet(tuple(photo for group in groups.values() for photo in group))):
        for what, group in groups.items():
            for photo in group:
                for name, mask in _masks(segmenter, read_photo(photo.path), steps):
                    tallies[name].count(what, bool(mask.any()) != (photo.label == "cracked"))
        for style, painted in _painted(uncracked):
            for name, mask in _masks(segmenter, painted.photo, steps):
                tallies[name].compare(style, mask, painted.mask)
    photos = {what: len(group) for what, group in groups.items()}
    return {name: tally.figures() for name, tally in tallies.items()} | {"photos": photos}


def _masks(
    segmenter: Segmenter, photo: NDArray[np.uint8], steps: dict[str, Cleaning]
) -> Iterable[tuple[str, NDArray[np.bool_]]]:
    probability = segmenter.probability(photo)
    for name, cleaning in steps.items():
        yield name, clean(probability, cleaning)


def _painted(uncracked: list[Photo]) -> Iterable[tuple[str, PaintedPhoto]]:
    """Paint cracks of every style, the same ones for every model."""
    evenly = uncracked[:: max(1, len(uncracked) // BACKGROUNDS)][:BACKGROUNDS]
    for index, photo in enumerate(evenly):
        surface = read_photo(photo.path)
        for number, (style, settings) in enumerate(STYLES.items()):
            painted = paint_cracks(surface, np.random.default_rng([index, number]), settings)
            if painted.mask.any():
                yield style, painted


def main() -> None:
    """Judge the model files named and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, help="model files")
    for model in parser.parse_args().models:
        for step, figures in judge_unmasked(model).items():
            shown = "  ".join(f"{name} {value:g}" for name, value in figures.items())
            print(f"{model}  {step:6}  {shown}", flush=True)


if __name__ == "__main__":
    main()
