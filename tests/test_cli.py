"""The command line as its user meets it: what it prints, how it ends, what it leaves."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from math import nan
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import fissura
from fissura import cli, terminal
from fissura.errors import FissuraError
from fissura.learning import load_recipe, recipe_names
from fissura.learning.networks import build_network
from fissura.segmenting import FORMAT_VERSION
from fissura.segmenting.resizing import LARGEST, SMALLEST
from model_files import CARD, cracked_photo, network, write_model

VERBS = (
    *("demo", "inspect", "paint", "train", "segment", "evaluate", "import"),
    *("measure", "report", "export", "import-masks", "compare"),
    *("segment-raster", "quantise", "benchmark-engine"),
)
README = Path(__file__).resolve().parents[1] / "README.md"
GUIDE = README.parent / "docs" / "guide.md"


def run(*arguments: object) -> tuple[int, str, str]:
    """Run the command line in this process; give status, stdout and stderr."""
    result = CliRunner().invoke(cli.app, [str(one) for one in arguments], prog_name="fissura")
    return result.exit_code, result.stdout, result.stderr


def refused(*arguments: object) -> str:
    """Run a command that must fail with status 1; give its error line, the last and only one of its kind."""
    status, _, stderr = run(*arguments)
    assert status == 1, stderr
    assert "Traceback" not in stderr
    lines = stderr.strip().splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    assert "; " in lines[-1], "what is wrong; the mend"
    return lines[-1]


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def walls(tmp_path: Path) -> Path:
    """Two cracked and two uncracked photographs with masks, as in Kaggle's collection."""
    photo = cracked_photo(96)
    for index in range(2):
        save(tmp_path / f"walls/test/images/CFD_{index}.png", photo)
        save(tmp_path / f"walls/test/masks/CFD_{index}.png", (photo[:, :, 0] < 100).astype(np.uint8) * 255)
        save(tmp_path / f"walls/test/images/noncrack_{index}.png", np.full_like(photo, 150))
    return tmp_path / "walls"


# How to find one's way: --help, --version, examples


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_shows_an_example_of_it(verb: str) -> None:
    status, stdout, _ = run(verb, "--help")
    assert status == 0
    assert f"$ fissura {verb}" in stdout


def help_of(verb: str, option: str) -> str:
    command = typer.main.get_command(cli.app).commands[verb]
    return next(one.help for one in command.params if f"--{option}" in one.opts)


def test_help_names_the_networks_that_there_are() -> None:
    with pytest.raises(FissuraError) as error:
        build_network("cake", pretrained=False)
    assert str(error.value).endswith("; choose " + help_of("train", "network").removesuffix("."))


def test_help_and_guide_say_what_becomes_of_steps_and_factors() -> None:
    guide = " ".join(GUIDE.read_text("utf-8").split())
    epoch_steps = {name: load_recipe(name).epoch_steps for name in recipe_names()}
    assert f"whole epochs: of {epoch_steps['painted']} steps in recipe painted" in help_of("train", "steps")
    assert f"whole epochs, of {epoch_steps['painted']} steps, or {epoch_steps['seed']} in the original's" in guide
    factors = f"{SMALLEST:g} to {LARGEST:g}"
    assert factors in help_of("segment", "resize")
    assert f"`--resize 0.25` is your own choice, of {factors}." in guide


def test_help_of_train_lists_every_recipe_with_its_description() -> None:
    listed = cli.models._recipes()
    for path in (Path(fissura.__file__).parent / "learning" / "recipes").glob("*.toml"):
        description = re.search(r'^description = "(.+)"$', path.read_text("utf-8"), re.MULTILINE)
        assert description is not None
        assert f"{path.stem}: {description.group(1)}" in listed
    assert "painted" in run("train", "--help")[1]


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        *((verb, "what fissura segment was told, if nothing here") for verb in ("measure", "report", "export")),
        ("segment-raster", "the raster's own, if nothing here"),
        ("compare", "of the earlier photograph"),
    ],
)
def test_help_says_where_the_scale_comes_from(verb: str, told: str) -> None:
    command = typer.main.get_command(cli.app).commands[verb]
    headings = {one.name: one.rich_help_panel for one in command.params if one.name in {"mm_per_px", "severity"}}
    assert all(heading.startswith("Scale") and told in heading for heading in headings.values())
    assert ("severity" in headings) == (verb != "compare")
    assert verb == "compare" or help_of(verb, "severity").endswith("Needs a scale.")


