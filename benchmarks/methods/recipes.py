"""Fissura's own recipes: trained by `fissura.train`, scored by `fissura.evaluate`."""

from __future__ import annotations

import csv
import hashlib
import json
from itertools import count
from pathlib import Path
from typing import Any

import torch

import fissura
from fissura import learning
from fissura.files import written_whole
from fissura.photos import DataSet, Photo, load_data
from fissura.segmenting import Segmenter
from methods.answer import Answer, Clock
from methods.tuning import Score
from row import Row


def train_recipe(row: Row, data: Path, folder: Path) -> Answer:
    """Train a row's recipe, or resume it where it was stopped.

    Args:
        row: the row.
        data: the data set.
        folder: the run's folder.
    """
    clock, recipe = Clock(), row.recipe()
    learned_from = data
    if row.uncracked is not None:
        learned_from = folder.with_suffix(".csv")
        _write_manifest(_with_few_uncracked(load_data(data).with_split("train"), row.uncracked), learned_from)
    is_resumed = (folder / "plan.json").exists()
    if is_resumed:
        trained = learning.resume(folder, progress=True)
    else:
        trained = learning.train([learned_from], recipe, folder, row.seed, progress=True)
    training = clock.spent()
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    training |= {
        "steps": int(trained.history["step"].iloc[-1]),
        "epochs_s": trained.history["seconds"].diff().round(1).tolist()[1:],
        "precision": plan["precision"],
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "is_resumed": is_resumed,  # then the minutes are those of its last part
    }
    return Answer(
        lambda: fissura.evaluate([data], model=trained.model, out=folder / "score"),
        training,
        trained.judged.cleaning if trained.judged else recipe.cleaning,
        trained.judged,
        trained.model,
    )


def ask_model(file: Path) -> tuple[Score, dict[str, Any]]:
    """Take the probability of a model that another row has trained for a score.

    Args:
        file: its model file.

    Returns:
        The score, and what was spent on training it here: nothing.

    Raises:
        FissuraError: if there is no such file: the other row comes first.
    """
    segmenter = Segmenter(file)
    return lambda photo: segmenter.segment(photo).probability, {"steps": 0, "precision": "32-true"}


def _with_few_uncracked(train: DataSet, number: int) -> DataSet:
    """Keep that many uncracked photographs, each source in turn: 4 are among the 16, these among the 64."""
    turn: dict[str, count[int]] = {}
    turns = {
        photo: next(turn.setdefault(photo.source, count()))
        for photo in sorted(train.uncracked, key=lambda photo: hashlib.sha256(photo.path.name.encode()).digest())
    }
    kept = sorted(turns, key=lambda photo: (turns[photo], photo.source))[:number]
    return DataSet(train.cracked.photos + tuple(kept))


def _write_manifest(data: DataSet, path: Path) -> None:
    """Write a CSV manifest without masks."""

    def line(photo: Photo) -> list[str]:
        return [str(photo.path.resolve()), str(photo.label), photo.source, photo.group, "train"]

    with written_whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", "label", "source", "group", "split"])
        writer.writerows(line(photo) for photo in data)
