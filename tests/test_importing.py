from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fissura.errors import FissuraError
from fissura.learning.importing import import_checkpoint
from fissura.learning.networks import SeedResNet, SeedUNet
from fissura.segmenting import Segmenter, normalise, read_card


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def unet_shapes() -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: weight.shape for name, weight in SeedUNet().state_dict().items()}


def blank(shapes: dict[str, torch.Size]) -> dict[str, Tensor]:
    """Weights of these shapes that take no room in a file."""
    return {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}


def probability(network: torch.nn.Module, photo: np.ndarray) -> np.ndarray:
    batch = torch.from_numpy(normalise(photo, "imagenet"))[None]  # (1, 3, H, W)
    with torch.inference_mode():
        return network.eval()(batch).sigmoid()[0, 0].numpy()  # (H, W)


def test_resnet_checkpoint_segments_as_the_network_does(tmp_path: Path, photo: np.ndarray) -> None:
    torch.manual_seed(1)
    network = SeedResNet(pretrained=False)
    state = {f"module.{name}": weight for name, weight in network.state_dict().items()}
    torch.save({"epoch": 3, "model_state_dict": state}, tmp_path / "best_model.pth")
    card = import_checkpoint(tmp_path / "best_model.pth", tmp_path / "best_model.onnx")
    assert (card.network, card.recipe, card.normalisation) == ("seed-resnet50", "seed", "imagenet")
    segmenter = Segmenter(tmp_path / "best_model.onnx", threads=1)
    assert segmenter.card == card
    segmentation = segmenter.segment(photo)
    expected = probability(network, photo)
    assert np.ptp(expected) > 1e-3  # there is something to compare
    np.testing.assert_allclose(segmentation.probability, expected, atol=1e-4)
    np.testing.assert_array_equal(segmentation.mask, segmentation.probability > 0.5)


def test_plain_unet_checkpoint_with_other_submodule_names(tmp_path: Path, photo: np.ndarray) -> None:
    torch.manual_seed(2)
    network = SeedUNet()
    nested = {"inc": "inc", **{f"down{i}.1": f"down{i}.1" for i in (1, 2, 3, 4)}}
    nested |= {f"conv_up{i}": f"conv_up{i}" for i in (1, 2, 3, 4)}
    state = {}
    for name, weight in network.state_dict().items():
        block = next((block for block in nested if name.startswith(f"{block}.")), None)
        state[f"{block}.double_conv{name.removeprefix(block)}" if block else name] = weight
    assert "down1.1.double_conv.0.weight" in state
    torch.save(state, tmp_path / "unet.pt")
    assert import_checkpoint(tmp_path / "unet.pt", tmp_path / "unet.onnx").network == "seed-unet"
    found = Segmenter(tmp_path / "unet.onnx", threads=1).probability(photo)
    np.testing.assert_allclose(found, probability(network, photo), atol=1e-4)
    assert read_card(tmp_path / "unet.onnx").provenance.startswith("imported from unet.pt")


