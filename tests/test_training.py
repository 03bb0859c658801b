from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import fissura
from fissura.errors import FissuraError
from fissura.files import owned
from fissura.learning import Trained, calibrating, fitting, load_recipe, resume, train, training, validating
from fissura.learning import learner as learner_module
from fissura.learning.learner import Learner, read_checkpoint
from fissura.learning.proposing import proposal_path
from fissura.learning.run import Plan, RunFolder
from fissura.learning.training import HELD_OUT
from fissura.learning.validating import PAINTED, Validation
from fissura.photos import Photo, load_data, read_photo, save_image, split_by_group
from fissura.segmenting import Segmenter, bundled_model, read_card
from small_data import two_folders

SHORT = {"steps": 8, "batch": 4, "crop_px": 64}  # two epochs


@pytest.fixture(scope="module")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_folders(tmp_path_factory.mktemp("walls"), each=8)


@pytest.fixture(scope="module")
def undisturbed(walls: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    recipe = load_recipe("painted", **SHORT, epoch_steps=2, self_training_rounds=1)
    return train([walls], recipe, tmp_path_factory.mktemp("undisturbed") / "run", seed=3)


def _weights(model: Path) -> dict[str, bytes]:
    return {tensor.name: tensor.raw_data for tensor in onnx.load(model).graph.initializer}


@pytest.mark.slow
def test_one_model_file_comes_out_and_segments(undisturbed: Trained, walls: Path) -> None:
    segmenter = Segmenter(undisturbed.model)
    photo = read_photo(load_data(walls)[0].path)
    assert segmenter.probability(photo).shape == photo.shape[:2]
    card = segmenter.card
    recipe = load_recipe("painted")
    assert (card.recipe, card.network, card.seed) == (f"painted {recipe.version}", "nano", 3)
    assert card.licence.startswith(recipe.licence)
    assert "Özgenel 2019, CC BY 4.0" in card.licence  # of the photographs that the bundled model has learned from
    assert "from the bundled model (box" in card.provenance
    assert card.data_fingerprint == load_data(walls).fingerprint()
    assert undisturbed.judged is not None
    assert card.cleaning == undisturbed.judged.cleaning
    assert card.cleaning.min_extent_fraction == read_card(bundled_model()).cleaning.min_extent_fraction
    assert card.wide_from_afar


@pytest.mark.slow
def test_the_history_has_a_row_per_epoch_as_table_and_picture(undisturbed: Trained) -> None:
    assert list(undisturbed.history["step"]) == [2, 4, 6, 8]
    assert undisturbed.history["painted_dice"].between(0, 1).all()
    assert (undisturbed.folder / "history.csv").read_text().count("\n") == 5
    assert read_photo(undisturbed.folder / "history.png").shape[1] > 400


@pytest.mark.slow
def test_the_checkpoint_kept_is_of_the_last_round_of_self_training(
    walls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = iter([0.9, 0.8, 0.1, 0.3, 0.2])  # the first two are of painted cracks alone

    def judge(*_: object) -> dict[str, float]:
        return dict.fromkeys(("painted_dice", "image_accuracy", "selection"), next(figures))

    monkeypatch.setattr(Validation, "judge", judge)
    monkeypatch.setattr(training, "export_model", lambda _, __, path: shutil.copy(bundled_model(), path))
    changes = SHORT | {"steps": 10, "epoch_steps": 2, "self_training_from": 0.4, "self_training_rounds": 1}
    trained = train([walls], load_recipe("painted", **changes, calibrate=False), tmp_path / "run")
    assert trained.epoch == 4
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "best.ckpt")["rows"][-1]["epoch"] == 4


@pytest.mark.parametrize(("network", "distractors"), [("nano", 0), ("compact", PAINTED)])
def test_crops_with_painted_distractors_are_judged_where_no_model_vouches_for_the_smallest_extent(
    network: str, distractors: int, walls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[int] = []
    monkeypatch.setattr(calibrating, "choose_cleaning", lambda _, uncracked, *__: judged.append(len(list(uncracked))))
    held_out = split_by_group(load_data(walls), HELD_OUT, 0)[1]
    calibrating.calibrate(bundled_model(), load_recipe("painted", **SHORT, network=network), 0, held_out)
    assert judged == [len(held_out.uncracked) + distractors]


def test_the_step_to_a_mask_is_chosen_by_cracks_with_grains_in_them_and_the_glance_as_in_training(
    walls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out, recipe = split_by_group(load_data(walls), HELD_OUT, 0)[1], load_recipe("painted", **SHORT)
    painters = []
    monkeypatch.setattr(calibrating, "exact_samples", lambda _, recipe, *__: painters.append(recipe.painter) or [])
    judged = calibrating.calibrate(bundled_model(), recipe, 0, held_out)
    calibrating.calibrate_glance(bundled_model(), recipe, 0, held_out, judged.cleaning)
    assert painters == [replace(recipe.painter, grit=calibrating.GRIT), recipe.painter]


@pytest.mark.slow
def test_a_second_run_into_the_same_folder_is_refused(undisturbed: Trained, walls: Path) -> None:
    with pytest.raises(FissuraError, match="--resume"):
        train([walls], load_recipe("painted"), undisturbed.folder)
    with owned(undisturbed.folder), pytest.raises(FissuraError, match="another run writes here"):
        resume(undisturbed.folder)


@pytest.mark.slow
def test_a_run_killed_twice_resumes_to_the_model_of_an_undisturbed_one(
    undisturbed: Trained, walls: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    code = (
        "import sys; from pathlib import Path; from fissura.learning import load_recipe, resume, train\n"
        "walls, run = map(Path, sys.argv[1:])\n"
        f"recipe = load_recipe('painted', **{SHORT!r}, epoch_steps=2, self_training_rounds=1)\n"
        "resume(run) if run.exists() else train([walls], recipe, run, seed=3)"
    )
    command = [sys.executable, "-c", code, walls.name, str(run)]  # resumed from another folder than begun in
    history = run / "history.csv"
    for epochs in (1, 3):  # painting, self-training
        process = subprocess.Popen(command, cwd=walls.parent, start_new_session=True)
        while process.poll() is None:
            if history.exists() and history.read_text().count("\n") > epochs:
                time.sleep(0.2 * np.random.default_rng().random())  # anywhere in what follows an epoch
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.02)
        assert process.returncode == -signal.SIGKILL
        assert not (run / "model.onnx").exists()
    resumed = resume(run)
    assert _weights(resumed.model) == _weights(undisturbed.model)
    figures = ["epoch", "step", "loss", "painted_dice", "image_accuracy", "selection"]
    assert resumed.history[figures].equals(undisturbed.history[figures])


@contextmanager
def _begun(walls: Path, run: Path) -> Iterator[subprocess.Popen[str]]:
    """Begin a long training as a user does, and give it once it has its first checkpoint."""
    command = [sys.executable, "-m", "fissura", "train", str(walls), "--out", str(run), "--recipe", "seed"]
    options = ["--network", "compact", "--batch", "2", "--crop-px", "64", "--steps", "6000"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
    try:
        while not (run / "checkpoints" / "last.ckpt").exists():
            assert process.poll() is None
            time.sleep(0.1)
        yield process
    finally:
        process.kill()


@pytest.mark.slow
def test_sigterm_leaves_a_run_that_can_be_resumed(walls: Path, tmp_path: Path) -> None:
    with _begun(walls, tmp_path / "run") as process:
        process.terminate()
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_photographs_that_go_away_end_the_run_at_once(walls: Path, tmp_path: Path) -> None:
    shutil.copytree(walls, tmp_path / "walls")
    with _begun(tmp_path / "walls", tmp_path / "run") as process:
        shutil.rmtree(tmp_path / "walls")
        _, errors = process.communicate(timeout=60)  # seconds, where loading processes that stay would hold it up
    assert process.returncode == 1
    assert "cannot be read" in errors
    assert "Traceback" not in errors


def test_a_model_stands_only_once_its_step_to_a_mask_is_chosen(
    undisturbed: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = undisturbed.model.read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "calibrate", killed)
    with pytest.raises(KeyboardInterrupt):
        resume(undisturbed.folder)
    assert undisturbed.model.read_bytes() == before


def _network(*layers: nn.Module) -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *layers, nn.Conv2d(8, 1, 1))
    network.multiple_px = 32  # type: ignore[assignment]
    return network


def test_the_indices_of_a_network_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    indices = nn.Identity()
    indices.register_buffer("places", torch.arange(100), persistent=False)
    monkeypatch.setattr(learner_module, "build_network", lambda *_, **__: _network(indices))
    learner = Learner(load_recipe("seed", steps=50), 0)
    for _ in range(50):
        learner.teacher.update_parameters(learner.student)
    assert torch.equal(next(learner.network.buffers()), torch.arange(100))


def test_what_a_network_leaves_out_at_random_follows_from_the_seed_and_a_resumed_run_goes_on_with_it(
    walls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner_module, "build_network", lambda *_, **__: _network(nn.Dropout(0.5)))
    monkeypatch.setattr(training, "export_model", lambda *_: None)
    monkeypatch.setattr(validating, "PAINTED", 1)
    recipe = load_recipe("seed", network="compact", crop_px=64, batch=2, steps=2, epoch_steps=1)
    runs = [train([walls], recipe, tmp_path / name, seed=3) for name in ("first", "second")]
    with monkeypatch.context() as patch:
        patch.setattr(
            fitting, "write_history", lambda _, history: 1 / (2 - len(history))
        )  # fails in the second epoch
        with pytest.raises(ZeroDivisionError):
            train([walls], recipe, tmp_path / "third", seed=3)
    runs.append(resume(tmp_path / "third"))
    assert len({tuple(run.history["loss"]) for run in runs}) == 1


@pytest.mark.slow
def test_a_network_for_photographs_of_one_size_alone_is_refused_at_once(walls: Path, tmp_path: Path) -> None:
    recipe = load_recipe("seed", **SHORT, network="timm:coat_lite_tiny", pretrained=False)
    with pytest.raises(FissuraError, match=r"timm:coat_lite_tiny: cannot be used .* \(Input height"):
        train([walls], recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "reason",
    [
        "unable to write to file </torch_16884_2159798656_0>: No space left on device (28)",
        "DataLoader worker (pid 7) is killed by signal: Bus error. Its workers may be out of shared memory.",
    ],
)
def test_a_container_without_shared_memory_is_told_as_such(
    reason: str, walls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object, **__: object) -> None:
        raise RuntimeError(
            f"Caught RuntimeError in DataLoader worker process 0.\nTraceback:\nRuntimeError: {reason}\n"
        )

    monkeypatch.setattr(training, "fit", fall)
    monkeypatch.setattr(validating, "PAINTED", 1)
    with pytest.raises(FissuraError, match="--shm-size") as caught:
        train([walls], load_recipe("seed", **SHORT, network="compact"), tmp_path / "run")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "reason",
    [
        'File "/home/me/torch_env/lib/x.py", line 3\nRuntimeError: boom',
        "unable to open shared memory object </torch_16884_1_0> in read-write mode: Too many open files (24)",
    ],
)
def test_other_failures_are_not_taken_for_a_lack_of_shared_memory(reason: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape(reason)), training._loaders_in_words():
        raise RuntimeError(reason)


def test_a_lack_of_shared_memory_is_told_where_torch_names_it_as_the_cause_alone() -> None:
    with pytest.raises(FissuraError, match=r"out of shared memory.*--shm-size"), training._loaders_in_words():
        raise RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly") from RuntimeError(
            "DataLoader worker (pid 7) is killed by signal: Bus error. Its workers may be out of shared memory."
        )


def test_a_full_disk_is_not_taken_for_a_network_of_one_size_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise FissuraError("untrained.onnx: cannot be written (No space left on device)") from OSError(28)

    monkeypatch.setattr(training, "export_model", fail)
    recipe = load_recipe("seed", **SHORT, network="compact")
    plan = Plan(recipe=recipe, seed=0, data=[], data_fingerprint="", precision="32-true", threads=1)
    with pytest.raises(FissuraError, match=r"^untrained\.onnx: cannot be written"):
        training._refuse_fixed_sizes(Learner(recipe, 0).network, plan)


@pytest.mark.parametrize("part", ["checkpoints", "proposals"])
def test_parts_of_another_run_are_never_taken_for_ones_own(part: str, walls: Path, tmp_path: Path) -> None:
    (tmp_path / part).mkdir()
    with pytest.raises(FissuraError, match="without its plan"):
        train([walls], load_recipe("painted", **SHORT), tmp_path)


def test_a_checkpoint_of_something_else_is_said_to_be_one(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "last.ckpt")
    with pytest.raises(FissuraError, match=r"last\.ckpt: is no checkpoint of this run"):
        Learner(load_recipe("seed", network="compact"), 0).load(tmp_path / "last.ckpt")


def test_what_a_run_killed_while_it_wrote_has_left_goes_when_it_is_resumed(walls: Path, tmp_path: Path) -> None:
    plan = Plan(
        recipe=load_recipe("painted"), seed=0, data=[walls], data_fingerprint="", precision="32-true", threads=1
    )
    folder = RunFolder(tmp_path)
    folder.write_plan(plan)
    folder.checkpoints.mkdir()
    for file in (
        folder.model,
        folder.last,
        tmp_path / ".model-0123abcd.onnx",
        tmp_path / "..model-0123abcd-0123abcd.onnx",
        folder.checkpoints / ".last-0123abcd.ckpt",
    ):
        file.touch()
    with pytest.raises(FissuraError, match="have changed"):
        resume(tmp_path)
    assert not list(tmp_path.rglob(".*"))
    assert folder.model.exists()
    assert folder.last.exists()


def test_what_a_run_is_writing_stays_when_another_resumes_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_plan(
        Plan(recipe=load_recipe("painted"), seed=0, data=[], data_fingerprint="", precision="32-true", threads=1)
    )
    with owned(tmp_path):
        (tmp_path / ".model-0123abcd.onnx").touch()
        with pytest.raises(FissuraError, match="another run writes here"):
            resume(tmp_path)
        assert (tmp_path / ".model-0123abcd.onnx").exists()


def test_proposals_are_found_where_a_link_has_taken_the_place_of_the_photographs(tmp_path: Path) -> None:
    photo = Photo(tmp_path / "walls" / "1.jpg", "cracked")
    before = proposal_path(tmp_path, 1, photo)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "walls").symlink_to("elsewhere")
    assert proposal_path(tmp_path, 1, photo) == before


