"""Procedural surfaces: concrete, asphalt and plaster that need no photograph at all."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Surface = Literal["concrete", "asphalt", "plaster"]
SURFACES: tuple[Surface, ...] = get_args(Surface)


def noise_field(height: int, width: int, scale_px: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Give ``(H, W)`` float32 normal noise, mean 0 and standard deviation about 1, smooth over ``scale_px``."""
    rows, columns = (max(2, round(side / scale_px) + 1) for side in (height, width))
    coarse = rng.normal(0.0, 1.0, (rows, columns)).astype(np.float32)
    if (rows, columns) == (height, width):
        return coarse
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field * 1.4, np.float32)  # bicubic interpolation lowers the standard deviation to 0.7


def draw_surface(kind: Surface, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw an uncracked surface.

    Args:
        kind: which material.
        height: in px.
        width: in px.
        rng: source of randomness; one seed gives one surface.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Example:
        >>> draw_surface("asphalt", 224, 320, np.random.default_rng(7)).shape
        (224, 320, 3)
    """
    match kind:
        case "concrete":
            grey = _concrete(height, width, rng)
        case "asphalt":
            grey = _asphalt(height, width, rng)
        case "plaster":
            grey = _plaster(height, width, rng)
    light = 1.0 + 0.08 * rng.normal() * noise_field(height, width, max(height, width) / 2, rng)
    tint = 1.0 + rng.normal(0.0, 0.04, 3)
    colour = (grey * light)[:, :, None] * tint.astype(np.float32)  # (H, W, 3)
    sensor_noise = rng.normal(0.0, rng.uniform(0.5, 3.0), colour.shape)
    return np.clip(colour + sensor_noise, 0, 255).astype(np.uint8)


def _concrete(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    grey = np.full((height, width), rng.uniform(110, 205), np.float32)
    for scale_px, share in ((90.0, 6.0), (30.0, 4.0), (8.0, 3.0), (2.0, 4.0)):
        grey += rng.uniform(0.3, 1.2) * share * noise_field(height, width, scale_px, rng)
    pores = noise_field(height, width, rng.uniform(2.5, 5.0), rng)
    grey -= rng.uniform(20, 60) * np.clip(pores - rng.uniform(2.2, 3.0), 0, 1)
    return grey


def _plaster(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Relief lit from one side: the shading of a rough surface is the slope of its height."""
    relief = sum(
        (scale_px * noise_field(height, width, scale_px, rng) for scale_px in (2.0, 5.0, 14.0)),
        start=np.zeros((height, width), np.float32),
    )
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.cos(angle) * cv2.Sobel(relief, cv2.CV_32F, 1, 0) + np.sin(angle) * cv2.Sobel(relief, cv2.CV_32F, 0, 1)
    grey = rng.uniform(140, 225) + rng.uniform(3, 12) * slope / (slope.std() + 1e-6)
    return np.asarray(grey + 4 * noise_field(height, width, 70.0, rng), np.float32)


def _asphalt(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Packed stones with dark interstices: the gaps that a network takes for a net of cracks."""
    stone_px = rng.uniform(3.0, 13.0)
    nearest_px, stones = _packed_stones(height, width, stone_px, rng)
    shades = rng.normal(0.0, 1.0, int(stones.max()) + 1).astype(np.float32)[stones]  # (H, W)
    bitumen = rng.uniform(60, 130)
    grey = bitumen + rng.uniform(8, 30) * shades
    # A stone ends where a neighbour is as near; beyond half the pitch only bitumen is left.
    gap = np.clip((nearest_px - rng.uniform(0.35, 0.55) * stone_px) / (0.2 * stone_px), 0, 1)
    edge = cv2.morphologyEx(stones.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    gap = np.maximum(gap, cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 0.7))
    grey -= rng.uniform(0.15, 0.6) * bitumen * gap
    grey += 5 * noise_field(height, width, 1.5, rng)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.3, 1.0)), np.float32)


def _packed_stones(
    height: int, width: int, stone_px: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Give the distance to the nearest stone's heart, in px, and the number of that stone, both (H, W)."""
    hearts = np.ones((height, width), np.uint8)
    rows = np.arange(0.5, height / stone_px + 0.5) * stone_px
    columns = np.arange(0.5, width / stone_px + 0.5) * stone_px
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    grid += rng.uniform(-0.45, 0.45, grid.shape) * stone_px
    at = np.clip(grid.round().astype(int), 0, (height - 1, width - 1))
    hearts[at[:, 0], at[:, 1]] = 0
    distance_px, numbers = cv2.distanceTransformWithLabels(hearts, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    return np.asarray(distance_px, np.float32), np.asarray(numbers, np.int32)
