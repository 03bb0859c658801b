"""Rasters of 0.1, 0.3 and 1 gigapixel: memory, speed, and a kill: ``python benchmarks/gigapixel.py``.

Each raster is painted block by block: procedural surfaces, and fractal cracks that run on across the blocks. A child
process segments and measures it; what it took is what the system says of the child. Compared are

* the most memory that the child took, against ``--memory``;
* its speed against that of small photographs of the same surface (448 x 448 px), without anybody's start: as JPEG
  files of which `fissura.segment` writes the masks, for the child reads and writes as well; and decoded already, by
  `Segmenter.segment` alone. Both are taken before the child and after it, for a machine's speed changes;
* the time over the area, from raster to raster;
* the files of a run that is killed (SIGKILL) at a random tile and resumed, byte by byte, on the smallest raster.

``--megapixels 10 20`` makes other sizes, which are written to no result.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin
from rasterio.windows import Window

import fissura
from fissura.painting import SURFACES, Branch, draw_surface
from fissura.painting.centreline import fractal_line, width_profile
from fissura.painting.rendering import coverage
from fissura.photos import save_image
from fissura.segmenting import Segmenter, bundled_model
from report.section import machine, write_section

SIZES = (100, 300, 1000)  # megapixels
BLOCK_PX = 1024
CRACKS_PER_MEGAPIXEL = 0.05
SMALL_PX, SMALL_PHOTOS = 448, 500


def write_raster(path: Path, megapixels: float, seed: int = 0) -> float:
    """Write a painted raster; give its megapixels."""
    rng = np.random.default_rng(seed)
    side = max(2, round((megapixels * 1e6) ** 0.5 / BLOCK_PX)) * BLOCK_PX
    surfaces = [draw_surface(kind, BLOCK_PX, BLOCK_PX, rng) for kind in SURFACES]
    cracks = [_crack(side, rng) for _ in range(max(3, round(CRACKS_PER_MEGAPIXEL * side**2 / 1e6)))]
    profile = {"driver": "GTiff", "height": side, "width": side, "count": 3, "dtype": "uint8", "bigtiff": "IF_SAFER"}
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "jpeg", "photometric": "ycbcr"}
    place = {"crs": "EPSG:32632", "transform": from_origin(691_000, 5_334_000, 0.001, 0.001)}
    with rasterio.open(path, "w", **profile, **layout, **place) as raster:
        for top in range(0, side, BLOCK_PX):
            for left in range(0, side, BLOCK_PX):
                # One material over some metres; turned, so that no block is its neighbour again.
                surface = surfaces[(top // (8 * BLOCK_PX) + left // (8 * BLOCK_PX)) % len(surfaces)]
                surface = np.rot90(surface, rng.integers(4))
                block = _painted(surface, cracks, top, left)
                raster.write(block.transpose(2, 0, 1), window=Window(left, top, BLOCK_PX, BLOCK_PX))
    return side**2 / 1e6


def _crack(side: int, rng: np.random.Generator) -> Branch:
    start = rng.uniform(0, side, 2)
    angle, length = rng.uniform(0, 2 * np.pi), min(rng.lognormal(7.5, 0.8), side)
    points = fractal_line(start, start + length * np.array([np.cos(angle), np.sin(angle)]), 0.1, rng)
    return Branch(points, width_profile(len(points), rng.uniform(2.5, 9.0), 0.2, rng, tapered=(True, True)))


def _painted(surface: NDArray[np.uint8], cracks: list[Branch], top: int, left: int) -> NDArray[np.uint8]:
    near = list(_in_block(cracks, top, left))
    if not near:
        return surface
    covered = coverage(near, BLOCK_PX, BLOCK_PX)[:, :, None]  # (H, W, 1)
    return np.asarray((surface * (1 - 0.65 * covered)).astype(np.uint8))


def _in_block(cracks: list[Branch], top: int, left: int, margin_px: int = 32) -> Iterator[Branch]:
    for crack in cracks:
        points = crack.points_px - (left, top)
        inside = ((points > -margin_px) & (points < BLOCK_PX + margin_px)).all(axis=1)
        turns = np.diff(np.pad(inside, 1).astype(np.int8))
        for first, stop in zip(np.flatnonzero(turns == 1), np.flatnonzero(turns == -1), strict=True):
            if stop - first > 1:
                yield Branch(points[first:stop], crack.width_px[first:stop])


def child(raster: Path, model: Path, out: Path, memory: str, kill_at: float, resume: bool) -> None:
    """Segment in this process and print what it took; or end it by SIGKILL at a share of the tiles."""
    begun = first = time.monotonic()
    segmented = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal first, segmented
        if not segmented:
            first = first if done else time.monotonic()
            if done >= kill_at * total:
                os.kill(os.getpid(), signal.SIGKILL)
            if done == total:
                segmented = time.monotonic()

    found = fissura.segment_raster(raster, out=out, model=model, memory=memory, resume=resume, progress=progress)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    ended = time.monotonic()
    figures = {
        "cracks": found.cracks,
        "crack_m": round(found.length_px / 1000, 2),
        "peak_mib": round(most / 2**20),
        "network_s": round(segmented - first, 2),
        "cleaning_and_measuring_s": round(ended - segmented, 1),
        "whole_s": round(ended - begun, 1),
    }
    print(json.dumps(figures))


def run_child(
    raster: Path, model: Path, out: Path, memory: str, kill_at: float = 2.0, resume: bool = False
) -> dict[str, Any]:
    arguments = [raster, model, out, memory, kill_at, int(resume)]
    command = [sys.executable, __file__, "--child", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if kill_at <= 1:
        return {"killed": done.returncode == -signal.SIGKILL}
    if done.returncode:
        sys.exit(f"{raster}: the child ended with {done.returncode}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def small_photos(raster: Path) -> list[NDArray[np.uint8]]:
    """Cut small photographs from the raster: (448, 448, 3) uint8 RGB each."""
    with rasterio.open(raster) as file:
        corners = [(0, 97 * at % (file.width - SMALL_PX)) for at in range(SMALL_PHOTOS)]
        cuts = [file.read(window=Window(left, top, SMALL_PX, SMALL_PX)) for top, left in corners]
    return [np.ascontiguousarray(cut.transpose(1, 2, 0)) for cut in cuts]


def seconds_decoded(photos: list[NDArray[np.uint8]], model: Path) -> float:
    """Tell how long the network and the cleaning take for photographs that are decoded already."""
    segmenter = Segmenter(model, engine="auto")  # as `segment_raster`
    for photo in photos[:3]:
        segmenter.segment(photo)
    begun = time.monotonic()
    for photo in photos:
        segmenter.segment(photo)
    return time.monotonic() - begun


def seconds_with_files(photos: list[NDArray[np.uint8]], model: Path) -> float:
    """Tell how long a folder of JPEGs takes until its masks are written, from the first photograph on."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "photos" / f"{at:04}.jpg" for at in range(len(photos))]
        files[0].parent.mkdir()
        for file, photo in zip(files, photos, strict=True):
            Image.fromarray(photo).save(file, quality=90)
        times: list[float] = []
        fissura.segment(
            [files[0].parent],
            out=Path(folder) / "masks",
            model=model,
            pictures=["mask"],
            progress=lambda *_: times.append(time.monotonic()),
        )
    return (times[-1] - times[0]) * len(photos) / (len(times) - 1)


