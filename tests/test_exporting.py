from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from fissura.errors import FissuraError
from fissura.learning.exporting import export_model
from fissura.learning.networks import build_network, multiple_px
from fissura.segmenting import Cleaning, ModelCard, read_card


class TinyNetwork(nn.Module):
    """A convolution with batch norm and a skip, on half the size and back."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 7, 2, stride=2)
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, photos: Tensor) -> Tensor:
        return self.head(torch.cat([photos, self.up(self.down(photos))], dim=1))


def card(network_multiple_px: int, normalisation: str = "grey") -> ModelCard:
    return ModelCard(
        name="test",
        recipe="seed",
        network="tiny",
        normalisation=normalisation,
        tile_px=8 * network_multiple_px,
        overlap_px=network_multiple_px,
        multiple_px=network_multiple_px,
        cleaning=Cleaning(low=0.5, high=0.5, min_extent_px=0, min_extent_fraction=0),
        fissura_version="0",
        licence="none",
        provenance="noise — and a non-ASCII word: größer",
        data_fingerprint="0",
        seed=0,
        created="2026-01-01",
    )


@pytest.fixture
def trained() -> TinyNetwork:
    """A network with batch norm statistics of its own, in training mode but for one frozen part."""
    torch.manual_seed(0)
    network = TinyNetwork()
    for _ in range(3):
        network(3 + 2 * torch.randn(4, 1, 16, 16))
    network.head.eval()
    return network


def test_model_file_is_one_file_with_its_card(tmp_path: Path, trained: TinyNetwork) -> None:
    path = tmp_path / "models" / "tiny.onnx"
    export_model(trained, card(2), path)
    assert list(path.parent.iterdir()) == [path]
    assert read_card(path) == card(2)


def test_model_file_gives_the_networks_logits_at_any_size_and_batch(tmp_path: Path, trained: TinyNetwork) -> None:
    export_model(trained, card(2), tmp_path / "tiny.onnx")
    session = ort.InferenceSession(tmp_path / "tiny.onnx")
    trained.eval()
    for shape in [(1, 1, 2, 2), (1, 1, 30, 14), (5, 1, 8, 64)]:
        photo = torch.randn(shape)
        (found,) = session.run(["logit"], {"photo": photo.numpy()})
        with torch.inference_mode():
            np.testing.assert_allclose(found, trained(photo).numpy(), atol=1e-5)


def test_export_leaves_the_network_as_it_was(tmp_path: Path, trained: TinyNetwork) -> None:
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    modes = [module.training for module in trained.modules()]
    export_model(trained, card(2), tmp_path / "tiny.onnx")
    assert [module.training for module in trained.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


def test_export_says_nothing(tmp_path: Path, trained: TinyNetwork, capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export_model(trained, card(2), tmp_path / "tiny.onnx")
    assert capfd.readouterr() == ("", "")


def test_a_network_gone_wrong_is_refused_and_nothing_written(tmp_path: Path, trained: TinyNetwork) -> None:
    nn.init.constant_(trained.head.weight, torch.nan)
    with pytest.raises(FissuraError, match=r"tiny\.onnx: not written"):
        export_model(trained, card(2), tmp_path / "tiny.onnx")
    assert not list(tmp_path.iterdir())


def test_an_unwritable_place_is_a_fissura_error(tmp_path: Path, trained: TinyNetwork) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FissuraError, match="cannot be written"):
        export_model(trained, card(2), tmp_path / "file" / "tiny.onnx")


@pytest.mark.parametrize(
    ("name", "planes"), [("compact", 1), ("nano", 1), ("nano", 3), ("timm:resnet10t", 1), ("seed-unet", 1)]
)
def test_our_networks_export(tmp_path: Path, name: str, planes: int) -> None:
    network = build_network(name, pretrained=False, planes=planes)
    normalisation = "grey" if planes == 1 else "imagenet"
    export_model(network, card(multiple_px(network), normalisation), tmp_path / "model.onnx")  # compares the logits
    assert read_card(tmp_path / "model.onnx").multiple_px == multiple_px(network)
