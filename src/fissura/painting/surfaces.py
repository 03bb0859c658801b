"""Procedural surfaces: concrete, asphalt, plaster, masonry and gravel that need no photograph at all."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

Surface = Literal["concrete", "asphalt", "plaster", "masonry", "gravel"]
SURFACES: tuple[Surface, ...] = get_args(Surface)

Field = NDArray[np.float32]  # (H, W)


def noise_field(height: int, width: int, scale_px: float, rng: np.random.Generator) -> Field:
    """Give ``(H, W)`` float32 normal noise, mean 0 and standard deviation about 1, smooth over ``scale_px``."""
    rows, columns = (max(2, round(side / scale_px) + 1) for side in (height, width))
    coarse = rng.standard_normal((rows, columns), np.float32)
    if (rows, columns) == (height, width):
        return coarse
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field * 1.4, np.float32)  # bicubic interpolation lowers the standard deviation to 0.7


def fractal_noise(
    height: int, width: int, finest_px: float, coarsest_px: float, slope: float, rng: np.random.Generator
) -> Field:
    """Give ``(H, W)`` float32 noise of many scales, mean 0 and standard deviation about 1.

    Octaves of :func:`noise_field` are summed, each with an amplitude of its scale to the power of ``slope``:
    0 is as strong at every scale (a sponge), 1 is mostly coarse (clouds).
    """
    total, power = np.zeros((height, width), np.float32), 0.0
    scale_px = finest_px
    while scale_px <= coarsest_px:
        amplitude = scale_px**slope
        total += amplitude * noise_field(height, width, scale_px, rng)
        power += amplitude**2
        scale_px *= 2
    return np.asarray(total / np.float32(power**0.5), np.float32)


def draw_surface(kind: Surface, height: int, width: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw an uncracked surface, as a camera about half a metre to two metres away would see it.

    Args:
        kind: which material.
        height: in px, at least 1.
        width: in px, at least 1.
        rng: source of randomness; one seed gives one surface.

    Returns:
        ``(H, W, 3)`` uint8 RGB.

    Example:
        >>> draw_surface("asphalt", 224, 320, np.random.default_rng(7)).shape
        (224, 320, 3)
    """
    match kind:
        case "concrete":
            grey, warmth = _concrete(height, width, rng)
        case "asphalt":
            grey, warmth = _asphalt(height, width, rng)
        case "plaster":
            grey, warmth = _plaster(height, width, rng)
        case "masonry":
            grey, warmth = _masonry(height, width, rng)
        case "gravel":
            grey, warmth = _gravel(height, width, rng)
    # Light falls off across the picture; materials differ between bluish and ochre, hardly between green and pink.
    light = 1 + 0.04 * noise_field(height, width, max(height, width), rng)
    warm_side = np.array([1.0, 0.15, -1.0], np.float32)
    colour = (grey * light)[:, :, None] * (1 + (warmth + rng.normal(0.01, 0.02))[:, :, None] * warm_side)  # (H, W, 3)
    colour += np.float32(rng.uniform(0.5, 3.0)) * rng.standard_normal(colour.shape, np.float32)  # the sensor's noise
    return np.asarray(np.clip(colour, 0, 255).astype(np.uint8))


