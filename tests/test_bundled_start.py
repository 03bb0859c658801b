"""The bundled model as a start: the network computes what the model does, in evaluation and nearly so in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from fissura.learning import Recipe, load_recipe
from fissura.learning.bundled_start import take_bundled_weights
from fissura.learning.learner import Learner
from fissura.learning.networks import build_network
from fissura.learning.networks.compact import compact_unet
from fissura.painting import draw_surface, paint_cracks
from fissura.segmenting import bundled_model, normalise


@pytest.fixture(scope="module")
def photos() -> Tensor:
    """Painted cracks on surfaces that are not among those that the statistics were taken from."""
    crops = []
    for seed, kind in ((1001, "concrete"), (1002, "asphalt"), (1003, "plaster"), (1004, "masonry")):
        rng = np.random.default_rng(seed)
        crops.append(normalise(paint_cracks(draw_surface(kind, 192, 224, rng), rng).photo, "grey"))
    return torch.from_numpy(np.stack(crops))  # (4, 1, 192, 224)


@pytest.fixture(scope="module")
def expected(photos: Tensor) -> Tensor:
    session = ort.InferenceSession(str(bundled_model()), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(["logit"], {"photo": photos.numpy()})[0])  # (4, 1, 192, 224)


@pytest.fixture
def nano() -> nn.Module:
    network = build_network("nano", pretrained=False, planes=1)
    take_bundled_weights(network)
    return network


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("painted", network="nano", pretrained=True)


def test_it_computes_what_the_bundled_model_does(nano: nn.Module, photos: Tensor, expected: Tensor) -> None:
    with torch.no_grad():
        found = nano.eval()(photos)
    assert torch.allclose(found, expected, atol=1e-3)


def test_training_begins_where_the_bundled_model_ended(nano: nn.Module, photos: Tensor, expected: Tensor) -> None:
    assert nano.training
    with torch.no_grad():
        found = nano(photos)  # batch norm takes the statistics of these very photographs
    mask, truth = found > 0, expected > 0
    assert truth.any()
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.9


def test_it_can_be_trained(nano: nn.Module, photos: Tensor) -> None:
    nano(photos).mean().backward()
    assert all(parameter.grad is not None for parameter in nano.parameters())


def test_a_network_of_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match="the bundled model has no"):
        take_bundled_weights(compact_unet())


def test_a_run_begins_with_the_bundled_model(recipe: Recipe, photos: Tensor, expected: Tensor) -> None:
    with torch.no_grad():
        found = Learner(recipe, seed=0).network.eval()(photos)
    assert torch.allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("changes", [{"pretrained": False}, {"network": "compact"}, {"normalisation": "imagenet"}])
def test_a_run_on_another_network_begins_with_weights_of_its_seed(changes: dict[str, object]) -> None:
    recipe = load_recipe("painted", **({"network": "nano", "pretrained": True} | changes))
    one, other = (Learner(recipe, seed).network.state_dict()["head.0.weight"] for seed in (0, 1))
    assert not torch.equal(one, other)


def test_what_is_used_lies_half_way_between_the_bundled_model_and_the_teacher(recipe: Recipe) -> None:
    learner = Learner(recipe, seed=0)
    first = {name: weight.clone() for name, weight in learner.network.state_dict().items()}
    with torch.no_grad():
        for weight in learner.teacher.module.parameters():
            weight += 1.0
    for name, weight in learner.network.named_parameters():
        assert torch.allclose(weight, first[name] + 0.5, atol=1e-6)
    assert torch.allclose(dict(learner.teacher.module.named_parameters())["head.0.bias"], first["head.0.bias"] + 1)


def test_a_resumed_run_goes_half_way_back_to_the_model_that_it_began_with(recipe: Recipe, tmp_path: Path) -> None:
    began = Learner(recipe, seed=0)
    assert began.start is not None
    with torch.no_grad():
        for weight in began.start.parameters():
            weight += 1.0  # as if another version of Fissura had begun it, with another model bundled
    resumed = Learner(recipe, seed=0)
    torch.save({"learner": began.state(), "rows": []}, tmp_path / "last.ckpt")
    resumed.load(tmp_path / "last.ckpt")
    for one, other in zip(resumed.network.parameters(), began.network.parameters(), strict=True):
        assert torch.equal(one, other)