@pytest.mark.parametrize("recipe", ["supervised", "corrected"])
def test_masks_that_are_all_held_out_are_said_to_be(recipe: str, walls: Path, tmp_path: Path) -> None:
    held_out = split_by_group(load_data(walls), HELD_OUT, 0)[1].cracked[0]
    save_image(tmp_path / "mask.png", np.full(read_photo(held_out.path).shape[:2], 255, np.uint8))
    rows = [
        f"{photo.path},{photo.label},{tmp_path / 'mask.png' if photo.path == held_out.path else ''},{photo.source}"
        for photo in load_data(walls)
    ]
    (tmp_path / "photos.csv").write_text("\n".join(["photo,label,mask,source", *rows]))
    with pytest.raises(FissuraError, match="all its masks are of photographs that are held out"):
        train([tmp_path / "photos.csv"], load_recipe(recipe, **SHORT), tmp_path / "run")


def test_proposals_of_photographs_behind_a_link_are_found_when_resumed(walls: Path, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).symlink_to(walls)
    data = [tmp_path / os.fsdecode(b"caf\xe9")]
    plan = Plan(
        recipe=load_recipe("painted", **SHORT), seed=0, data=data, data_fingerprint="", precision="32-true", threads=1
    )
    RunFolder(tmp_path).write_plan(plan)
    assert RunFolder(tmp_path).read_plan() == plan
    begun: list[Plan] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "_run", lambda _, plan, *__, **___: begun.append(plan))
        train(data, plan.recipe, tmp_path / "run")
    (first, *_), (again, *_) = load_data(*data), load_data(*begun[0].data)
    assert proposal_path(tmp_path, 1, first) == proposal_path(tmp_path, 1, again)