def _concrete(height: int, width: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Mottled cement skin, finely grained, here and there a blow hole with a lit lower edge."""
    mottle = fractal_noise(height, width, 4.0, 130.0, rng.uniform(0.1, 0.5), rng)
    skin = fractal_noise(height, width, 1.0, 8.0, rng.uniform(-0.3, 0.3), rng)
    grey = rng.uniform(115, 200) * (1 + rng.uniform(0.02, 0.05) * mottle + rng.uniform(0.008, 0.03) * skin)
    holes = _blow_holes(height, width, rng)
    light = rng.uniform(0, 2 * np.pi)
    relief = 0.25 * rng.uniform(0.3, 1.0) * skin - 3 * holes
    grey += rng.uniform(4, 12) * _lit(relief, light) - rng.uniform(25, 60) * holes
    warmth = 0.005 * fractal_noise(height, width, 12.0, 100.0, 0.4, rng)
    return np.asarray(grey, np.float32), warmth


def _blow_holes(height: int, width: int, rng: np.random.Generator) -> Field:
    """Depth of the holes that air bubbles leave in concrete, in [0, 1]; mostly tiny, a few large."""
    fine = 4  # sub-pixels along each side of a pixel
    canvas = np.zeros((fine * height, fine * width), np.uint8)
    count = int(height * width * np.exp(rng.uniform(np.log(2e-4), np.log(3e-3))))
    centres = rng.uniform(0, 1, (count, 2)) * canvas.shape[::-1]
    radii = fine * np.minimum(rng.lognormal(-0.4, 0.55, (count, 1)) * rng.uniform(0.75, 1.3, (count, 2)), 6.0)
    for centre, axes, angle in zip(centres, radii, rng.uniform(0, 180, count), strict=True):
        cv2.ellipse(canvas, (centre.tolist(), (2 * axes).tolist(), float(angle)), 255, -1)
    holes = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.asarray(cv2.GaussianBlur(holes, (0, 0), 0.6), np.float32)


def _plaster(height: int, width: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Painted render lit from one side: from rough-cast grains to the broad waves of a trowel."""
    coarsest_px = float(np.exp(rng.uniform(np.log(8), np.log(60))))
    relief = fractal_noise(height, width, 1.5, coarsest_px, rng.uniform(0.5, 1.1), rng)
    grains = np.maximum(noise_field(height, width, rng.uniform(2.0, 4.0), rng) - rng.uniform(0.3, 1.5), 0)
    shading = _lit(relief * coarsest_px**0.7 + rng.uniform(0.0, 2.0) * grains, rng.uniform(0, 2 * np.pi))
    shading /= max(float(shading.std()), 1e-6)
    hollows = np.minimum(relief, 0)  # dirt and less light
    grey = rng.uniform(150, 220) * (1 + 0.015 * hollows + 0.015 * noise_field(height, width, 90.0, rng))
    grey += rng.uniform(3, 11) * np.tanh(shading / 2.5) * 2.5
    return np.asarray(grey, np.float32), np.full((height, width), rng.normal(0.02, 0.03), np.float32)


def _masonry(height: int, width: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Bricks or blocks in running bond: straight joints in a lattice, which no crack forms."""
    course_px = float(np.exp(rng.uniform(np.log(28), np.log(160))))
    length_px, joint_px = course_px * rng.uniform(1.6, 3.2), max(1.5, course_px * rng.uniform(0.04, 0.16))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle, shift = rng.normal(0.0, 0.04), rng.uniform(0, length_px, 2)
    along = x * np.cos(angle) - y * np.sin(angle) + shift[0] + 0.3 * noise_field(height, width, 12.0, rng)
    up = x * np.sin(angle) + y * np.cos(angle) + shift[1] + 0.3 * noise_field(height, width, 12.0, rng)
    course = np.floor(up / course_px)
    along = along + length_px / 2 * (course % 2)
    number = (course * 97 + np.floor(along / length_px) * 31).astype(np.int64) % 509
    # Distance to the nearest joint's middle line, in px.
    from_bed = np.minimum(up % course_px, course_px - up % course_px)
    from_head = np.minimum(along % length_px, length_px - along % length_px)
    edge_px = np.minimum(from_bed, from_head) - joint_px / 2 + 0.4 * noise_field(height, width, 3.0, rng)
    is_brick = np.clip(edge_px / 1.5 + 0.5, 0, 1).astype(np.float32)
    skin = fractal_noise(height, width, 1.0, 24.0, rng.uniform(-0.2, 0.4), rng)
    shades = rng.standard_normal((2, 509), np.float32)
    brick = rng.uniform(70, 190) * (1 + rng.uniform(0.02, 0.14) * shades[0][number] + rng.uniform(0.02, 0.06) * skin)
    mortar = rng.uniform(60, 200) * (1 + 0.05 * noise_field(height, width, 1.5, rng))
    grey = is_brick * brick + (1 - is_brick) * mortar
    grey += rng.uniform(2, 14) * _lit(3 * is_brick + 0.3 * skin, rng.uniform(0, 2 * np.pi))
    warmth = is_brick * (rng.uniform(0.0, 0.28) + 0.03 * shades[1][number])
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.5), np.float32), np.asarray(warmth, np.float32)


def _asphalt(height: int, width: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Packed stones of three sizes in bitumen, with dark interstices: what a network takes for a net of cracks.

    A quarter is exposed aggregate instead: stones darker or lighter than the coloured mortar that they lie in.
    """
    is_mortar = rng.random() < 0.25
    bitumen = rng.uniform(90, 170) if is_mortar else rng.uniform(30, 85)
    stone = bitumen + (rng.uniform(-80, 40) if is_mortar else rng.uniform(15, 100))
    contrast = np.exp(rng.uniform(np.log(6), np.log(40)))
    largest_px = np.exp(rng.uniform(np.log(4.5), np.log(24)))
    shares = (0.25, 0.3, 0.3) if is_mortar else (0.8, 0.6, rng.uniform(0.25, 0.6))
    depth = 12 if is_mortar else np.exp(rng.uniform(np.log(5), np.log(40)))  # of shadows between the stones
    relief = 0.25 * fractal_noise(height, width, 1.0, 4.0, 0.0, rng) - 0.6  # sand in bitumen
    sand = relief
    shades = np.zeros((height, width), np.float32)
    warmth = np.zeros((height, width), np.float32)
    for pitch_px, share in zip((0.4 * largest_px, 0.65 * largest_px, largest_px), shares, strict=True):
        heights, numbers = _stones(height, width, max(pitch_px, 2.0), share, rng)
        on_top = heights > relief
        relief = np.where(on_top, heights, relief)
        kinds = rng.standard_normal((2, int(numbers.max()) + 1), np.float32)  # each stone its own rock
        shades = np.where(on_top, kinds[0][numbers], shades)
        warmth = np.where(on_top, 0.02 * kinds[1][numbers], warmth)
    is_stone = np.clip(2.5 * (relief - sand), 0, 1)  # its upper part: bitumen creeps up the flanks
    grey = bitumen + is_stone * (stone - bitumen + contrast * shades)
    grey += depth * _lit(3 * np.clip(relief, -0.5, 0.6), rng.uniform(0, 2 * np.pi))
    grey += 4 * noise_field(height, width, 1.3, rng)
    grey *= 1 + 0.05 * fractal_noise(height, width, 25.0, 200.0, 0.5, rng)
    binder = rng.uniform(0.0, 0.15) if is_mortar else 0.0
    blurred = cv2.GaussianBlur(np.maximum(grey, 4), (0, 0), rng.uniform(0.4, 0.9))
    warmth_of_all = warmth * is_stone + binder * (1 - is_stone)
    return np.asarray(blurred, np.float32), np.asarray(warmth_of_all, np.float32)


def _gravel(height: int, width: int, rng: np.random.Generator) -> tuple[Field, Field]:
    """Chippings side by side, as on a surface dressing or washed concrete, often with finer ones between them.

    Around them runs a net of dark gaps as deep as any crack, here a pixel wide, there a hole that a stone left.
    """
    largest_px = float(np.exp(rng.uniform(np.log(5), np.log(28))))
    light = rng.uniform(0, 2 * np.pi)
    stone, contrast = rng.uniform(80, 190), rng.uniform(0.05, 0.3)
    grey = rng.uniform(15, 70) * (1 + 0.2 * noise_field(height, width, 2.0, rng))
    warmth = np.zeros((height, width), np.float32)
    for pitch_px in [max(0.45 * largest_px, 4.0), largest_px] if rng.random() < 0.6 else [largest_px]:
        is_stone, numbers = _chippings(height, width, pitch_px, rng)
        # Each top is a plane of its own tilt and has one shade.
        kinds = rng.standard_normal((2, int(numbers.max()) + 1), np.float32)
        shade = stone * (1 + contrast * kinds[0][numbers])
        grey += is_stone * (np.maximum(shade, 20) - grey)
        grey += rng.uniform(4, 20) * _lit(2 * is_stone, light)
        warmth += is_stone * (0.02 * kinds[1][numbers] - warmth)
    grey *= 1 + rng.uniform(0.02, 0.1) * fractal_noise(height, width, 1.0, 6.0, 0.0, rng)
    grey *= 1 + 0.05 * fractal_noise(height, width, 25.0, 200.0, 0.5, rng)
    blurred = cv2.GaussianBlur(np.maximum(grey, 4), (0, 0), rng.uniform(0.4, 1.0))
    return np.asarray(blurred, np.float32), warmth


def _chippings(height: int, width: int, pitch_px: float, rng: np.random.Generator) -> tuple[Field, NDArray[np.int32]]:
    """Break a plane into angular stones with gaps between them: how much a pixel is stone in [0, 1], and of which."""
    heights, numbers = _stones(height, width, pitch_px, rng.uniform(0.6, 1.0), rng)
    borders = cv2.morphologyEx(numbers.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    inside_px: Field = np.asarray(cv2.distanceTransform((~borders).astype(np.uint8), cv2.DIST_L2, 5), np.float32)
    typical_px = rng.uniform(0.0, 0.08) * pitch_px
    inside_px -= typical_px * np.exp(0.7 * noise_field(height, width, 3 * pitch_px, rng))
    inside_px -= rng.uniform(0.0, 0.25) * pitch_px * np.maximum(0.3 - heights, 0)  # corners are broken off
    inside_px += 0.5 * noise_field(height, width, 1.5, rng)
    is_there = rng.random(int(numbers.max()) + 1) > rng.uniform(0.0, 0.1)
    return np.asarray(np.clip(inside_px / rng.uniform(0.8, 2.0) + 0.5, 0, 1) * is_there[numbers], np.float32), numbers


def _stones(
    height: int, width: int, pitch_px: float, share: float, rng: np.random.Generator
) -> tuple[Field, NDArray[np.int32]]:
    """Strew stones over a jittered grid, leaving out all but ``share`` of them.

    Returns:
        The height of the nearest stone's rounded top, in [-inf, 1], below 0 outside the stone; and the number of
        that stone. Both ``(H, W)``.
    """
    rows, columns = (np.arange(-0.5, side / pitch_px + 1) * pitch_px for side in (height, width))
    hearts = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    hearts += rng.uniform(-0.4, 0.4, hearts.shape) * pitch_px
    hearts = hearts[rng.random(len(hearts)) < share]
    at = np.clip(hearts.round().astype(int), 0, (height - 1, width - 1))
    elsewhere = np.ones((height, width), np.uint8)
    elsewhere[at[:, 0], at[:, 1]] = 0
    distance_px, numbers = cv2.distanceTransformWithLabels(elsewhere, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    radii_px = pitch_px * rng.uniform(0.4, 0.75, int(numbers.max()) + 1).astype(np.float32)[numbers]
    # Broken stone is angular: its outline wanders.
    outline = 1 + 0.25 * noise_field(height, width, max(1.5, pitch_px / 3), rng)
    tops = 1 - (distance_px * outline / radii_px) ** 2
    # Two stones touch in a groove: there the nearer and the next heart are equally far.
    labels = numbers.astype(np.float32)
    groove = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    tops = np.where(groove, np.minimum(tops, -0.4), tops)
    return np.asarray(tops, np.float32), np.asarray(numbers, np.int32)


def _lit(relief: Field, angle: float) -> Field:
    """Shade a relief lit from the direction ``angle`` (radians) by its slope towards the light."""
    along_x = cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=0.125)
    along_y = cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=0.125)
    return np.asarray(np.cos(angle) * along_x + np.sin(angle) * along_y, np.float32)
