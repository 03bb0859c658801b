from __future__ import annotations

import logging
import time
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet50
from torchvision.models.feature_extraction import create_feature_extractor

from fissura.errors import FissuraError
from fissura.learning.networks import SeedResNet, SeedUNet, build_network, multiple_px
from fissura.learning.networks.pretrained import with_pretrained_fallback

ENCODER = ("first_conv", "enc1", "enc2", "enc3", "enc4")
DECODER = ("dec1", "dec2", "dec3", "dec4", "final_up", "final_conv", "outc")
# The original's prefixes beside torchvision's own names.
TORCHVISION = {"first_conv.0": "conv1", "first_conv.1": "bn1"} | {f"enc{i}": f"layer{i}" for i in (1, 2, 3, 4)}


@pytest.fixture(scope="module")
def network() -> SeedResNet:
    torch.manual_seed(0)
    return SeedResNet(pretrained=False).eval()


def parameters(network: nn.Module, prefixes: tuple[str, ...]) -> int:
    return sum(p.numel() for name, p in network.named_parameters() if name.split(".")[0] in prefixes)


def test_resnet_has_the_originals_prefixes(network: SeedResNet) -> None:
    prefixes = list(dict.fromkeys(name.split(".")[0] for name in network.state_dict()))
    assert prefixes == [*ENCODER, *DECODER]
    for block in DECODER[:4]:
        assert {name for name, _ in getattr(network, block).named_children()} == {"up", "conv"}


def test_resnet_has_the_parameters_its_description_implies(network: SeedResNet) -> None:
    assert parameters(network, ENCODER) == 23_508_032
    rest = 0
    for inputs, skip, outputs in [(2048, 1024, 512), (512, 512, 256), (256, 256, 128), (128, 64, 64)]:
        half = inputs // 2
        rest += 4 * inputs * half + half  # transposed convolution 2x2
        rest += 9 * (skip + half) * outputs + 9 * outputs * outputs  # two 3x3 convolutions
        rest += 2 * 3 * outputs  # twice: bias, batch norm's weight and bias
    rest += (4 * 64 * 32 + 32) + (9 * 32 * 32 + 32) + (32 + 1)
    assert parameters(network, DECODER) == rest == 23_957_665
    # The 20,859,297 of the original's notes leave out three second convolutions and some of their norms.
    assert rest - 9 * (512**2 + 256**2 + 128**2) - (3 * 512 + 256) == 20_859_297


def test_resnet_encoder_gives_torchvisions_features(network: SeedResNet) -> None:
    reference = resnet50(weights=None).eval()
    weights: dict[str, Tensor] = {}
    for ours, theirs in TORCHVISION.items():
        part = reference.get_submodule(theirs).state_dict()
        weights |= {f"{ours}.{name}": weight for name, weight in part.items()}
    missing, unexpected = network.load_state_dict(weights, strict=False)
    assert not unexpected
    assert {name.split(".")[0] for name in missing} == set(DECODER)
    photo = torch.rand(1, 3, 64, 96)
    nodes = {"relu": "first_conv", "layer1": "enc1", "layer2": "enc2", "layer3": "enc3", "layer4": "enc4"}
    expected = create_feature_extractor(reference, nodes)(photo)
    found: dict[str, Tensor] = {}
    hooks = [
        network.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: found.update({name: out}))
        for name in nodes.values()
    ]
    with torch.inference_mode():
        logits = network(photo)
    for hook in hooks:
        hook.remove()
    assert logits.shape == (1, 1, 64, 96)
    for name, features in expected.items():
        torch.testing.assert_close(found[name], features)


def test_decoder_blocks_put_the_skip_before_the_upsampled(network: SeedResNet) -> None:
    block = network.dec4
    skip = torch.rand(1, 64, 16, 16)
    with torch.inference_mode():
        weight = block.conv[0].weight.clone()
        block.conv[0].weight[:, 64:] = 0  # only the first 64 channels are heard
        heard = block(torch.rand(1, 128, 8, 8), skip)
        again = block(torch.rand(1, 128, 8, 8), skip)
        other = block(torch.rand(1, 128, 8, 8), torch.rand(1, 64, 16, 16))
        block.conv[0].weight.copy_(weight)
    assert torch.equal(heard, again)
    assert not torch.equal(heard, other)


def test_frozen_variant_trains_decoder_and_head_only() -> None:
    network = build_network("seed-resnet50-frozen", pretrained=False)
    trained = {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad}
    assert trained == set(DECODER)
    assert not {name.split(".")[0] for name, p in network.named_parameters() if not p.requires_grad} - set(ENCODER)


def test_plain_unet_is_the_described_one() -> None:
    network = build_network("seed-unet", pretrained=True).eval()  # it has no pretrained weights, and says nothing
    assert isinstance(network, SeedUNet)
    prefixes = list(dict.fromkeys(name.split(".")[0] for name in network.state_dict()))
    ups = [name for i in (1, 2, 3, 4) for name in (f"up{i}", f"conv_up{i}")]
    assert prefixes == ["inc", "down1", "down2", "down3", "down4", *ups, "outc"]
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(31e6, rel=0.01)
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 16, 32)).shape == (2, 1, 16, 32)


@pytest.mark.parametrize("name", ["seed-unet", "seed-resnet50"])
def test_luminance_is_to_the_originals_networks_what_three_equal_colours_are(name: str) -> None:
    network = build_network(name, pretrained=False, planes=1).eval()
    luminance = torch.rand(1, 1, 32, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(network(luminance), network(luminance.repeat(1, 3, 1, 1)))


def test_any_timm_encoder_carries_a_unet() -> None:
    network = build_network("timm:resnet18", pretrained=False).eval()
    step = multiple_px(network)
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, step, 2 * step)).shape == (1, 1, step, 2 * step)


@pytest.mark.parametrize("name", ["", "resnet50", "compact:", "timm:", "timm", "seed-resnet50:x"])
def test_unknown_network_names_what_exists(name: str) -> None:
    with pytest.raises(FissuraError, match=r"choose nano, compact, seed-resnet50, .*timm:resnet50"):
        build_network(name, pretrained=False)


def test_unknown_timm_encoder_names_near_ones() -> None:
    with pytest.raises(FissuraError, match=r"timm:resnet5O: timm has no such encoder; try .*resnet50"):
        build_network("timm:resnet5O", pretrained=False)


def test_timm_encoder_without_a_feature_pyramid_is_refused() -> None:
    with pytest.raises(FissuraError, match=r"cannot carry a U-Net .*; choose another encoder"):
        build_network("timm:vit_tiny_patch16_224", pretrained=False)


def test_failed_download_is_one_notice_and_random_weights(caplog: pytest.LogCaptureFixture) -> None:
    def build(load: bool) -> nn.Module:
        if load:
            raise OSError("Name or service not known\nand a second line")
        return nn.Conv2d(3, 1, 1)

    with caplog.at_level(logging.WARNING):
        assert isinstance(with_pretrained_fallback(build, "ResNet-50"), nn.Conv2d)
    (record,) = caplog.records
    assert record.getMessage() == (
        "ResNet-50: no pretrained weights (Name or service not known); starting from random ones"
    )


def test_offline_costs_seconds_not_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    start = time.monotonic()
    with caplog.at_level(logging.WARNING, logger="fissura"):
        build_network("timm:resnet18", pretrained=True)
    assert time.monotonic() - start < 15
    assert [record.name for record in caplog.records] == ["fissura.learning.networks.pretrained"]
    assert not huggingface_hub.constants.HF_HUB_OFFLINE
