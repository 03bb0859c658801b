"""Other people's networks, in an environment of their own: they get photographs and labels, and give back score maps.

Photographs go out as PNG files named for their content, maps come back as ``.npy`` files of the same name. No mask is
ever in reach: see `peers/answer.py` for what runs there.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_local

from fissura.errors import FissuraError
from fissura.files import written_whole
from fissura.painting import SURFACES, draw_surface
from fissura.photos import DataSet, save_image
from methods.tuning import Pixels, Score

HERE = Path(__file__).resolve().parent.parent / "peers"
PEERS = ("grad-cam", "draem", "reverse-distillation")
TEXTURES = 64  # procedural surfaces that DRAEM cuts its anomalies from
NEIGHBOURHOOD = 1 / 8  # of the shorter side: side of the window of the local threshold


def ask_peer(
    peer: str, settings: dict[str, Any], seed: int, learned: DataSet, photos: Iterable[Pixels], folder: Path
) -> tuple[Score, dict[str, Any]]:
    """Train a peer and let it answer; an answer that stands in ``folder`` is not asked for again.

    Args:
        peer: one of ``PEERS``.
        settings: its settings; all but ``refined``, which concerns `refine` alone.
        seed: seed of everything random.
        learned: photographs to learn from.
        photos: photographs to answer.
        folder: where the exchange takes place.

    Returns:
        The score, which knows those photographs alone, and how training went.

    Raises:
        FissuraError: if the peer fails.
    """
    photos = list(photos)
    asked = {"peer": peer, "seed": seed, **{k: v for k, v in settings.items() if k != "refined"}}
    asked |= {"learned": learned.fingerprint(), "photos": _digest(photos)}
    answered = folder / "answered.json"
    if not answered.exists() or json.loads(answered.read_text("utf-8"))["asked"] != asked:
        shutil.rmtree(folder, ignore_errors=True)  # what was exchanged about other photographs
        with written_whole(folder / "train.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows([str(photo.path.resolve()), photo.label] for photo in learned)
        for photo in photos:
            save_image(folder / "photos" / f"{_name(photo)}.png", photo)
        for index in range(TEXTURES if peer == "draem" else 0):
            surface = draw_surface(SURFACES[index % len(SURFACES)], 256, 256, np.random.default_rng([seed, index]))
            save_image(folder / "textures" / f"{index}.png", surface)
        with written_whole(folder / "asked.json") as temporary:
            temporary.write_text(json.dumps(asked), "utf-8")
        done = subprocess.run([str(peer_interpreter()), str(HERE / "answer.py"), str(folder)], check=False)
        if done.returncode:
            raise FissuraError(f"{peer}: failed with status {done.returncode}; its own words stand above")

    def score(photo: Pixels) -> NDArray[np.float32]:
        coarse: NDArray[np.float32] = np.load(folder / "maps" / f"{_name(photo)}.npy")  # (h, w)
        height, width = photo.shape[:2]
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

    return score, json.loads(answered.read_text("utf-8"))["training"]


def refine(score: Score) -> Score:
    """Keep a coarse score only where the photograph is darker than its neighbourhood.

    As König et al. 2021 (arXiv:2109.00456) turn the coarse localisation of a classifier into masks.
    """

    def refined(photo: Pixels) -> NDArray[np.float32]:
        grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)  # (H, W)
        window = 2 * int(NEIGHBOURHOOD * min(grey.shape) / 2) + 1
        spread = max(float(grey.std()), 1.0)
        dark = grey < threshold_local(grey, window, method="gaussian", offset=spread / 2)
        return np.where(dark, score(photo), 0).astype(np.float32)

    return refined


def _digest(photos: list[Pixels]) -> str:
    return hashlib.sha256("".join(map(_name, photos)).encode()).hexdigest()[:16]


def _name(photo: Pixels) -> str:
    return hashlib.sha256(repr(photo.shape).encode() + photo.tobytes()).hexdigest()[:24]


def peer_interpreter() -> Path:
    """Give the peers' Python; its environment shares the torch of this one, and is made when first asked for."""
    home = HERE.parent / "runs" / "peers-venv"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    requirements, installed = HERE / "requirements.txt", home / "installed"
    if not installed.exists() or installed.read_text("utf-8") != requirements.read_text("utf-8"):
        venv.create(home, with_pip=True)
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
        (packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(requirements)], check=True)
        installed.write_text(requirements.read_text("utf-8"), "utf-8")
    return python
