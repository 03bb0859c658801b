"""The crack painter: an uncracked photograph in, a cracked one with its exact mask out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.painting.centreline import Branch, crack_branches, network_branches
from fissura.painting.distractors import Pixels, paint_distractors
from fissura.painting.rendering import coverage, wide_blur
from fissura.painting.surfaces import noise_field


@dataclass(frozen=True)
class PainterSettings:
    """What the painter draws from.

    Attributes:
        width_px: smallest and largest typical width of a main line, in px; of its logarithm the thin half is
            drawn more often, as walls and roads do.
        visibility: smallest and largest contrast of a crack, as a multiple of the surface's own texture
            (standard deviation of its luminance at the scale of the crack's width). A crack fainter than its
            surface's texture is not to be seen, and painting one would teach hallucination.
        deep_share: share of cracks, in [0, 1], that are as dark as a deep hole instead, whatever the surface: on a
            smooth one no multiple of its texture is as dark as real cracks are.
        fading: smallest and largest standard deviation of a crack's contrast along its way, as a share of that
            contrast, not below 0. From about 0.5 on some stretches are not to be seen at all; the mask goes on over
            them, as the crack does.
        grit: how strongly cracks are speckled at the scale of grains, as the largest standard deviation of their
            contrast there; their edges are rougher by as much. The mask goes on over it, for grains that stand in a
            crack end it for nobody.
        smooth_masks: whether masks end where the crack's edges lie on average, as a person draws them, instead of
            following each notch of the ragged edges that are painted.
        network_share: share of photographs that get an alligator network instead of single cracks.
        distractors: expected number of kinds of distractors per photograph.

    Raises:
        ValueError: if a range is reversed or below 0, a width or a visibility is 0, or a share or grit is not in
            [0, 1].
    """

    width_px: tuple[float, float] = (1.3, 26.0)
    visibility: tuple[float, float] = (1.7, 9.0)
    deep_share: float = 0.0
    fading: tuple[float, float] = (0.35, 0.35)
    grit: float = 0.0
    smooth_masks: bool = False
    network_share: float = 0.08
    distractors: float = 1.5

    def __post_init__(self) -> None:
        for name, (smallest, largest) in (("width_px", self.width_px), ("visibility", self.visibility)):
            if not 0 < smallest <= largest:
                raise ValueError(f"{name}: {smallest:g} to {largest:g} is no range above 0")
        if not 0 <= self.fading[0] <= self.fading[1]:
            raise ValueError(f"fading: {self.fading[0]:g} to {self.fading[1]:g} is no range from 0 on")
        for name in ("deep_share", "grit", "network_share"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ValueError(f"{name}: {share:g} is not between 0 and 1")


@dataclass(frozen=True)
class PaintedPhoto:
    """A photograph with painted cracks.

    Attributes:
        photo: ``(H, W, 3)`` uint8 RGB.
        mask: ``(H, W)`` bool, True where a crack, its edges as the settings say, covers more than half of the pixel.
        branches: the geometry painted: centre lines and the width along them, in px.
    """

    photo: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    branches: tuple[Branch, ...]


def paint_cracks(
    photo: NDArray[np.uint8], rng: np.random.Generator, settings: PainterSettings | None = None
) -> PaintedPhoto:
    """Paint distractors and then cracks on a photograph that shows none.

    A crack darkens the surface multiplicatively, its valley blurred as a camera would; where the blurred
    valley has half its depth, there the mask ends.

    Args:
        photo: ``(H, W, 3)`` uint8 RGB, uncracked.
        rng: source of randomness: one seed gives one painting.
        settings: what to draw from.

    Returns:
        The painted photograph, its exact mask and its exact geometry.

    Example:
        >>> from fissura.painting import draw_surface
        >>> surface = draw_surface("concrete", 224, 224, np.random.default_rng(1))
        >>> painted = paint_cracks(surface, np.random.default_rng(2))
        >>> painted.photo.shape, bool(painted.mask.any())
        ((224, 224, 3), True)
    """
    settings = settings or PainterSettings()
    height, width = photo.shape[:2]
    pixels = paint_distractors(photo.astype(np.float32), rng, settings.distractors)
    mask = np.zeros((height, width), bool)
    branches: list[Branch] = []
    is_network = rng.random() < settings.network_share
    for _ in range(1 if is_network else rng.choice([1, 2, 3], p=[0.7, 0.22, 0.08])):
        thin, wide = np.log(settings.width_px)
        width_px = float(np.exp(thin + (wide - thin) * rng.random() ** 2))
        roughness = rng.uniform(0.03, 0.19)
        draw = network_branches if is_network else crack_branches
        crack = draw(height, width, min(width_px, 5.0) if is_network else width_px, roughness, rng)
        # What breaks off an edge is as large on a wide crack as on a thin one.
        raggedness = min(rng.uniform(0.0, 0.3), 1.5 / width_px) * (1 + settings.grit)
        covered = coverage(crack, height, width, raggedness=raggedness, rng=rng)  # (H, W)
        if width_px > 5 and not is_network and rng.random() < 0.45:
            pixels = _fill(pixels, covered, width_px, rng)
        else:
            pixels = _darken(pixels, covered, width_px, settings, rng)
        outline = coverage(crack, height, width) if settings.smooth_masks else covered
        mask |= outline > 0.5
        branches += crack
    return PaintedPhoto(np.clip(pixels + 0.5, 0, 255).astype(np.uint8), mask, tuple(branches))


def paint_nothing(
    photo: NDArray[np.uint8], rng: np.random.Generator, settings: PainterSettings | None = None
) -> PaintedPhoto:
    """Paint distractors only: the counterpart that keeps a network from calling every dark line a crack."""
    settings = settings or PainterSettings()
    pixels = paint_distractors(photo.astype(np.float32), rng, settings.distractors)
    return PaintedPhoto(np.clip(pixels + 0.5, 0, 255).astype(np.uint8), np.zeros(photo.shape[:2], bool), ())


def _darken(
    pixels: Pixels,
    covered: NDArray[np.float32],
    width_px: float,
    settings: PainterSettings,
    rng: np.random.Generator,
) -> Pixels:
    height, width = covered.shape
    depth = _depth(pixels, width_px, settings, rng)
    # Along its way a crack fades; it is still there.
    fading = rng.uniform(*settings.fading)
    uneven = np.clip(1 + fading * noise_field(height, width, rng.uniform(12, 60), rng), 0.0, 1.4)
    if settings.grit > 0:
        grit = rng.uniform(0.0, settings.grit) * noise_field(height, width, rng.uniform(1.0, 3.0), rng)
        uneven = np.clip(uneven * (1 + grit), 0.0, 1.6)
    # The camera's blur must stay well below the width, or the valley's half depth would leave the mask's edge.
    blurred = cv2.GaussianBlur(covered, (0, 0), min(rng.uniform(0.3, 1.0), 0.3 * width_px))
    amount = np.clip((depth * blurred * uneven)[:, :, None] * _tint(rng), 0.0, 0.97)  # (H, W, 3)
    smoothness = rng.uniform(0.0, 1.0) * blurred[:, :, None]  # a hole shows less texture than the surface
    floor = wide_blur(pixels, max(1.0, width_px / 2))
    pixels = (pixels * (1 - smoothness) + floor * smoothness) * (1 - amount)
    if rng.random() < 0.3:
        pixels = pixels * (1 + rng.uniform(0.05, 0.3) * _rim(covered, rng))[:, :, None]
    return pixels


def _fill(pixels: Pixels, covered: NDArray[np.float32], width_px: float, rng: np.random.Generator) -> Pixels:
    """Fill a wide crack with sand and rubble: darker than the surface, of a finer grain, here and there a hole."""
    height, width = covered.shape
    grain = rng.uniform(4, 24) * noise_field(height, width, rng.uniform(1.0, 2.5), rng)
    holes = np.clip(noise_field(height, width, rng.uniform(4.0, 12.0), rng) - rng.uniform(0.0, 1.5), 0, 1)
    depth = rng.uniform(0.2, 0.65) + rng.uniform(0.2, 0.6) * holes  # (H, W)
    floor = wide_blur(pixels, max(4.0, width_px))
    inside = floor * np.clip(1 - depth[:, :, None] * _tint(rng), 0.03, 1.0) + grain[:, :, None]
    blurred = cv2.GaussianBlur(covered, (0, 0), rng.uniform(0.5, 1.5))[:, :, None]
    return np.asarray(pixels * (1 - blurred) + inside * blurred, np.float32)


def _tint(rng: np.random.Generator) -> NDArray[np.float32]:
    """How much of red, green and blue a crack takes, about 1 each: rust, soil and moss colour many cracks."""
    warmth = rng.uniform(-0.1, 0.35) if rng.random() < 0.4 else rng.normal(0.0, 0.03)
    return np.array([1 - warmth, 1 - 0.3 * warmth, 1 + 0.3 * warmth], np.float32)


def _depth(pixels: Pixels, width_px: float, settings: PainterSettings, rng: np.random.Generator) -> float:
    """Choose the share of light that the crack takes: visible above the texture, never wholly black."""
    if settings.deep_share > 0 and rng.random() < settings.deep_share:
        return float(rng.uniform(0.4, 0.95))
    luminance = pixels @ np.full(3, 1 / 3, np.float32)  # (H, W); many times as fast as mean(axis=2)
    at_scale = wide_blur(luminance, max(0.6, width_px / 3))
    texture = float((at_scale - wide_blur(at_scale, 4 * width_px + 4)).std())
    visibility = np.exp(rng.uniform(*np.log(settings.visibility)))
    least = min(0.12 + 0.03 * width_px, 0.4)  # a wide crack is a hole: it is never merely tinted
    return float(np.clip(visibility * texture / max(float(luminance.mean()), 1.0), least, 0.9))


def _rim(covered: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The lit edge of a crack, on the side away from the light; ``(H, W)`` in [0, 1]."""
    angle = rng.uniform(0, 2 * np.pi)
    offset_px = rng.uniform(1.0, 2.5)
    shift = np.array([[1, 0, offset_px * np.cos(angle)], [0, 1, offset_px * np.sin(angle)]])
    shifted = cv2.warpAffine(covered, shift, covered.shape[::-1])
    return np.asarray(np.clip(cv2.GaussianBlur(shifted, (0, 0), 0.8) - covered, 0, 1), np.float32)