def examples() -> list[str]:
    command = typer.main.get_command(cli.app)
    texts = [command.epilog or "", *(one.epilog or "" for one in command.commands.values())]
    if README.exists():
        texts += re.findall(r"^```.*?^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    found = re.findall(r"^\s*(?:\$ )?fissura ([a-z-].*)$", "\n".join(texts), re.MULTILINE)
    return [re.split(r"\s+#|[|>]", line)[0].strip() for line in found]


@pytest.mark.parametrize("example", examples())
def test_examples_of_help_and_readme_are_understood(example: str) -> None:
    verb, *arguments = shlex.split(example)
    command = typer.main.get_command(cli.app).commands[verb]
    command.make_context(verb, arguments)  # parses and checks, runs nothing


def test_version() -> None:
    assert run("--version") == (0, f"fissura {fissura.__version__}\n", "")


def test_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "fissura", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fissura {fissura.__version__}\n"


@pytest.mark.parametrize("code", ["import fissura", "import fissura.cli"])
def test_import_loads_nothing_heavy(code: str) -> None:
    code += "; import sys; print(len(sys.modules), *{'torch', 'cv2', 'numpy', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, *heavy = done.stdout.split()
    assert not heavy
    assert int(count) < 400  # modules; numpy alone brings 150


@pytest.mark.parametrize(("verb", "others"), [("segment", "pandas matplotlib ezdxf"), ("report", "ezdxf")])
def test_a_verb_loads_nothing_that_only_other_verbs_need(verb: str, others: str) -> None:
    code = f"import fissura; fissura.{verb}; import sys; print(*set('{others}'.split()) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["segmnt"],
        ["segment", "walls"],
        ["train", "--out", "run"],
        ["train", "walls", "--out", "run", "--logger", "fax"],
        ["paint", "--out", "samples", "--count", "0"],
        ["train", "walls", "--out", "run", "--seed", str(2**65)],
    ],
)
def test_wrong_calls_end_with_status_2(arguments: list[str]) -> None:
    status, _, stderr = run(*arguments)
    assert status == 2
    assert "Traceback" not in stderr


# What the verbs print and leave


def test_inspect_prints_counts_and_warnings(walls: Path, tmp_path: Path) -> None:
    (walls / "test/images/CFD_9.jpg").write_text("no picture")
    status, stdout, stderr = run("inspect", walls, "--out", tmp_path / "out")
    assert status == 0
    assert "source\tsplit\tcracked\tuncracked" in stdout
    assert "CFD\ttest\t3\t0" in stdout
    assert "warning: " in stdout
    assert "skipped: 1 photograph\n" in stderr
    assert (tmp_path / "out/inspection.png").stat().st_size > 1000


def test_paint_passes_over_what_cannot_be_read_and_names_it(tmp_path: Path) -> None:
    save(tmp_path / "walls/1.png", np.full((64, 64, 3), 120, np.uint8))
    (tmp_path / "walls/2.png").write_bytes(b"no picture")
    status, stdout, stderr = run("paint", tmp_path / "walls", "--out", tmp_path / "out", "--count", 6)
    assert status == 0
    assert "painted: 6 photographs" in stdout
    assert "2.png" in stderr


def test_paint_leaves_photographs_masks_and_overlays(tmp_path: Path) -> None:
    status, stdout, _ = run("paint", "--out", tmp_path / "out", "--count", 2, "--size-px", 64)
    assert status == 0
    assert "painted: 2 photographs" in stdout
    assert len(list((tmp_path / "out").glob("*/000[01].png"))) == 6


def test_paint_replaces_what_it_painted_and_nothing_else(tmp_path: Path) -> None:
    paint = "paint", "--out", tmp_path / "out", "--size-px", 64, "--count"
    for count in (3, 1):
        assert run(*paint, count)[0] == 0
    assert [path.name for path in (tmp_path / "out").glob("*/*.png")] == ["0000.png"] * 3
    assert "holds all photographs that are given" in refused(*paint, 1, tmp_path / "out/photos")
    drawn = save(tmp_path / "walls/masks/0000.png", np.zeros((9, 9), np.uint8))
    before = drawn.read_bytes()
    assert "not known to be of `fissura paint`; choose another --out" in refused(
        "paint", "--out", tmp_path / "walls", "--count", 1
    )
    assert drawn.read_bytes() == before


