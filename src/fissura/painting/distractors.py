"""Distractors: things on a surface that look somewhat like a crack and are none.

Each painter of this module takes a photograph as ``(H, W, 3)`` float32 in [0, 255] and a random generator, and
gives the photograph with its distractor, same shape and dtype; values may leave [0, 255] and are clipped later.
To add one, write such a function and name it in :data:`DISTRACTORS`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from fissura.painting.centreline import Branch, fractal_line, width_profile
from fissura.painting.rendering import coverage
from fissura.painting.surfaces import noise_field

Pixels = NDArray[np.float32]  # (H, W, 3) in [0, 255]


def paint_distractors(photo: Pixels, rng: np.random.Generator, mean_count: float = 1.5) -> Pixels:
    """Paint a few distractors of random kinds.

    Args:
        photo: ``(H, W, 3)`` float32 in [0, 255].
        rng: source of randomness.
        mean_count: expected number of kinds (Poisson).

    Returns:
        ``(H, W, 3)`` float32.
    """
    count = min(int(rng.poisson(mean_count)), len(DISTRACTORS))
    for kind in rng.choice(len(DISTRACTORS), count, replace=False):
        photo = DISTRACTORS[kind](photo, rng)
    return photo


def pits(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Blow holes and grains: many small ellipses, most of them dark."""
    height, width = photo.shape[:2]
    fine = np.zeros((2 * height, 2 * width), np.uint8)
    size_px = rng.uniform(0.8, 4.0)
    for _ in range(int(rng.uniform(4, 60))):
        centre = int(rng.integers(2 * width)), int(rng.integers(2 * height))
        axes = np.maximum(1, 2 * size_px * rng.lognormal(0.0, 0.5, 2) / 2).astype(int)
        cv2.ellipse(fine, centre, (int(axes[0]), int(axes[1])), rng.uniform(0, 180), 0, 360, 255, -1)
    return _shade(photo, _shrunk(fine), _strength(rng, light_share=0.15))


