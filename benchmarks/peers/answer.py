"""Runs in the peers' own environment: trains one on photographs and labels, then maps each photograph asked for.

    python answer.py FOLDER

FOLDER holds ``asked.json`` (peer, seed and settings), ``train.csv`` (a path and a label per line), ``photos/*.png``
and, for DRAEM, ``textures/*.png``. It gets ``maps/*.npy``, float32 ``(h, w)``, higher where a crack is likelier, and
last ``answered.json``. Nothing here knows of masks.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import platform
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms.v2.functional import pil_to_tensor

Map = Callable[[Tensor], Tensor]  # a photograph (1, 3, H, W) in [0, 1] to its map (h, w)

LEARNING_RATE = 1e-3  # the peak of the classifier's one cycle
IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def main(folder: Path) -> None:
    """Train, answer, and say what it took."""
    asked = json.loads((folder / "asked.json").read_text("utf-8"))
    with (folder / "train.csv").open(newline="", encoding="utf-8") as file:
        labelled = [(Path(path), label) for path, label in csv.reader(file)]
    torch.manual_seed(asked["seed"])
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    began, cpu_began = time.perf_counter(), time.process_time()
    train = {"grad-cam": train_classifier, "draem": train_draem, "reverse-distillation": train_distillation}
    to_map, training = train[asked["peer"]](labelled, asked, folder)
    training |= {
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "cpu_minutes": round((time.process_time() - cpu_began) / 60, 1),
        "steps": asked["steps"],
        "cores": torch.get_num_threads(),
        "machine": platform.machine(),
        "precision": "32-true",
    }
    (folder / "maps").mkdir(exist_ok=True)
    for path in sorted((folder / "photos").glob("*.png")):
        np.save(folder / "maps" / path.stem, to_map(_read(path)).float().cpu().numpy())
    (folder / "answered.json").write_text(json.dumps({"asked": asked, "training": training}), "utf-8")


def train_classifier(labelled: list[tuple[Path, str]], asked: dict[str, Any], _: Path) -> tuple[Map, dict[str, Any]]:
    """Train an image-level classifier; its maps are Grad-CAM (Selvaraju et al. 2017) times its word on the label."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, found = _with_weights(
        lambda load: timm.create_model(asked["network"], pretrained=load, num_classes=1), asked["pretrained"]
    )
    side, steps = asked["side_px"], asked["steps"]
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    sides = {label: [path for path, other in labelled if other == label] for label in ("cracked", "uncracked")}
    rng = np.random.default_rng(asked["seed"])
    for _step in range(steps):
        labels = torch.tensor([float(slot % 2) for slot in range(asked["batch"])])  # as many of each
        paths = [sides["cracked" if label else "uncracked"] for label in labels]
        photos = torch.cat([_turned(_fit(_read(of[rng.integers(len(of))]), side), rng) for of in paths])
        loss = F.binary_cross_entropy_with_logits(network(photos)[:, 0], labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    network.eval()
    activation = GradCAM(network, [network.layer4[-1]])

    def to_map(photo: Tensor) -> Tensor:
        fitted = _fit(photo, side)
        with torch.no_grad():
            cracked = torch.sigmoid(network(fitted))[0, 0]
        return torch.from_numpy(activation(fitted, [ClassifierOutputTarget(0)])[0]) * cracked  # (side, side)

    return to_map, {"pretrained": found}


def train_draem(labelled: list[tuple[Path, str]], asked: dict[str, Any], folder: Path) -> tuple[Map, dict[str, Any]]:
    """Train DRAEM (Zavrtanik et al. 2021) of anomalib; its anomalies are cut from procedural surfaces."""
    from anomalib.models import Draem

    return _fitted(Draem(dtd_dir=folder / "textures", **_quiet(Draem, asked)), labelled, asked, folder), {}


def train_distillation(
    labelled: list[tuple[Path, str]], asked: dict[str, Any], folder: Path
) -> tuple[Map, dict[str, Any]]:
    """Train reverse distillation (Deng and Li 2022) of anomalib: it reconstructs a frozen network's features."""
    from anomalib.models import ReverseDistillation

    quiet = _quiet(ReverseDistillation, asked)
    model, found = _with_weights(
        lambda load: ReverseDistillation("resnet18", pre_trained=load, **quiet), pretrained=True
    )
    return _fitted(model, labelled, asked, folder), {"pretrained": found}


def _quiet(model: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Give anomalib's settings: its own scaling of photographs, and no thresholds, scores or pictures."""
    scaling = model.configure_pre_processor((asked["side_px"], asked["side_px"]))
    return {"pre_processor": scaling, "post_processor": False, "evaluator": False, "visualizer": False}


def _fitted(model: Any, labelled: list[tuple[Path, str]], asked: dict[str, Any], folder: Path) -> Map:
    """Let anomalib's engine fit a model to the uncracked photographs."""
    from anomalib.data import Folder
    from anomalib.engine import Engine

    uncracked = folder / "uncracked"
    uncracked.mkdir(exist_ok=True)
    for path in (path for path, label in labelled if label == "uncracked"):
        if not (uncracked / path.name).exists():
            (uncracked / path.name).symlink_to(path)
    data = Folder(
        name="uncracked",
        normal_dir=uncracked,
        normal_split_ratio=0.0,
        train_batch_size=asked["batch"],
        num_workers=1,
        test_split_mode="none",
        val_split_mode="none",
        seed=asked["seed"],
    )
    engine = Engine(
        max_steps=asked["steps"],
        max_epochs=-1,
        accelerator="cpu",
        logger=False,
        default_root_dir=folder / "anomalib",
        limit_val_batches=0,
    )
    engine.fit(model, datamodule=data)
    model.eval()

    @torch.no_grad()
    def to_map(photo: Tensor) -> Tensor:
        answer: Tensor = model.model(model.pre_processor.transform(photo)).anomaly_map
        return answer.reshape(answer.shape[-2:])

    return to_map


def _with_weights(build: Callable[[bool], nn.Module], pretrained: bool) -> tuple[Any, bool]:
    """Build with ImageNet weights where they can be had; say whether they could."""
    if pretrained:
        try:
            with urllib.request.urlopen(huggingface_hub.constants.ENDPOINT, timeout=5):
                pass  # the hub's own client retries for minutes where there is no network
            return build(True), True
        except Exception as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            logging.warning("no pretrained weights (%s); starting from random ones", reason)
    return build(False), False


def _read(path: Path) -> Tensor:
    return pil_to_tensor(Image.open(path).convert("RGB"))[None].float() / 255  # (1, 3, H, W)


def _fit(photo: Tensor, side: int) -> Tensor:
    resized = F.interpolate(photo, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return (resized - IMAGENET_MEAN) / IMAGENET_STD


def _turned(photo: Tensor, rng: np.random.Generator) -> Tensor:
    flips = [axis for axis in (2, 3) if rng.random() < 0.5]
    turned: Tensor = torch.rot90(photo.flip(flips), int(rng.integers(4)), (2, 3))
    return turned


if __name__ == "__main__":
    main(Path(sys.argv[1]))