@pytest.mark.slow
def test_the_originals_recipe_trains_any_network_with_its_own_threshold(walls: Path, tmp_path: Path) -> None:
    trained = fissura.train([walls], out=tmp_path / "run", recipe="seed", network="timm:resnet10t", **SHORT)
    card = Segmenter(trained.model).card
    assert (card.network, card.normalisation, card.cleaning.high) == ("timm:resnet10t", "imagenet", 0.5)
    assert not card.wide_from_afar  # the original looks once


def test_changed_photographs_are_not_resumed_with(walls: Path, tmp_path: Path) -> None:
    recipe = load_recipe("painted", **SHORT)
    plan = Plan(recipe=recipe, seed=0, data=(walls,), data_fingerprint="another", precision="32-true", threads=1)
    RunFolder(tmp_path).write_plan(plan)
    with pytest.raises(FissuraError, match="groups have changed"):
        resume(tmp_path)


def test_changed_groups_are_not_resumed_with(walls: Path, tmp_path: Path) -> None:
    seen = {"data_fingerprint": load_data(walls).fingerprint(), "exact_fingerprint": "another"}
    plan = Plan(recipe=load_recipe("painted", **SHORT), seed=0, data=(walls,), precision="32-true", threads=1, **seen)
    RunFolder(tmp_path).write_plan(plan)
    with pytest.raises(FissuraError, match="groups have changed"):
        resume(tmp_path)