def fragments(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Short dark strokes: gaps between stones, chips, straw; as dark as a crack, but leading nowhere."""
    height, width = photo.shape[:2]
    longest_px = max(4.0, 0.12 * min(height, width))
    strokes = []
    for _ in range(int(rng.uniform(2, 25))):
        start = rng.uniform(0, 1, 2) * (width, height)
        angle, length_px = rng.uniform(0, 2 * np.pi), rng.uniform(3, longest_px)
        line = fractal_line(start, start + length_px * np.array([np.cos(angle), np.sin(angle)]), 0.15, rng)
        strokes.append(Branch(line, width_profile(len(line), rng.uniform(1.2, 4.0), 0.3, rng, tapered=(True, True))))
    return _shade(photo, coverage(strokes, height, width), _strength(rng, light_share=0.15))


def stain(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A damp or oily patch with a soft or a hard edge."""
    height, width = photo.shape[:2]
    field = noise_field(height, width, rng.uniform(0.15, 0.6) * min(height, width), rng)
    hardness = rng.uniform(2.0, 20.0)
    patch = expit(hardness * (field - rng.uniform(0.3, 1.5)))
    return _shade(photo, patch.astype(np.float32), rng.uniform(0.08, 0.4))


def moss(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Clumps of dark green or brown growth."""
    height, width = photo.shape[:2]
    where = noise_field(height, width, 0.3 * min(height, width), rng) > rng.uniform(0.5, 1.5)
    clumps = noise_field(height, width, rng.uniform(2.5, 7.0), rng) > rng.uniform(0.2, 1.0)
    growth = cv2.GaussianBlur((where & clumps).astype(np.float32), (0, 0), 0.8)
    colour = np.array([rng.uniform(30, 90), rng.uniform(50, 100), rng.uniform(20, 60)], np.float32)
    amount = rng.uniform(0.4, 0.9) * growth[:, :, None]
    return np.asarray(photo * (1 - amount) + colour * amount, np.float32)


def shadow(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """The shadow of something outside the picture: a half-plane with a more or less sharp edge."""
    height, width = photo.shape[:2]
    across_px = _distance_to_line(height, width, rng)
    softness_px = rng.uniform(0.7, 12.0)
    dark = expit(across_px / softness_px)
    return _shade(photo, dark.astype(np.float32), rng.uniform(0.2, 0.6))


def joint(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Straight lines of constant width: formwork seams, expansion joints, tile grout, the picture's own border."""
    height, width = photo.shape[:2]
    half_px = rng.uniform(0.6, 5.0)
    across_px = _distance_to_line(height, width, rng)
    if rng.random() < 0.25:
        y, x = np.ogrid[:height, :width]
        across_px = (y * np.ones_like(x) if rng.random() < 0.5 else x * np.ones_like(y)).astype(np.float32)
        across_px = across_px if rng.random() < 0.5 else across_px.max() - across_px
    elif rng.random() < 0.3:  # a row of tiles
        pitch_px = rng.uniform(0.25, 0.7) * min(height, width)
        across_px = (across_px + pitch_px / 2) % pitch_px - pitch_px / 2
    line = np.clip(half_px + 0.5 - np.abs(across_px), 0, 1).astype(np.float32)
    return _shade(photo, line, _strength(rng, light_share=0.3))


def marking(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A worn band of paint."""
    height, width = photo.shape[:2]
    half_px = rng.uniform(0.05, 0.25) * min(height, width)
    band = np.clip(half_px - np.abs(_distance_to_line(height, width, rng)), 0, 1)
    worn = noise_field(height, width, rng.uniform(1.5, 10.0), rng) < rng.uniform(0.5, 2.5)
    paint = cv2.GaussianBlur((band * worn).astype(np.float32), (0, 0), 0.7)[:, :, None]
    colour = np.array([230, 230, 225] if rng.random() < 0.7 else [220, 180, 60], np.float32)
    amount = rng.uniform(0.3, 0.9) * paint
    return np.asarray(photo * (1 - amount) + colour * amount, np.float32)


def cable(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """A smooth curve of constant width with a light ridge and a soft shadow beside it."""
    height, width = photo.shape[:2]
    ends = rng.uniform(-0.2, 1.2, (3, 2)) * (width, height)
    t = np.linspace(0, 1, 60)[:, None]
    curve = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * ends[1] + t**2 * ends[2]  # quadratic Bézier
    width_px = rng.uniform(2.0, 9.0)
    body = coverage([Branch(curve, np.full(len(curve), width_px))], height, width)
    ridge = coverage([Branch(curve, np.full(len(curve), max(1.0, width_px / 3)))], height, width)
    offset = rng.uniform(-1.5, 1.5, 2) * width_px
    cast = cv2.warpAffine(body, np.array([[1, 0, offset[0]], [0, 1, offset[1]]]), (width, height))
    photo = _shade(photo, np.asarray(cv2.GaussianBlur(cast, (0, 0), 1.5), np.float32), rng.uniform(0.1, 0.5))
    shade = rng.uniform(20, 200)
    photo = photo * (1 - body[:, :, None]) + shade * body[:, :, None]
    return photo + rng.uniform(10, 60) * ridge[:, :, None]


def scratches(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Light hairlines: scratches, straw, roots."""
    height, width = photo.shape[:2]
    lines = []
    for _ in range(int(rng.uniform(1, 6))):
        ends = rng.uniform(0, 1, (2, 2)) * (width, height)
        line = fractal_line(ends[0], ends[1], rng.uniform(0.0, 0.06), rng)
        lines.append(Branch(line, np.full(len(line), rng.uniform(1.0, 2.5))))
    return _shade(photo, coverage(lines, height, width), -rng.uniform(0.1, 0.5))


DISTRACTORS = (pits, fragments, stain, moss, shadow, joint, marking, cable, scratches)


def _shade(photo: Pixels, amount: NDArray[np.float32], strength: float) -> Pixels:
    """Darken (or, with a negative strength, lighten) multiplicatively where ``amount`` (H, W) is 1."""
    return photo * (1 - strength * amount)[:, :, None]


def _strength(rng: np.random.Generator, light_share: float) -> float:
    return -rng.uniform(0.1, 0.4) if rng.random() < light_share else rng.uniform(0.15, 0.75)


def _shrunk(fine: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = fine.shape[0] // 2, fine.shape[1] // 2
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255))


def _distance_to_line(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Signed distance of each pixel to a random straight line through the picture, in px."""
    x0, y0 = rng.uniform(0.0, 1.0, 2) * (width, height)
    # Joints and borders follow the picture's axes more often than not.
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0.0, 0.03) if rng.random() < 0.5 else rng.uniform(0, np.pi)
    y, x = np.ogrid[:height, :width]
    return np.asarray((x - x0) * np.sin(angle) - (y - y0) * np.cos(angle), np.float32)