class Malicious:
    """What an attacker puts into a checkpoint: unpickling it runs a command."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("saved_by", ["torch", "torch legacy", "pickle"])
def test_code_in_a_checkpoint_is_refused_and_never_run(tmp_path: Path, saved_by: str) -> None:
    marker, checkpoint = tmp_path / "marker", tmp_path / "bad.pth"
    content = {"state_dict": Malicious(marker)}
    if saved_by == "pickle":
        checkpoint.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, checkpoint, _use_new_zipfile_serialization=saved_by == "torch")
    with pytest.raises(FissuraError, match=r"bad\.pth: holds more than weights, and code is not run") as caught:
        import_checkpoint(checkpoint, tmp_path / "out.onnx")
    assert "\n" not in str(caught.value)
    assert not marker.exists()
    assert not (tmp_path / "out.onnx").exists()


def test_a_whole_pickled_network_is_told_how_to_be_saved(tmp_path: Path) -> None:
    torch.save(torch.nn.Conv2d(3, 1, 1), tmp_path / "model.pth")
    with pytest.raises(FissuraError, match=r"torch\.save\(model\.state_dict\(\)"):
        import_checkpoint(tmp_path / "model.pth", tmp_path / "out.onnx")


@pytest.mark.parametrize("content", [b"", b"these are my notes on cracks\n", b"PK\x03\x04 broken zip", b"\x80\x02"])
def test_a_file_that_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.pth").write_bytes(content)
    with pytest.raises(FissuraError, match=r"notes\.pth: is not a checkpoint of PyTorch weights"):
        import_checkpoint(tmp_path / "notes.pth", tmp_path / "out.onnx")


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], torch.zeros(3), {"state_dict": {"inc": "x"}}])
def test_a_torch_file_without_a_state_dict(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "log.pth")
    with pytest.raises(FissuraError, match=r"log\.pth: is not a checkpoint of PyTorch weights"):
        import_checkpoint(tmp_path / "log.pth", tmp_path / "out.onnx")


@pytest.mark.parametrize(
    "odd",
    [
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, 2, device="meta"),
        torch.zeros(2, 2, dtype=torch.complex64),
    ],
)
def test_weights_that_are_no_plain_numbers(tmp_path: Path, odd: Tensor) -> None:
    torch.save({"inc.weight": odd}, tmp_path / "odd.pth")
    with pytest.raises(FissuraError, match=r"odd\.pth: holds weights that are sparse, quantised or the like"):
        import_checkpoint(tmp_path / "odd.pth", tmp_path / "out.onnx")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_of_a_training_that_failed(tmp_path: Path, unet_shapes: dict[str, torch.Size], value: float) -> None:
    state = blank(unet_shapes)
    state["outc.weight"] = torch.full(unet_shapes["outc.weight"], value)
    torch.save(state, tmp_path / "failed.pth")
    with pytest.raises(FissuraError, match=r"failed\.pth: has weights that are no finite numbers"):
        import_checkpoint(tmp_path / "failed.pth", tmp_path / "out.onnx")


def test_the_checkpoint_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "best.pth").write_bytes(b"weeks of work")
    with pytest.raises(FissuraError, match="is the checkpoint itself; choose another --out"):
        import_checkpoint(tmp_path / "best.pth", tmp_path / "best.pth")
    assert (tmp_path / "best.pth").read_bytes() == b"weeks of work"


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "there.onnx").touch()
    for path in (tmp_path / "nowhere.pth", tmp_path):
        for out in ("out.onnx", "there.onnx"):
            with pytest.raises(FissuraError, match=f"{path.name}: cannot be read"):
                import_checkpoint(path, tmp_path / out)


def test_another_network_is_named(tmp_path: Path) -> None:
    torch.save({"layer1.weight": torch.zeros(1), "fc.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(FissuraError, match=r"\(fc, layer1\) are of neither of the original's networks"):
        import_checkpoint(tmp_path / "other.pth", tmp_path / "out.onnx")


def test_missing_and_unexpected_weights_are_named(tmp_path: Path, unet_shapes: dict[str, torch.Size]) -> None:
    state = blank(unet_shapes)
    del state["outc.weight"]
    state["extra"] = torch.zeros(1)
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(FissuraError, match=r"cut\.pth: .*lacks outc\.weight and has extra"):
        import_checkpoint(tmp_path / "cut.pth", tmp_path / "out.onnx")


def test_wrong_shapes_are_named(tmp_path: Path, unet_shapes: dict[str, torch.Size]) -> None:
    state = blank(unet_shapes)
    state["outc.weight"] = torch.zeros(2, 64, 1, 1)
    torch.save(state, tmp_path / "two_classes.pth")
    with pytest.raises(FissuraError, match=r"outc\.weight has shape \(2, 64, 1, 1\) instead of \(1, 64, 1, 1\)"):
        import_checkpoint(tmp_path / "two_classes.pth", tmp_path / "out.onnx")