def test_paint_from_python_names_what_it_has_painted(tmp_path: Path) -> None:
    painted = fissura.paint(out=tmp_path, count=2, size_px=64)
    assert painted == [tmp_path / "photos" / name for name in ("0000.png", "0001.png")]


def test_segment_counts_and_leaves_a_table(walls: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, stdout, stderr = run("segment", walls / "test/images", "--model", model, "--out", out, "--rle")
    assert status == 0
    assert "cracked\t2\nuncracked\t2\nskipped\t0\n" in stdout
    engine, hint = stderr.splitlines()
    assert engine.startswith("engine: ")
    assert hint.startswith("measure it: fissura report ")
    assert f"table: {out / 'results.csv'}" in stdout
    assert (out / "submission.csv").exists()


def test_segment_advises_to_measure_only_what_can_be_measured(walls: Path, model: Path, tmp_path: Path) -> None:
    for kinds, advised in ((["mask"], False), (["overlay", "probability"], False), (["mask", "probability"], True)):
        out = tmp_path / "-".join(kinds)
        only = [word for kind in kinds for word in ("--only", kind)]
        status, _, stderr = run("segment", walls / "test/images", "--model", model, "--out", out, *only)
        assert status == 0
        assert ("measure it: " in stderr) == advised
        assert (run("measure", out)[0] == 0) == advised


def test_segment_resumes_and_counts_what_was_done_before(walls: Path, model: Path, tmp_path: Path) -> None:
    command = ("segment", walls / "test/images", "--model", model, "--out", tmp_path / "out", "--resume")
    first, again = run(*command), run(*command)
    assert first == again


def test_segment_into_a_folder_among_the_photographs(walls: Path, model: Path) -> None:
    photos = walls / "test/images"
    command = ("segment", photos, "--model", model, "--out", photos / "results", "--resume")
    assert run(*command) == run(*command)


def test_a_folder_of_results_alone_is_named_as_given(walls: Path, model: Path, tmp_path: Path) -> None:
    assert run("segment", walls / "test/images", "--model", model, "--out", tmp_path / "job")[0] == 0
    error = refused("segment", tmp_path / "job", "--model", model, "--out", tmp_path / "job2")
    assert error == f"error: {tmp_path / 'job'}: results only, no photographs; name the photographs"


def test_segment_never_writes_over_masks_of_a_data_set(walls: Path, model: Path) -> None:
    before = (walls / "test/masks/CFD_0.png").read_bytes()
    error = refused("segment", walls / "test/images", "--model", model, "--out", walls / "test")
    assert str(walls / "test/masks") in error
    assert (walls / "test/masks/CFD_0.png").read_bytes() == before


@pytest.mark.parametrize("name", ["results.csv", "photographs.csv", "report.html", "model.json", "cracks/1.jpg"])
def test_segment_leaves_files_of_ones_own_alone(name: str, walls: Path, model: Path, tmp_path: Path) -> None:
    own = tmp_path / "out" / name
    own.parent.mkdir(parents=True)
    own.write_text("photo,label")
    error = refused("segment", walls / "test/images", "--model", model, "--out", tmp_path / "out")
    assert "is there already, and no table says it is of `fissura segment`; choose another --out" in error
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [own]


def test_segment_takes_other_settings(walls: Path, model: Path, tmp_path: Path) -> None:
    photos = walls / "test/images"
    settings = ("--low", 0.9, "--high", 0.9, "--min-extent-px", 5000, "--min-extent-fraction", 1)
    out = run("segment", photos, "--model", model, "--out", tmp_path / "out", *settings)
    assert "cracked\t2" in out[1]  # 96 px of crack across 96 px of photograph
    error = refused("segment", photos, "--model", model, "--out", tmp_path / "no", "--low", 0.9, "--high", 0.1)
    assert "low" in error
    assert not (tmp_path / "no").exists()


def test_every_verb_that_segments_with_views_refuses_a_number_that_there_is_not(
    walls: Path, model: Path, tmp_path: Path
) -> None:
    raster = next((walls / "test/images").iterdir())
    for call in (("segment", raster, "--out"), ("segment-raster", raster, "--out"), ("evaluate", walls, "--out")):
        error = refused(*call, tmp_path / "no", "--model", model, "--views", 3)
        assert "views: 3 is none of 1, 2, 4" in error
        assert not (tmp_path / "no").exists()


def test_evaluate_prints_the_headline_first_and_each_source(walls: Path, model: Path, tmp_path: Path) -> None:
    status, stdout, _ = run("evaluate", walls, "--model", model, "--out", tmp_path / "score")
    assert status == 0
    header, headline, *_ = stdout.splitlines()
    assert header.split("\t")[1:3] == ["overall", "CFD"]
    assert headline.startswith("dice_cracked\t1.000 (1.000-1.000)\t")
    assert "no mask" not in stdout
    (walls / "test/masks/CFD_1.png").unlink()
    _, stdout, _ = run("evaluate", walls, "--model", model, "--out", tmp_path / "score", "--views", 2)
    assert "1 of 2 cracked photographs have no mask" in stdout.splitlines()
    assert json.loads((tmp_path / "score/summary.json").read_text())["settings"]["views"] == 2


def test_no_score_or_inspection_is_written_over_what_it_reads(walls: Path, model: Path, tmp_path: Path) -> None:
    table = tmp_path / "walls/photos.csv"
    lines = [f"test/images/{name}.png,{label}" for name, label in (("CFD_0", "cracked"), ("noncrack_0", "uncracked"))]
    table.write_text("\n".join(["photo,label", *lines]))
    before = table.read_bytes()
    error = refused("evaluate", table, "--model", model, "--out", walls)
    assert f"{table}: is read here and would be written over; choose another --out" in error
    assert table.read_bytes() == before
    assert run("evaluate", table, "--model", model, "--out", tmp_path / "score")[0] == 0
    assert run("evaluate", table, "--model", model, "--out", tmp_path / "score")[0] == 0
    photo = save(walls / "test/images/inspection.png", cracked_photo(96))
    assert f"{photo}: is read here" in refused("inspect", walls, "--out", photo.parent)


def test_train_prints_the_epoch_of_the_model_settings_and_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = {}

    def train(data: object, **settings: object) -> object:
        asked.update(settings, data=data)
        history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25], "painted_dice": [0.6, 0.8125]})
        judged = SimpleNamespace(cleaning=CARD.cleaning, painted_dice=0.75, false_alarm_rate=0.0625, miss_rate=nan)
        return SimpleNamespace(model=tmp_path / "model.onnx", history=history, epoch=1, judged=judged)

    monkeypatch.setattr("fissura.train", train)
    command = ("train", "a", "b", "--out", tmp_path, "--seed", 3, "--crop-px", 128)
    status, stdout, _ = run(*command, "--logger", "mlflow", "--logger", "tensorboard")
    assert status == 0
    assert asked["data"] == [Path("a"), Path("b")]
    assert (asked["seed"], asked["crop_px"], asked["steps"]) == (3, 128, None)
    assert asked["loggers"] == ["mlflow", "tensorboard"]
    for line in ("painted_dice\t0.6", "high\t0.9", "held-out miss_rate\t-", f"model: {tmp_path}/model.onnx"):
        assert line in stdout


