from __future__ import annotations

import json
import math
import multiprocessing
from ctypes import c_bool
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.learning import Recipe, load_recipe
from fissura.learning.fitting import _loader
from fissura.learning.losses import IGNORED, Pooling, label_loss, pixel_loss
from fissura.learning.proposing import proposal_path
from fissura.learning.sampling import Urn
from fissura.learning.streams import exact_samples, labelled_stream, masked_stream, painted_stream
from fissura.photos import DataSet, Photo, load_data, save_image
from small_data import two_folders


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return load_data(two_folders(tmp_path_factory.mktemp("walls")))


def _recipe(**changes: object) -> Recipe:
    return load_recipe("painted", **{"crop_px": 64, "batch": 8, "steps": 40, "epoch_steps": 10, **changes})


def test_a_sample_depends_on_seed_and_index_alone(data: DataSet, tmp_path: Path) -> None:
    first, second = (painted_stream(data, _recipe(), 5, tmp_path) for _ in range(2))
    second[0], second[9]  # what was asked for before must not matter
    torch.manual_seed(123)
    for index in (3, 11):
        ours, theirs = first[index], second[index]
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not torch.equal(first[3]["photo"], painted_stream(data, _recipe(), 6, tmp_path)[3]["photo"])


def test_samples_have_the_shapes_and_values_that_the_task_expects(data: DataSet, tmp_path: Path) -> None:
    samples = [painted_stream(data, _recipe(), 0, tmp_path)[index] for index in range(8)]
    assert {tuple(sample["photo"].shape) for sample in samples} == {(1, 64, 64)}
    assert {tuple(sample["truth"].shape) for sample in samples} == {(1, 64, 64)}
    assert set(torch.stack([sample["truth"] for sample in samples]).unique().tolist()) == {0, 1}
    assert 0 < sum(not sample["truth"].any() for sample in samples) < 6  # some crops show distractors only


def _write_round(data: DataSet, folder: Path, alarms: list[float]) -> None:
    for photo in data.cracked:
        save_image(proposal_path(folder, 1, photo), np.full((96, 96), IGNORED, np.uint8))
    (folder / "round-1" / "alarms.json").write_text(json.dumps(alarms), "utf-8")


def test_from_self_training_on_half_of_each_batch_learns_from_proposals(data: DataSet, tmp_path: Path) -> None:
    recipe = _recipe(self_training_from=0.5, self_training_rounds=1)
    _write_round(data, tmp_path, [0.0] * len(data.uncracked))
    stream = painted_stream(data, recipe, 0, tmp_path)
    before = [stream[index]["truth"] for index in range(8)]
    after = [stream[20 * 8 + slot]["truth"] for slot in range(8)]
    assert not any((truth == IGNORED).any() for truth in before)
    assert [bool((truth == IGNORED).any()) for truth in after] == [False, True] * 4


def test_a_crack_painted_over_a_proposal_is_known_to_the_pixel(data: DataSet, tmp_path: Path) -> None:
    recipe = _recipe(self_training_from=0.5, self_training_rounds=1)
    _write_round(data, tmp_path, [0.0] * len(data.uncracked))
    stream = painted_stream(data, recipe, 0, tmp_path)
    proposed = [stream[20 * 8 + slot]["truth"] for slot in range(1, 64, 2)]
    assert {tuple(truth.unique().tolist()) for truth in proposed} == {(IGNORED,), (1, IGNORED)}


def test_photographs_on_which_the_teacher_wrongly_sees_a_crack_are_learned_from_more_often(tmp_path: Path) -> None:
    data = load_data(two_folders(tmp_path / "walls"))
    for shade, photo in enumerate(data.uncracked):
        save_image(photo.path, np.full((96, 96, 3), 20 + 40 * shade, np.uint8))
    settings = {"augment": False, "procedural_share": 0.0, "normalisation": "imagenet"}
    recipe = _recipe(self_training_from=0.5, self_training_rounds=1, **settings)
    _write_round(data, tmp_path, [0.0] * 5 + [0.98])
    stream = painted_stream(data, recipe, 0, tmp_path)
    without_crack = [stream[step * 8 + 6]["photo"][0] for step in range(20, 40)]
    shades = [(float(crop.median()) * 0.229 + 0.485) * 255 for crop in without_crack]  # of torchvision's red
    assert sum(round((shade - 20) / 40) == 5 for shade in shades) >= 12  # by chance 3


