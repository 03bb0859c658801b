"""Nothing is ever learned or chosen on a mask of the test split: training could not open one if it tried."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.learning import load_recipe, train, training
from fissura.painting import SURFACES, draw_surface, paint_cracks
from fissura.photos import load_data, opening_only, read_mask, read_photo, save_image
from small_data import PLAIN

SHORT = {"steps": 2, "epoch_steps": 1, "batch": 4, "crop_px": 64}

# The three kinds of recipe, and every file that their runs or the processes forked from them open, a line each;
# os.write is no `open` of its own.
RUNS: dict[str, dict[str, Any]] = {
    "painted": SHORT | {"self_training_from": 0.5, "self_training_rounds": 1},
    "seed": SHORT | {"network": "compact", "pretrained": False},
    "supervised": SHORT,
}
RECORDED = """
import os, sys
from pathlib import Path
from fissura.learning import load_recipe, train
data, out, runs = Path(sys.argv[1]), Path(sys.argv[2]), eval(sys.argv[3])
record = None
def note(event, facts):
    if event == "open" and record is not None:
        os.write(record, f"{facts[0]}\\n".encode())
sys.addaudithook(note)
for name, changes in runs.items():
    record, recipe = None, load_recipe(name, **changes)
    record = os.open(out / f"{name}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    train([data], recipe, out / name)
"""


def _collection(root: Path) -> Path:
    """Make a Kaggle-style data set with masks in both splits."""
    for split in ("train", "test"):
        for index in range(6):
            rng = np.random.default_rng([index, split == "test"])
            surface = draw_surface(SURFACES[index % len(SURFACES)], 96, 96, rng)
            cracked = paint_cracks(surface, rng, PLAIN)
            save_image(root / split / "images" / f"wall_{split}{index}.png", cracked.photo)
            save_image(root / split / "masks" / f"wall_{split}{index}.png", cracked.mask.astype(np.uint8) * 255)
            save_image(root / split / "images" / f"noncrack_wall_{split}{index}.png", surface)
            save_image(root / split / "masks" / f"noncrack_wall_{split}{index}.png", np.zeros((96, 96), np.uint8))
    return root


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    return _collection(tmp_path / "collection")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, ...]]]:
    """Give the split and kind of the data set's files that training with each recipe opened."""
    out = tmp_path_factory.mktemp("runs")
    data = _collection(out / "collection")
    command = [sys.executable, "-c", RECORDED, str(data), str(out), repr(RUNS)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert all((out / name / "model.onnx").exists() for name in RUNS)
    files = {name: [Path(line) for line in (out / f"{name}.txt").read_text().splitlines()] for name in RUNS}
    return {
        name: {path.relative_to(data).parts[:2] for path in paths if path.is_file() and path.is_relative_to(data)}
        for name, paths in files.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["painted", "seed"])
def test_training_from_labels_opens_no_mask_and_nothing_of_the_test_split(
    opened: dict[str, set[tuple[str, ...]]], recipe: str
) -> None:
    assert opened[recipe] == {("train", "images")}


@pytest.mark.slow
def test_training_from_masks_opens_those_of_the_training_split_alone(
    opened: dict[str, set[tuple[str, ...]]],
) -> None:
    assert opened["supervised"] == {("train", "images"), ("train", "masks")}


@pytest.mark.parametrize("recipe", ["painted", "supervised"])
def test_training_code_that_reaches_for_a_test_mask_is_refused(
    collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str
) -> None:
    mask = load_data(collection).with_split("test").cracked[0].mask
    assert mask is not None
    monkeypatch.setattr(training, "fit", lambda *_, **__: read_mask(mask))
    with pytest.raises(FissuraError, match="may be opened now") as caught:
        train([collection], load_recipe(recipe, **SHORT), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert read_mask(mask).any()  # when training has ended, scoring may


@pytest.mark.parametrize("read", [read_photo, read_mask])
def test_only_named_pictures_open_whatever_their_path_is_called(collection: Path, read: Any) -> None:
    data = load_data(collection)
    learned = data.with_split("train")
    train_mask, test_mask = learned.cracked[0].mask, data.with_split("test").cracked[0].mask
    assert train_mask is not None
    assert test_mask is not None
    detour = test_mask.parent.parent / "images" / ".." / "masks" / test_mask.name
    link = collection / "train" / "images" / "innocent.png"
    link.symlink_to(test_mask)
    with opening_only(learned):
        assert read(train_mask).shape[:2] == (96, 96)
        for withheld in (test_mask, detour, link):
            with pytest.raises(FissuraError, match="may be opened now"):
                read(withheld)
    with opening_only(learned.without_masks()):
        assert read_photo(learned.cracked[0].path).shape[:2] == (96, 96)
        with pytest.raises(FissuraError, match="may be opened now"):
            read(train_mask)
    assert read(test_mask).shape[:2] == (96, 96)


def test_a_refusal_is_not_counted_as_a_photograph_that_cannot_be_read(collection: Path) -> None:
    """Batches pass over unreadable photographs; a breach of the protocol must end the run instead."""
    mask = load_data(collection).cracked[0].mask
    assert mask is not None
    with opening_only(load_data(collection).without_masks()), pytest.raises(FissuraError) as caught:
        read_mask(mask)
    assert not isinstance(caught.value, UnreadablePhotoError)
