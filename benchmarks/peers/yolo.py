"""Runs in the peers' own environment: a YOLO-nano segmentation network under OpenVINO, for its time alone.

    python yolo.py export FOLDER SIDE_PX      write FOLDER/yolo11n-seg_openvino_model, of random weights
    python yolo.py segment FOLDER PHOTOS OUT  photographs (*.jpg) to masks (*.png) with it

Random weights find next to nothing, so no time goes into masks that a trained network would have to draw.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

os.environ["YOLO_OFFLINE"] = "true"  # nothing is fetched, nothing is reported
os.environ["YOLO_VERBOSE"] = "false"

NETWORK = "yolo11n-seg"


def export(folder: Path, side_px: int) -> None:
    from ultralytics import YOLO

    os.chdir(folder)
    YOLO(f"{NETWORK}.yaml").export(format="openvino", imgsz=side_px)


def segment(folder: Path, photos: Path, out: Path) -> None:
    from ultralytics import YOLO

    out.mkdir(parents=True, exist_ok=True)
    model = YOLO(folder / f"{NETWORK}_openvino_model", task="segment")
    for result in model.predict(str(photos), stream=True, imgsz=448, verbose=False):
        mask = np.zeros(result.orig_shape, np.uint8)
        if result.masks is not None:
            mask = 255 * result.masks.data.any(dim=0).numpy().astype(np.uint8)  # (H, W)
        Image.fromarray(mask).save(out / f"{Path(result.path).stem}.png")


if __name__ == "__main__":
    if sys.argv[1] == "export":
        export(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        segment(*map(Path, sys.argv[2:]))
