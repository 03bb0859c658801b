"""How true lengths and widths are, on painted cracks of known geometry: ``python benchmarks/measuring_accuracy.py``.

Each crack is a fractal line of known points and widths, painted by `fissura.painting` on a procedural surface: the
surface is darkened by the crack's share of each pixel, blurred as by a lens, and noise is added. The map of
probabilities is that share, blurred, with noise of its own; the mask is where it exceeds one half, so it is noisy
too. What is true:

* length: of the painted polyline inside the picture, and half a width at each tip inside it, for the painter's
  tips are round. The line's detail goes down to the crack's own width, and to 4 px, and no further: what is finer
  than that, neither the outline of a crack nor its pixels show. (One table shows what happens to lines with
  detail down to 2 px.)
* width: mean of the painted width along that line.

``--cracks`` and ``--megapixels 0`` make a short run, which writes nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from fissura.measuring import measure
from fissura.painting import SURFACES, Branch, draw_surface
from fissura.painting.centreline import STEP_PX, crack_branches, fractal_line, width_profile
from fissura.painting.rendering import coverage
from report.section import machine, write_section

SIDE_PX = 512
ROUGHNESS = 0.06
FINEST_PX = 4.0  # of a line's detail
PLACES = 4  # of each straight crack
WORKERS = 2
SURFACE_COUNT = 12  # drawn once, and used again and again
WIDTHS_PX = 1.5, 20.0
NOISES = (("low", 2.0, 0.02), ("medium", 5.0, 0.05), ("high", 10.0, 0.10))  # grey levels; probability
ANGLES_DEG = 0, 30, 45, 60, 90
INPUTS = ("mask", "mask + probability", "mask + probability + photograph", "mask 2 px too wide + photograph")
NAIVE = ("skeleton pixels, 2 x distance transform",)


@dataclass(frozen=True)
class Truth:
    """What was painted."""

    length_px: float
    width_px: float


@dataclass(frozen=True)
class Picture:
    """What is given to be measured."""

    mask: NDArray[np.bool_]
    probability: NDArray[np.float32]
    photo: NDArray[np.uint8]


def draw_crack(rng: np.random.Generator, finest_px: float | None = None) -> Branch:
    """One crack across the picture's middle; one in five shifted until it may cross the border."""
    low, high = np.log(WIDTHS_PX)
    width = float(np.exp(rng.uniform(low, high)))
    angle = rng.uniform(0, np.pi)
    length = max(rng.uniform(120, 380), 8 * width)
    direction = np.array([np.cos(angle), np.sin(angle)])
    centre = rng.uniform(246, 266, 2) + (rng.uniform(-200, 200, 2) if rng.random() < 0.2 else 0)
    grain = (finest_px or max(FINEST_PX, width)) / STEP_PX
    ends = (centre - direction * length / 2) / grain, (centre + direction * length / 2) / grain
    line = fractal_line(*ends, ROUGHNESS, rng) * grain
    widths = width_profile(len(line), width, 0.15, rng, tapered=(False, False))
    return Branch(line, np.clip(widths, *WIDTHS_PX))


def straight_crack(angle_deg: float, width: float, rng: np.random.Generator) -> Branch:
    direction = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    centre = rng.uniform(255, 256, 2)
    return Branch(np.stack([centre - direction * 120, centre + direction * 120]), np.full(2, width))


def truth_of(crack: Branch) -> Truth:
    steps = np.hypot(*np.diff(crack.points_px, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    pitch = along[-1] / round(along[-1] / 0.05)
    at = np.arange(pitch / 2, along[-1], pitch)
    points = np.stack([np.interp(at, along, crack.points_px[:, axis]) for axis in (0, 1)], axis=1)
    inside = ((points > -0.5) & (points < SIDE_PX - 0.5)).all(axis=1)
    widths = np.interp(at, along, crack.width_px)
    tips = sum(float(widths[end]) / 2 for end in (0, -1) if inside[end])
    return Truth(float(inside.sum() * pitch) + tips, float(widths[inside].mean()))


@lru_cache
def surface_of(number: int) -> NDArray[np.uint8]:
    return draw_surface(SURFACES[number % len(SURFACES)], SIDE_PX, SIDE_PX, np.random.default_rng(number))


def picture_of(crack: Branch, noise: int, rng: np.random.Generator) -> Picture:
    _, grey_noise, chance_noise = NOISES[noise]
    share = coverage([crack], SIDE_PX, SIDE_PX)
    surface = surface_of(int(rng.integers(SURFACE_COUNT)))
    light = surface.astype(np.float32) * (1 - np.float32(rng.uniform(0.35, 0.75)) * share)[:, :, None]
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.5, 0.9))
    light += rng.normal(0, grey_noise, light.shape[:2])[:, :, None].astype(np.float32)
    grain = cv2.GaussianBlur(rng.normal(0, 1, share.shape).astype(np.float32), (0, 0), 1.0)
    chance = np.clip(cv2.GaussianBlur(share, (0, 0), 0.7) + chance_noise * grain / grain.std(), 0, 1)
    return Picture(chance > 0.5, chance, np.clip(light, 0, 255).astype(np.uint8))


