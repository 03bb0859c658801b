"""Quantising: a small network, trained for a moment, and its 8-bit version give the same masks."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typer.testing import CliRunner

import fissura
from fissura.cli import app
from fissura.errors import FissuraError
from fissura.learning import quantising
from fissura.learning.exporting import export_model
from fissura.learning.quantising import LEAST_DICE, agreement, quantise
from fissura.painting import SURFACES, draw_surface, paint_cracks
from fissura.segmenting import Segmenter, installed_engines, multiply_adds, normalise, read_card
from model_files import CARD, write_model
from model_files import network as darkness
from small_data import PLAIN, two_folders

SIDE_PX = 96


class SmallNetwork(nn.Module):
    """Half the size and back, with batch norm, a skip and a sub-pixel head, as our networks have."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv2d(12, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU())
        self.head = nn.Sequential(nn.Conv2d(12, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, photos: Tensor) -> Tensor:
        x = self.stem(photos)
        return self.head(x + self.middle(x))


def painted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = paint_cracks(draw_surface(SURFACES[seed % len(SURFACES)], SIDE_PX, SIDE_PX, rng), rng, PLAIN)
    return found.photo, found.mask


@pytest.fixture(scope="module")
def network() -> SmallNetwork:
    torch.manual_seed(0)
    network = SmallNetwork()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    pairs = [painted(seed) for seed in range(24)]
    photos = torch.stack([torch.from_numpy(normalise(photo, "grey")) for photo, _ in pairs])
    masks = torch.stack([torch.from_numpy(mask)[None].float() for _, mask in pairs])
    for step in range(60):
        part = slice(8 * (step % 3), 8 * (step % 3) + 8)
        loss = F.binary_cross_entropy_with_logits(network(photos[part]), masks[part], pos_weight=torch.tensor(4.0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


@pytest.fixture(scope="module")
def model(network: SmallNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    card = CARD.model_copy(update={"tile_px": 128, "multiple_px": 2})
    export_model(network, card, path)
    return path


@pytest.fixture(scope="module")
def small(model: Path) -> quantising.Quantised:
    return quantise(model, [], model.with_name("int8.onnx"))


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return 2 * (first & second).sum() / (first.sum() + second.sum())


UNSEEN = [painted(seed)[0] for seed in range(100, 106)]


def test_the_model_file_marks_the_cracks_that_the_network_marks(network: SmallNetwork, model: Path) -> None:
    segmenter = Segmenter(model)
    found = np.stack([segmenter.probability(photo) > 0.5 for photo in UNSEEN])
    with torch.inference_mode():
        inputs = torch.stack([torch.from_numpy(normalise(photo, "grey")) for photo in UNSEEN])
        expected = (network(inputs)[:, 0] > 0).numpy()
    assert 0.01 < expected.mean() < 0.3  # it has learned to tell cracks, else equal masks prove nothing
    assert dice(found, expected) >= 0.995


@pytest.mark.parametrize("engine", installed_engines())
def test_the_8_bit_model_marks_the_cracks_that_the_original_marks(
    model: Path, small: quantising.Quantised, engine: str
) -> None:
    original, quantised = Segmenter(model), Segmenter(small.model, engine=engine)
    masks = [np.stack([one.probability(photo) > 0.5 for photo in UNSEEN]) for one in (original, quantised)]
    assert dice(*masks) >= 0.98
    assert small.dice >= LEAST_DICE


def test_the_8_bit_model_file_says_what_it_is_and_keeps_its_card(model: Path, small: quantising.Quantised) -> None:
    assert read_card(small.model) == read_card(model).model_copy(update={"arithmetic": "int8"})
    assert Segmenter(small.model).identity != Segmenter(model).identity
    weights = [one for one in onnx.load(small.model).graph.initializer if len(one.dims) == 4]
    kinds = onnx.TensorProto.FLOAT, onnx.TensorProto.INT8, onnx.TensorProto.FLOAT  # first and last stay as they are
    assert sorted(one.data_type for one in weights) == sorted(kinds)
    assert multiply_adds(small.model.read_bytes(), 64, 32) == multiply_adds(model.read_bytes(), 64, 32)
    with pytest.raises(FissuraError, match=r"computes in int8 already"):
        quantise(small.model, [], small.model.with_name("again.onnx"))


def test_multiply_adds_are_those_of_the_layers(model: Path) -> None:
    # at half size, per pixel there: 3x3 kernels from 4 to 12 channels, 12 to 12, 12 to 4
    assert multiply_adds(model.read_bytes(), 64, 32) == 32 * 16 * 9 * (4 * 12 + 12 * 12 + 12 * 4)


def test_a_model_is_calibrated_on_the_users_uncracked_photographs(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = two_folders(tmp_path / "walls", each=3)
    (data / "uncracked" / "0.png").write_bytes(b"no photograph")
    opened: list[Path] = []
    read = quantising.read_photo
    monkeypatch.setattr(quantising, "read_photo", lambda path: opened.append(path) or read(path))
    monkeypatch.setattr(quantising, "LEAST_DICE", 0.9)  # two readable photographs of 96 px are few to calibrate on
    done = fissura.quantise(model, data=[data], out=tmp_path / "int8.onnx")
    assert {path.parent.name for path in opened} == {"uncracked"}
    assert done.model.is_file()


def test_a_model_that_does_not_agree_with_its_original_is_not_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantising, "agreement", lambda *_: 0.9)
    with pytest.raises(FissuraError, match=r"out\.onnx: not written, .* Dice of 0\.900"):
        quantise(model, [], tmp_path / "out.onnx")
    assert not list(tmp_path.iterdir())


def test_the_model_to_start_from_is_not_overwritten(model: Path, tmp_path: Path) -> None:
    (tmp_path / "link.onnx").symlink_to(model)
    with pytest.raises(FissuraError, match="is the model to start from; choose another --out"):
        quantise(model, [], tmp_path / "link.onnx")


def test_agreement_is_the_dice_of_all_pixels_together(tmp_path: Path) -> None:
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[:, :8], photo[:, 8:16], photo[:, 16:] = 20, 60, 120
    dark = write_model(tmp_path / "dark.onnx", darkness(bias=0.0))
    darker = write_model(tmp_path / "darker.onnx", darkness(bias=-6.0))
    assert agreement(dark, dark, [photo]) == 1
    first, second = (Segmenter(path).probability(photo) > 0.5 for path in (dark, darker))
    assert agreement(dark, darker, [photo, photo]) == pytest.approx(dice(first, second))
    assert 0 < dice(first, second) < 1


def test_the_verbs_of_the_command_line(model: Path, tmp_path: Path) -> None:
    run = CliRunner()
    done = run.invoke(app, ["quantise", "--model", str(model), "--out", str(tmp_path / "int8.onnx")])
    assert done.exit_code == 0, done.output
    assert "agreement with the original (Dice)\t0.9" in done.stdout
    timed = run.invoke(app, ["benchmark-engine", "--model", str(tmp_path / "int8.onnx"), "--engine", "onnxruntime"])
    assert timed.exit_code == 0, timed.output
    stages = [line.split("\t") for line in timed.stdout.splitlines() if line.count("\t") == 2][1:]
    assert [stage for stage, *_ in stages] == ["decode", "infer", "clean", "write"]
    assert all(float(ms) > 0 and float(rate) >= 0 for _, ms, rate in stages)
    assert "multiply-adds per pixel" in timed.stdout
    assert "engine: onnxruntime, int8 and float32 on CPU" in timed.stderr


def test_the_share_of_the_peak_is_that_of_the_network_alone(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_long(*_: object) -> np.ndarray:
        time.sleep(0.5)  # much longer than the network takes on a tile
        return np.zeros((1024, 1024), np.float32)

    monkeypatch.setattr(Segmenter, "probability", look_long)
    measured = fissura.benchmark_engine(model, engine="onnxruntime", repeats=1)
    assert measured.multiply_adds_per_px is not None
    assert measured.roofline_share is not None
    looking = measured.multiply_adds_per_px / (measured.ms_per_megapixel["infer"] / 1e9)  # per second
    assert measured.roofline_share > 2 * looking / measured.peak_multiply_adds
    with pytest.raises(FissuraError, match="at least once"):
        fissura.benchmark_engine(model, repeats=0)