def small_rates(raster: Path, model: Path, row: dict[str, Any]) -> None:
    """Add the seconds that small photographs take now to those in the row."""
    photos = small_photos(raster)
    for name, seconds in (("with_files", seconds_with_files), ("decoded", seconds_decoded)):
        row.setdefault(name, []).append(seconds(photos, model))


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.tif"))}


def section(results: dict[str, Any]) -> str:
    rows = [
        f"| {row['megapixels']:.0f} | {row['peak_mib']} | {row['whole_s']:.0f} | {row['network_s']:.0f} "
        f"| {row['megapixels_per_s']:.2f} | {row['share_with_files']:.0%} | {row['share_decoded']:.0%} "
        f"| {row['s_per_megapixel']:.3f} "
        f"| {row['cracks']} | {row['crack_m']:.0f} |"
        for row in results["rasters"]
    ]
    kill = results["kill"]
    return "\n".join(
        [
            "### Rasters",
            "",
            f"`segment-raster` with `--memory {results['memory']}` on {results['machine']}; model "
            f"{results['model']}. Megapixels per second are those of the network's pass, with reading and writing. "
            f"They are compared with those of {SMALL_PHOTOS} photographs of {SMALL_PX} x {SMALL_PX} px cut from the "
            "raster: from JPEG files to masks on disk, and decoded already, nothing written; both before and after.",
            "",
            "| megapixels | peak memory (MiB) | whole run (s) | network (s) | megapixels per s "
            "| share of small files' | share of small decoded ones' | s per megapixel | cracks | crack (m) |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Killed at {kill['at_share']:.0%} of the tiles and resumed: "
            + ("the same files to the byte." if kill["identical"] else "OTHER FILES."),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=bundled_model(), help="the bundled one if not given")
    parser.add_argument("--megapixels", type=float, nargs="+", default=SIZES)
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--look", type=Path, help="write a corner of the first raster, and of its mask, to this PNG")
    options = parser.parse_args()
    rows, kill = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for size in options.megapixels:
            raster, out = Path(folder) / "raster.tif", Path(folder) / "out"
            megapixels = write_raster(raster, size)
            row: dict[str, Any] = {"megapixels": megapixels}
            small_rates(raster, options.model, row)
            row |= run_child(raster, options.model, out, options.memory)
            small_rates(raster, options.model, row)
            row["megapixels_per_s"] = megapixels / row["network_s"]
            for name in ("with_files", "decoded"):
                small = len(row[name]) * SMALL_PHOTOS * SMALL_PX**2 / 1e6 / sum(row[name])  # megapixels per s
                row[f"share_{name}"] = row["megapixels_per_s"] / small
            row["s_per_megapixel"] = row["whole_s"] / megapixels
            rows.append(row)
            print(row, flush=True)
            if not kill:
                if options.look:
                    _look(raster, out, options.look)
                kill = _kill(raster, options.model, out, options.memory)
                print(kill, flush=True)
            shutil.rmtree(out)
    results = {
        "machine": machine(),
        "model": Segmenter(options.model).card.recipe,
        "memory": options.memory,
        "rasters": rows,
        "kill": kill,
    }
    text = section(results)
    print(text)
    if tuple(options.megapixels) == SIZES:
        write_section("gigapixel", results, text)


def _kill(raster: Path, model: Path, whole: Path, memory: str) -> dict[str, Any]:
    out, at_share = whole.with_name("killed"), round(random.uniform(0.2, 0.95), 2)
    killed = run_child(raster, model, out, memory, kill_at=at_share)["killed"]
    run_child(raster, model, out, memory, resume=True)
    identical = killed and digests(out) == digests(whole)
    shutil.rmtree(out)
    return {"at_share": at_share, "identical": identical}


def _look(raster: Path, out: Path, picture: Path, side: int = 1024) -> None:
    with rasterio.open(raster) as file, rasterio.open(out / "mask.tif") as mask:
        window = Window(BLOCK_PX // 2, BLOCK_PX // 2, side, side)
        photo = file.read(window=window).transpose(1, 2, 0)
        found = np.repeat(mask.read(1, window=window)[:, :, None], 3, axis=2)
    save_image(picture, np.concatenate([photo, found], axis=1))


if __name__ == "__main__":
    if "--child" in sys.argv:
        raster_, model_, out_, memory_, kill_at_, resume_ = sys.argv[2:]
        child(Path(raster_), Path(model_), Path(out_), memory_, float(kill_at_), resume_ == "1")
    else:
        main()