def test_masks_that_a_person_corrected_join_self_training(data: DataSet, tmp_path: Path) -> None:
    recipe = load_recipe("corrected", crop_px=64, batch=8, steps=40, epoch_steps=10, self_training_from=0.5)
    _write_round(data, tmp_path, [0.0] * len(data.uncracked))
    mask = np.zeros((96, 96), np.uint8)
    mask[:, ::3] = 255
    save_image(tmp_path / "mask.png", mask)
    first, *others = data.cracked
    corrected = DataSet((*data.uncracked, replace(first, mask=tmp_path / "mask.png"), *others))
    stream = painted_stream(corrected, recipe, 0, tmp_path)
    truths = [stream[20 * 8 + slot]["truth"] for slot in range(1, 64, 2)]
    from_person = [truth for truth in truths if not (truth == IGNORED).any()]
    assert 8 <= len(from_person) <= 24  # every other one
    assert all(0.2 < float((truth == 1).float().mean()) < 0.5 for truth in from_person)


def test_corrected_masks_that_do_not_fit_are_left_out_and_none_that_fits_is_said_at_once(
    data: DataSet, tmp_path: Path
) -> None:
    recipe = load_recipe("corrected", crop_px=64, batch=8, steps=40, epoch_steps=10, self_training_from=0.5)
    _write_round(data, tmp_path, [0.0] * len(data.uncracked))
    for name, side in (("fits.png", 96), ("misfit.png", 50)):
        save_image(tmp_path / name, np.full((side, side), 255, np.uint8))
    first, second, *others = data.cracked
    misfit = replace(second, mask=tmp_path / "misfit.png")
    with pytest.raises(FissuraError, match=r"not one mask of a cracked photograph can be used; .*misfit"):
        painted_stream(DataSet((*data.uncracked, first, misfit, *others)), recipe, 0, tmp_path)
    fitting = replace(first, mask=tmp_path / "fits.png")
    stream = painted_stream(DataSet((*data.uncracked, fitting, misfit, *others)), recipe, 0, tmp_path)
    assert sum(bool((stream[20 * 8 + slot]["truth"] == 1).all()) for slot in range(1, 64, 2)) >= 8


def test_supervised_crops_take_their_truth_from_the_mask(tmp_path: Path) -> None:
    for name, split in (("CFD_1", "train"), ("noncrack_CFD_2", "train")):
        rng = np.random.default_rng(0)
        save_image(tmp_path / split / "images" / f"{name}.png", rng.integers(0, 255, (64, 64, 3), np.uint8))
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 20:40] = 255
    save_image(tmp_path / "train" / "masks" / "CFD_1.png", mask)
    recipe = load_recipe("supervised", crop_px=64, batch=4, augment=False)
    truths = [masked_stream(load_data(tmp_path), recipe, 0)[index]["truth"][0].numpy() for index in range(8)]
    assert {truth.tobytes() for truth in truths} == {(mask > 0).astype(np.uint8).tobytes(), bytes(64 * 64)}


def test_a_mask_of_0_and_1_does_not_teach_that_a_crack_is_background(data: DataSet, tmp_path: Path) -> None:
    for name, value in (("good.png", 255), ("of_0_and_1.png", 1)):
        save_image(tmp_path / name, np.full((96, 96), value, np.uint8))
    good, bad, *_ = data.cracked
    masked = DataSet((replace(good, mask=tmp_path / "good.png"), replace(bad, mask=tmp_path / "of_0_and_1.png")))
    stream = masked_stream(masked, load_recipe("supervised", crop_px=64, batch=4, augment=False), 0)
    assert all(bool((stream[index]["truth"] == 1).all()) for index in range(8))
    alone = DataSet((masked[1], *data.uncracked))
    with pytest.raises(FissuraError, match=r"not one mask of a cracked .*of_0_and_1\.png: is empty"):
        masked_stream(alone, load_recipe("supervised"), 0)