def measured(picture: Picture) -> dict[str, tuple[float, float]]:
    """Length and mean width, in px, by each way of measuring; of all pieces, dots of under 3 px apart."""
    wide = cv2.dilate(picture.mask.view(np.uint8), np.ones((3, 3))) > 0
    ways = {
        INPUTS[0]: measure(picture.mask),
        INPUTS[1]: measure(picture.mask, picture.probability),
        INPUTS[2]: measure(picture.mask, picture.probability, picture.photo),
        INPUTS[3]: measure(wide, None, picture.photo),
    }
    found = {}
    for name, measurement in ways.items():
        cracks = [crack for crack in measurement.cracks if crack.length_px >= 3]
        length = sum(crack.length_px for crack in cracks)
        width = sum(crack.length_px * crack.width_mean_px for crack in cracks) / max(length, 1e-9)
        found[name] = length, width
    skeleton = skeletonize(picture.mask)
    distances = cv2.distanceTransform(picture.mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    found[NAIVE[0]] = float(skeleton.sum()), float(2 * distances[skeleton].mean()) if skeleton.any() else 0.0
    return found


def errors_of_one(task: tuple[Branch, int, int]) -> dict[str, tuple[float, ...]]:
    """Per way of measuring: true width, noise level, relative length error, width error in px."""
    crack, noise, seed = task
    truth = truth_of(crack)
    if truth.length_px < 40:
        return {}  # nearly all of it outside the picture
    found = measured(picture_of(crack, noise, np.random.default_rng(seed)))
    return {
        name: (truth.width_px, noise, length / truth.length_px - 1, width - truth.width_px)
        for name, (length, width) in found.items()
    }


def errors_of(cracks: Sequence[tuple[Branch, int, int]]) -> dict[str, NDArray[np.float64]]:
    """Per way of measuring, ``(N, 4)``: as from `errors_of_one`."""
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        rows = [row for row in pool.map(errors_of_one, cracks, chunksize=10) if row]
    return {name: np.array([row[name] for row in rows]) for name in (*INPUTS, *NAIVE)}


def figures(errors: NDArray[np.float64]) -> dict[str, float]:
    length, width = 100 * errors[:, 2], errors[:, 3]
    return {
        "cracks": len(errors),
        "length_error_median_percent": round(float(np.median(np.abs(length))), 2),
        "length_error_p95_percent": round(float(np.quantile(np.abs(length), 0.95)), 2),
        "length_bias_percent": round(float(length.mean()), 2),
        "width_error_median_px": round(float(np.median(np.abs(width))), 3),
        "width_error_p95_px": round(float(np.quantile(np.abs(width), 0.95)), 3),
        "width_bias_px": round(float(width.mean()), 3),
    }


def by_angle() -> dict[str, dict[str, list[float]]]:
    """Mean of measured by true length, and width error, of straight cracks at each angle, per way of measuring."""
    found: dict[str, dict[str, list[float]]] = {
        name: {"length_ratio": [], "width_error_px": []} for name in (*INPUTS, *NAIVE)
    }
    cracks = [
        (straight_crack(angle, width, np.random.default_rng([seed, noise])), noise, seed)
        for angle in ANGLES_DEG
        for seed, width in enumerate((1.5, 2.2, 3.0, 5.0, 8.0, 13.0, 20.0) * PLACES)
        for noise in range(len(NOISES))
    ]
    for name, errors in errors_of(cracks).items():
        for of_angle in np.split(errors, len(ANGLES_DEG)):
            found[name]["length_ratio"].append(round(float(1 + of_angle[:, 2].mean()), 4))
            found[name]["width_error_px"].append(round(float(of_angle[:, 3].mean()), 3))
    return found


def large_photograph(folder: Path) -> None:
    rng = np.random.default_rng(12)
    tile = draw_surface("concrete", 500, 500, rng)
    photo = np.tile(tile, (6, 8, 1))
    share = np.zeros((3000, 4000), np.float32)
    for _ in range(6):
        np.maximum(share, coverage(crack_branches(3000, 4000, rng.uniform(2, 14), 0.1, rng), 3000, 4000), out=share)
    for row in range(0, 3000, 500):  # a whole float copy of the photograph is not ours to need
        rows = slice(row, row + 500)
        photo[rows] = np.clip(photo[rows] * (1 - 0.6 * share[rows])[:, :, None], 0, 255).astype(np.uint8)
    np.save(folder / "photo.npy", photo)
    np.save(folder / "probability.npy", cv2.GaussianBlur(share, (0, 0), 0.7))


def cost_of_large_photograph(folder: Path) -> dict[str, float]:
    cv2.setNumThreads(1)
    photo, probability = np.load(folder / "photo.npy"), np.load(folder / "probability.npy")
    mask = probability > 0.5
    measure(mask[:200, :200], probability[:200, :200], photo[:200, :200])  # what is loaded once is loaded
    start = time.process_time()
    measurement = measure(mask, probability, photo)
    seconds = time.process_time() - start
    return {
        "megapixels": round(mask.size / 1e6, 1),
        "cracks": len(measurement.cracks),
        "branches": sum(crack.branch_count for crack in measurement.cracks),
        "length_px": round(measurement.length_px),
        "cpu_seconds": round(seconds, 2),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def cost() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        large_photograph(Path(name))
        # In a process of its own, so that its peak is not the painter's.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(cost_of_large_photograph, Path(name)).result()


def table(rows: dict[str, dict[str, float]]) -> list[str]:
    lines = [
        "| | cracks | length error, median | 95th percentile | bias | width error, median | 95th percentile | bias |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {row['cracks']} | {row['length_error_median_percent']:.2f} % "
            f"| {row['length_error_p95_percent']:.2f} % | {row['length_bias_percent']:+.2f} % "
            f"| {row['width_error_median_px']:.2f} px | {row['width_error_p95_px']:.2f} px "
            f"| {row['width_bias_px']:+.2f} px |"
        )
    return lines


def section(results: dict[str, dict]) -> str:  # type: ignore[type-arg]
    angles = [
        "| | " + " | ".join(f"{angle}°" for angle in ANGLES_DEG) + " |",
        "|---" * (len(ANGLES_DEG) + 1) + "|",
        *(
            f"| {name} | " + " | ".join(f"{ratio:.3f}" for ratio in row["length_ratio"]) + " |"
            for name, row in results["by_angle"].items()
        ),
    ]
    large = results["large_photograph"]
    parts = [
        "# Accuracy of measuring",
        "Generated by `python benchmarks/measuring_accuracy.py`; what is painted, and what counts as true, stands at "
        "the head of that file.",
        "## All cracks",
        *table(results["all"]),
        "## By width, from mask, probability and photograph",
        *table(results["by_width"]),
        "## By noise, from mask, probability and photograph",
        *table(results["by_noise"]),
        "At high noise the mask of a crack of 1.5 px has gaps. What the mask does not hold is not measured: that is "
        "the tail of the lengths here and below.",
        "## Straight cracks: measured length by true length, at each angle",
        *angles,
        "## Lines with detail down to 2 px, finer than most of these cracks are wide",
        *table(results["fine_detail"]),
    ]
    if large:
        parts += [
            "## A photograph of 12 megapixels",
            f"{large['cracks']} cracks, {large['branches']} branches, {large['length_px']} px of centre line: "
            f"{large['cpu_seconds']} s of CPU time on one core, at most {large['peak_memory_mib']} MiB of memory, "
            "the pictures themselves among it.",
        ]
    text = "\n\n".join(parts)
    return text.replace(" |\n\n|", " |\n|").replace("|\n\n|---", "|\n|---").replace("---|\n\n|", "---|\n|") + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cracks", type=int, default=1000)
    parser.add_argument("--megapixels", type=int, default=12, choices=(0, 12))
    options = parser.parse_args()
    cv2.setNumThreads(1)

    def draw(count: int, first: int, finest_px: float | None = None) -> list[tuple[Branch, int, int]]:
        return [
            (draw_crack(np.random.default_rng([0, seed]), finest_px), seed % len(NOISES), seed)
            for seed in range(first, first + count)
        ]

    errors = errors_of(draw(options.cracks, 0))
    best = errors[INPUTS[2]]
    bands = ((1.5, 2.5), (2.5, 5.0), (5.0, 10.0), (10.0, 20.0))
    is_in = {f"{low:g} to {high:g} px": (best[:, 0] >= low) & (best[:, 0] < high) for low, high in bands}
    fine = errors_of(draw(max(options.cracks // 10, 10), 100_000, STEP_PX))
    results = {
        "machine": f"{machine()}, OpenCV {cv2.__version__}",
        "roughness": ROUGHNESS,
        "all": {name: figures(rows) for name, rows in errors.items()},
        "by_width": {name: figures(best[kept]) for name, kept in is_in.items() if kept.any()},
        "by_noise": {name: figures(best[best[:, 1] == level]) for level, (name, *_) in enumerate(NOISES)},
        "by_angle": by_angle(),
        "fine_detail": {name: figures(rows) for name, rows in fine.items()},
        "large_photograph": cost() if options.megapixels else {},
    }
    text = section(results)
    print(text)
    if options.cracks < 1000 or not options.megapixels:
        return
    write_section("measuring_accuracy", results, text)


if __name__ == "__main__":
    main()