def test_uncracked_photographs_of_one_parent_cannot_be_held_out(tmp_path: Path) -> None:
    names = [f"cracked/wall{i}" for i in range(6)] + [f"uncracked/20160222_081011_{i}_721" for i in range(6)]
    for name in names:
        save_image(tmp_path / "walls" / f"{name}.png", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(FissuraError, match="uncracked photographs are all tiles of one"):
        train([tmp_path / "walls"], load_recipe("painted", **SHORT), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_disk_without_room_for_a_checkpoint_ends_a_run_in_one_line(walls: Path, tmp_path: Path) -> None:
    code = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20));"
        "sys.argv[0] = 'fissura'; runpy.run_module('fissura', run_name='__main__')"
    )
    options = ["--recipe", "seed", "--network", "compact", "--batch", "2", "--crop-px", "64", "--steps", "2"]
    command = [sys.executable, "-c", code, "train", str(walls), "--out", str(tmp_path / "run"), *options]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "best.ckpt: cannot be written" in " ".join(process.stderr.split())
    assert "Traceback" not in process.stderr
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


def test_weakly_supervised_training_cannot_see_a_mask(tmp_path: Path) -> None:
    """Whatever the data set holds, only a recipe that says `supervised` is handed masks."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    for name in ("CFD_1", "noncrack_CFD_2"):
        for split in ("train", "test"):
            save_image(tmp_path / split / "images" / f"{name}_{split}.png", pixels)
            save_image(tmp_path / split / "masks" / f"{name}_{split}.png", pixels[..., 0])
    seen = training._photos_to_learn_from([tmp_path], load_recipe("painted"))
    assert len(seen) == 2
    assert all(photo.mask is None and photo.split == "train" for photo in seen)
    supervised = training._photos_to_learn_from([tmp_path], load_recipe("supervised"))
    assert all(photo.split == "train" for photo in supervised)
    assert any(photo.mask for photo in supervised)