def test_corrected_without_any_mask_says_so(data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(FissuraError, match="no cracked photograph has a mask"):
        painted_stream(data, load_recipe("corrected"), 0, tmp_path)


def test_supervised_without_any_mask_says_so(data: DataSet) -> None:
    with pytest.raises(FissuraError, match="no photograph has a mask"):
        masked_stream(data, load_recipe("supervised"), 0)


def test_the_originals_order_is_one_shuffle_round_and_round(data: DataSet) -> None:
    recipe = load_recipe("seed", crop_px=64, batch=4)
    stream = labelled_stream(data, recipe, 1)
    labels = [float(stream[index]["label"]) for index in range(2 * len(data))]
    assert labels[: len(data)] == labels[len(data) :]
    assert sorted(labels[: len(data)]) == [0.0] * 6 + [1.0] * 6


def test_photographs_without_a_label_teach_nothing(data: DataSet) -> None:
    unlabelled = DataSet((*data.cracked, *(replace(photo, label=None) for photo in data.uncracked)))
    stream = labelled_stream(unlabelled, load_recipe("seed", crop_px=64, batch=4), 1)
    assert {float(stream[index]["label"]) for index in range(24)} == {1.0}


@pytest.mark.parametrize("batch", [1, 3])
def test_small_batches_are_taught_the_same_kinds_of_crops(data: DataSet, tmp_path: Path, batch: int) -> None:
    recipe = _recipe(self_training_from=0.5, self_training_rounds=1, batch=batch)
    _write_round(data, tmp_path, [0.0] * len(data.uncracked))
    stream = painted_stream(data, recipe, 0, tmp_path)
    half = 20 * batch
    before = [stream[index] for index in range(16)]
    after = [stream[index] for index in range(half + half % 2, half + half % 2 + 16)]
    assert sum(not sample["label"] for sample in before) >= 4
    assert [bool((sample["truth"] == IGNORED).any()) for sample in after] == [False, True] * 8
    assert sum(not sample["label"] for sample in after) >= 2


def test_crops_are_loaded_where_processes_are_not_forked_by_default(data: DataSet) -> None:
    recipe = load_recipe("seed", crop_px=64, batch=4, steps=1, epoch_steps=1)
    method = multiprocessing.get_start_method()
    multiprocessing.set_start_method("forkserver", force=True)
    try:
        (batch,) = _loader(labelled_stream(data, recipe, 0), recipe, 0, 2, multiprocessing.RawValue(c_bool, False))
    finally:
        multiprocessing.set_start_method(method, force=True)
    assert batch["photo"].shape == (4, 3, 64, 64)


def test_a_photograph_that_cannot_be_read_does_not_end_a_run(tmp_path: Path) -> None:
    root = two_folders(tmp_path, each=3)
    (root / "uncracked" / "0.png").write_bytes(b"no picture")
    samples = exact_samples(load_data(root), _recipe(), 12, seed=0)
    assert len(samples) == 12
    for bad in (root / "uncracked").iterdir():
        bad.write_bytes(b"no picture")
    with pytest.raises(FissuraError, match="cannot be read"):
        exact_samples(load_data(root), _recipe(), 1, seed=0)


def test_the_only_photograph_that_can_be_read_is_found() -> None:
    photos = [Photo(Path(f"{index}.png"), "cracked") for index in range(60)]
    unread: list[Photo] = []

    def read(photo: Photo) -> Photo:
        if photo is not photos[7]:
            unread.append(photo)
            raise UnreadablePhotoError("no picture")
        return photo

    assert {Urn(photos).draw(np.random.default_rng(seed), read) for seed in range(8)} == {photos[7]}
    urn = Urn(photos)
    unread.clear()
    assert [urn.draw(np.random.default_rng(seed), read) for seed in range(8)] == [photos[7]] * 8
    assert len(unread) == len(set(unread))  # none is tried twice


def test_unknown_pixels_do_not_count_in_the_loss() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 8, 8)
    truth = torch.randint(0, 2, (2, 1, 8, 8), dtype=torch.uint8)
    known_half = truth.clone()
    known_half[..., 4:] = IGNORED
    other = logits.clone()
    other[..., 4:] = torch.randn(2, 1, 8, 4)
    torch.testing.assert_close(pixel_loss(logits, known_half), pixel_loss(other, known_half))
    assert not torch.isclose(pixel_loss(logits, truth), pixel_loss(other, truth))


def test_the_pixel_loss_of_a_right_answer_is_nought() -> None:
    truth = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    truth[..., 3] = 1
    assert float(pixel_loss(40.0 * truth.float() - 20.0, truth)) < 1e-3


def test_the_max_pool_loss_asks_for_one_pixel_on_cracked_and_none_on_uncracked() -> None:
    logits = torch.full((2, 1, 8, 8), -20.0)
    logits[0, 0, 2, 2] = 20.0
    assert float(label_loss(logits, torch.tensor([1.0, 0.0]))) < 1e-6
    assert float(label_loss(logits, torch.tensor([0.0, 1.0]))) > 10


@pytest.mark.parametrize("pooling", ["max", "top-k", "log-sum-exp"])
def test_every_pooling_gives_equal_logits_back_and_otherwise_lies_between_their_mean_and_maximum(
    pooling: Pooling,
) -> None:
    def pooled(logits: torch.Tensor) -> float:
        loss = float(label_loss(logits, torch.tensor([1.0]), pooling))  # log(1 + exp(-z)) of the pooled logit z
        return -math.log(math.expm1(loss))

    assert pooled(torch.full((1, 1, 20, 30), 0.7)) == pytest.approx(0.7, abs=1e-4)
    logits = torch.randn(1, 1, 20, 30, generator=torch.Generator().manual_seed(0))
    assert float(logits.mean()) < pooled(logits) <= float(logits.max()) + 1e-4


def test_top_k_pooling_is_the_mean_of_the_highest_hundredth() -> None:
    logits = torch.arange(400.0).reshape(1, 1, 20, 20) / 400
    highest = logits.flatten().sort().values[-4:].mean()
    expected = torch.nn.functional.softplus(-highest)
    torch.testing.assert_close(label_loss(logits, torch.tensor([1.0]), "top-k"), expected)