# Bad input


def test_empty_folder(model: Path, tmp_path: Path) -> None:
    empty, out = tmp_path / "empty", tmp_path / "out"
    empty.mkdir()
    for command in (
        ("inspect", empty, "--out", out),
        ("paint", empty, "--out", out),
        ("segment", empty, "--model", model, "--out", out),
        ("evaluate", empty, "--model", model, "--out", out),
    ):
        assert str(empty) in refused(*command)
        assert not out.exists()


def test_train_refuses_bad_data_before_it_begins(tmp_path: Path) -> None:
    empty, one_class = tmp_path / "empty", tmp_path / "one"
    empty.mkdir()
    save(one_class / "cracked/1.png", cracked_photo())
    out = tmp_path / "run"
    assert str(empty) in refused("train", empty, "--out", out)
    assert "uncracked" in refused("train", one_class, "--out", out)
    assert "recipe" in refused("train", one_class, "--out", out, "--recipe", "cake")
    assert "--resume" in refused("train", "--resume", "--out", out)
    other = ("--steps", 9, "--recipe", "seed")
    assert "leave out data, steps, recipe" in refused("train", empty, "--resume", "--out", out, *other)
    assert not list(out.glob("*"))


def test_photographs_that_cannot_be_read_are_skipped_and_named(walls: Path, model: Path, tmp_path: Path) -> None:
    photos = walls / "test/images"
    (photos / "text.jpg").write_text("no picture")
    whole = save(tmp_path / "whole.jpg", cracked_photo(96)).read_bytes()
    (photos / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("L", (10_000, 10_000)).save(photos / "huge.png")
    status, stdout, stderr = run("segment", photos, "--model", model, "--out", tmp_path / "out")
    assert status == 0
    assert "skipped\t3" in stdout
    assert "skipped: 3 photographs" in stderr
    table = pd.read_csv(tmp_path / "out/results.csv").set_index("photo")
    for name, reason in {"text.jpg": "JPEG", "truncated.jpg": "damaged", "huge.png": "100.0 megapixels"}.items():
        assert re.search(f"{re.escape(str(photos / name))}: .*{reason}", stderr)
        assert reason in table.loc[str(photos / name), "skipped"]


def test_many_skipped_photographs_are_counted_and_the_first_ten_named(model: Path, tmp_path: Path) -> None:
    save(tmp_path / "photos/good.png", cracked_photo())
    for index in range(12):
        (tmp_path / f"photos/bad{index:02d}.jpg").write_text("no picture")
    status, _, stderr = run("segment", tmp_path / "photos", "--model", model, "--out", tmp_path / "out")
    assert status == 0
    assert len(re.findall(r"bad\d\d.jpg", stderr)) == 10
    assert f"and 2 more, all in {tmp_path / 'out/results.csv'}" in stderr


def test_segment_fails_where_no_photograph_can_be_read(model: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/text.jpg").write_text("no picture")
    assert "results.csv" in refused("segment", tmp_path / "photos", "--model", model, "--out", tmp_path / "out")


def test_evaluate_fails_where_no_photograph_can_be_read(model: Path, tmp_path: Path) -> None:
    (tmp_path / "photos/cracked").mkdir(parents=True)
    (tmp_path / "photos/cracked/text.jpg").write_text("no picture")
    assert "text.jpg" in refused("evaluate", tmp_path / "photos", "--model", model, "--out", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_evaluate_skips_a_mask_of_another_size(walls: Path, model: Path) -> None:
    mask = save(walls / "test/masks/CFD_0.png", np.zeros((5, 5), np.uint8))
    status, stdout, stderr = run("evaluate", walls, "--model", model)
    assert status == 0
    assert "scored: 3 photographs" in stdout
    assert re.search(f"{re.escape(str(mask))}: .*5 x 5 px", stderr)


@pytest.mark.parametrize("verb", ["inspect", "paint", "train", "segment", "evaluate"])
def test_a_file_where_the_folder_should_be(verb: str, walls: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "occupied"
    out.write_text("mine")
    data = {"paint": [], "segment": [walls / "test/images"]}.get(verb, [walls])
    uses_model = ["--model", model] if verb in {"segment", "evaluate"} else []
    assert str(out) in refused(verb, *data, *uses_model, "--out", out)
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: path.write_text("no model"), "not an ONNX file"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: write_model(path, network(), None), "not a Fissura model file"),
        (
            lambda path: write_model(path, card=CARD.model_dump() | {"format_version": FORMAT_VERSION + 1}),
            "newer than this Fissura",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["segment", "evaluate"])
def test_a_model_file_that_is_not_ours(
    verb: str, write: Callable[[Path], object], said: str, walls: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.onnx"
    write(foreign)
    error = refused(verb, walls, "--model", foreign, "--out", tmp_path / "out")
    assert error.startswith(f"error: {foreign}: ")
    assert said in error
    assert not (tmp_path / "out").exists()


def test_import_refuses_what_is_no_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "unet.pth"
    checkpoint.write_text("no checkpoint")
    assert str(checkpoint) in refused("import", checkpoint, "--out", tmp_path / "unet.onnx")
    assert not (tmp_path / "unet.onnx").exists()


def test_a_name_cannot_write_to_the_terminal(model: Path, tmp_path: Path) -> None:
    error = refused("segment", tmp_path / "a\x1b[2J\nb\udcff", "--model", model, "--out", tmp_path / "out")
    assert error.isprintable()


# How a command ends


@pytest.mark.parametrize("place", ["before", "after"])
def test_debug_shows_the_traceback(place: str, tmp_path: Path) -> None:
    words = ["inspect", str(tmp_path / "nowhere")]
    status, _, stderr = run(*(["--debug", *words] if place == "before" else [*words, "--debug"]))
    assert status == 1
    assert stderr.startswith("Traceback")
    assert stderr.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("too\nmany words"), 70, "unexpected ValueError (too); run again with --debug"),
        (MemoryError(), 1, "not enough memory"),
        (OSError(28, "No space left on device", "/out/a.png"), 1, "/out/a.png: No space left on device; free"),
        (PermissionError(13, "Permission denied", "/out"), 1, "/out: Permission denied; change"),
        (KeyboardInterrupt(), 130, "stopped; nothing is left half-written"),
    ],
)
def test_every_error_becomes_one_line(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object) -> None:
        raise error

    monkeypatch.setattr("fissura.inspect", fall)
    ended, stdout, stderr = run("inspect", "walls")
    assert (ended, stdout) == (status, "")
    assert said in stderr
    assert len(stderr.splitlines()) == 1


def test_stopped_training_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stop(*_: object, **__: object) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("a worker was killed")  # what clearing up may add

    monkeypatch.setattr("fissura.train", stop)
    out = tmp_path / "my run"
    assert "continue" not in run("train", "walls", "--out", out)[2]
    out.mkdir()
    (out / "plan.json").touch()
    status, _, stderr = run("train", "walls", "--out", out)
    assert status == 130
    assert f"fissura train --resume --out '{out}'" in stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
def test_sigterm_stops_segmenting_and_resume_ends_it(tmp_path: Path) -> None:
    model = write_model(tmp_path / "slow.onnx", network(kernel_px=15))
    photo = cracked_photo(256)
    for index in range(24):
        save(tmp_path / f"photos/{index:02d}.png", photo)
    arguments = ["segment", str(tmp_path / "photos"), "--model", str(model), "--out", str(tmp_path / "out")]
    running = subprocess.Popen([sys.executable, "-m", "fissura", *arguments], stderr=subprocess.PIPE, text=True)
    begun = tmp_path / "out/overlays/02.jpg"
    until = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert stderr == "stopped; continue with the same command and --resume\n"
    assert not (tmp_path / "out/results.csv").exists()
    assert not list((tmp_path / "out").rglob(".*"))

    status, stdout, _ = run(*arguments, "--resume")
    assert status == 0
    assert "cracked\t24" in stdout


def pretend_terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> None:
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))


