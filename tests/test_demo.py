"""The demo: what it writes, shows and refuses. Networks are stood in for; one slow test trains for real."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fissura.demo import Demo, run_demo
from fissura.demo.photographs import paint_photograph
from fissura.demo.running import FIGURES
from fissura.errors import FissuraError
from fissura.photos import load_data, read_mask, read_photo
from fissura.verbs.models import evaluate
from model_files import CARD, CLEANING, write_model

SMALL: dict[str, Any] = {"photos": 14, "side_px": 96}


@contextmanager
def _stand_ins() -> Iterator[list[dict[str, Any]]]:
    """Let a model that takes what is dark for crack stand in for trained ones; give the calls to train."""
    calls: list[dict[str, Any]] = []
    cleaning = CLEANING.model_copy(update={"high": 0.99, "min_extent_px": 12})

    def train(data: list[Path], *, out: Path, **settings: Any) -> SimpleNamespace:
        calls.append({"data": data, **settings})
        out.mkdir(parents=True)
        card = CARD.model_copy(update={"cleaning": cleaning})
        return SimpleNamespace(model=write_model(out / "model.onnx", card=card))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fissura.demo.running.train", train)
        yield calls


@pytest.fixture(scope="module")
def calls_and_demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Demo]:
    with _stand_ins() as calls:
        return calls, run_demo(tmp_path_factory.mktemp("demo"), steps=7, batch=3, **SMALL)


@pytest.fixture
def demo(calls_and_demo: tuple[list[dict[str, Any]], Demo]) -> Demo:
    return calls_and_demo[1]


def test_training_sees_two_folders_and_no_mask(calls_and_demo: tuple[list[dict[str, Any]], Demo]) -> None:
    calls, _ = calls_and_demo
    assert [call["recipe"] for call in calls] == ["seed", "painted"]
    for call in calls:
        assert (call["steps"], call["batch"], call["crop_px"], call["network"]) == (7, 3, 96, "nano")
        data = load_data(*call["data"])
        assert len(data.cracked) == len(data.uncracked) == 14
        assert all(photo.mask is None for photo in data)


def test_held_out_photographs_have_masks_and_a_test_split(demo: Demo) -> None:
    held_out = load_data(demo.folder / "held-out").with_split("test")
    assert (len(held_out.cracked), len(held_out.uncracked)) == (4, 2)
    for photo in held_out:
        assert photo.mask is not None
        mask = read_mask(photo.mask, read_photo(photo.path).shape[:2])
        assert mask.any() == (photo.label == "cracked")
    learned = {read_photo(photo.path).tobytes() for photo in load_data(demo.folder / "photographs")}
    assert learned.isdisjoint(read_photo(photo.path).tobytes() for photo in held_out)


def test_figures_are_those_of_an_evaluation_of_the_models(demo: Demo) -> None:
    evaluation = evaluate([demo.folder / "held-out"], model=demo.models["painted"])
    summary = evaluation.summary.query("scope == 'overall'").set_index("metric")
    for metric in FIGURES:
        assert demo.figures.loc[metric, ("painted", "value")] == summary.loc[metric, "value"]


def test_it_prints_a_table_and_the_path_of_the_picture(demo: Demo) -> None:
    console = Console(width=200, file=io.StringIO())
    console.print(demo)
    shown = console.file.getvalue()
    for words in ("seed", "painted", *FIGURES.values(), str(demo.picture)):
        assert words in shown
    assert f"{demo.figures.loc['dice_cracked', ('seed', 'value')]:.2f}" in shown


def test_the_picture_is_a_row_per_photograph_and_light_enough_for_a_readme(demo: Demo) -> None:
    picture = Image.open(demo.picture)
    assert picture.height > picture.width > 600
    assert demo.picture.stat().st_size < 400_000


def test_the_held_out_photographs_are_segmented(demo: Demo) -> None:
    assert demo.results.segmented == 6
    assert len(list((demo.folder / "results" / "masks").rglob("*.png"))) == 6


def test_a_second_demo_replaces_the_first(demo: Demo) -> None:
    (demo.folder / "runs" / "seed" / "left-over").write_text("of a killed demo")
    before = demo.picture.read_bytes()
    with _stand_ins():
        again = run_demo(demo.folder, steps=7, batch=3, **SMALL)
    assert not (demo.folder / "runs" / "seed" / "left-over").exists()
    assert again.picture.read_bytes() == before
    assert again.figures.equals(demo.figures)


def test_a_folder_of_somebody_elses_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "precious.onnx").write_text("months of work")
    with pytest.raises(FissuraError, match="--out"):
        run_demo(tmp_path, **SMALL)
    assert (tmp_path / "runs" / "precious.onnx").read_text() == "months of work"
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_what_is_not_installed_is_said_before_anything_is_painted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(FissuraError, match=r"not installed; run: pip install 'fissura\[train\]'"):
        run_demo(tmp_path / "demo", **SMALL)
    assert not (tmp_path / "demo").exists()


def test_files_of_ones_own_beside_a_demo_are_kept(tmp_path: Path) -> None:
    with _stand_ins():
        run_demo(tmp_path / "demo", **SMALL)
    (tmp_path / "demo" / "mine.txt").write_text("notes")
    with pytest.raises(FissuraError, match="holds files not known to be of `fissura demo`"):
        run_demo(tmp_path / "demo", **SMALL)
    assert (tmp_path / "demo" / "comparison.png").exists()


def test_a_photograph_depends_on_its_number_alone_and_is_cracked_as_told() -> None:
    first, mask = paint_photograph(5, 96, cracked=True)
    again, _ = paint_photograph(5, 96, cracked=True)
    other, _ = paint_photograph(6, 96, cracked=True)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (96, 96, 3)
    assert 0.005 <= mask.mean() < 0.5
    assert first[mask].mean() < first[~mask].mean()
    assert not paint_photograph(5, 96, cracked=False)[1].any()


@pytest.mark.slow
def test_it_trains_for_real_and_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    demo = run_demo(tmp_path / "demo", steps=101, batch=2, say=said.append, photos=10, side_px=64)
    assert len(said) == 4
    assert {path.name for path in demo.models.values()} == {"model.onnx"}
    assert demo.figures.xs("value", axis=1, level=1).notna().to_numpy().all()
    assert "".join(capfd.readouterr()) == ""