def test_a_terminal_gets_tables_and_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend_terminal(monkeypatch)
    terminal.show_table(["source", "photographs"], [("[red]walls", 3)])
    with terminal.progress("Looking") as advance:
        advance(1, 2)
    captured = capsys.readouterr()
    assert "[red]walls" in captured.out
    assert "\t" not in captured.out
    assert "Looking" in captured.err


def test_a_pipe_gets_tab_separated_lines_whatever_the_colours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # of many a CI system
    terminal.show_table(["source", "photographs"], [("walls", 3)])
    with terminal.progress("Looking") as advance:
        advance(1, 2)
    assert capsys.readouterr() == ("source\tphotographs\nwalls\t3\n", "")


def test_no_figure_of_a_table_is_broken_however_narrow_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend_terminal(monkeypatch, columns=60)
    scopes = ["overall", "CFD", "Rissbilder_for_Florian", "noncrack"]
    figures = ["0.612 (0.583-0.640)", "0.701 (0.650-0.750)", "0.555 (0.400-0.600)", "-"]
    terminal.show_table(["figure", *scopes], [("dice_cracked", *figures), ("iou", *figures)])
    shown = capsys.readouterr().out
    assert all(shown.count(figure) == 2 for figure in figures[:3])
    assert all(scope in shown for scope in scopes)
    assert max(len(re.sub(r"\x1b\[\d*m", "", line)) for line in shown.splitlines()) <= 60


def test_no_color_takes_the_colour_off_errors_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend_terminal(monkeypatch)
    for no_color, shown in (("", "\x1b[31m\x1b[1merror:\x1b[0m x; y\n"), ("1", "error: x; y\n")):
        monkeypatch.setenv("NO_COLOR", no_color)
        with pytest.raises(typer.Exit):
            terminal.fail("x; y")
        assert capsys.readouterr().err == shown
