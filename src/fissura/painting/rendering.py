"""From branches to pixels: exact, anti-aliased coverage of a crack."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.painting.centreline import Branch, smooth_noise

OVERSAMPLING = 4  # sub-pixels along each side of a pixel: coverage in steps of 1/16
_FRACTION_BITS = 4  # cv2 draws polygons at 1/16 of a sub-pixel


def coverage(
    branches: Sequence[Branch],
    height: int,
    width: int,
    *,
    raggedness: float = 0.0,
    rng: np.random.Generator | None = None,
) -> NDArray[np.float32]:
    """Give the share of each pixel's area that the branches cover.

    A branch covers what lies within half its width of its centre line, its round ends included.

    Args:
        branches: what to draw; parts outside the picture are cut off.
        height: in px.
        width: in px.
        raggedness: standard deviation of each edge's own roughness as a share of the width; 0 gives edges
            exactly half the width from the centre line, others lie there on average.
        rng: source of the edges' roughness; needed where ``raggedness`` > 0.

    Returns:
        ``(H, W)`` float32 in [0, 1].

    Example:
        >>> line = Branch(np.array([[2.0, 4.0], [13.0, 4.0]]), np.array([3.0, 3.0]))
        >>> coverage([line], 9, 16)[2:7, 8].round(2)
        array([0., 1., 1., 1., 0.], dtype=float32)
    """
    canvas = np.zeros((height * OVERSAMPLING, width * OVERSAMPLING), np.uint8)
    for branch in branches:
        halves = np.repeat(branch.width_px[:, None] / 2, 2, axis=1)  # (N, 2): left and right of the line
        if raggedness > 0 and rng is not None:
            noise = np.stack([smooth_noise(len(halves), 1.5, rng) for _ in range(2)], axis=1)
            halves = halves * np.clip(1 + 2 * raggedness * noise, 0.3, 1.7)
        _draw_ribbon(canvas, branch.points_px, halves)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255))


def wide_blur(image: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Blur by a Gaussian, on a coarser grid where it is wide: many times as fast, and nobody sees it.

    Args:
        image: ``(H, W)`` or ``(H, W, C)`` float32.
        sigma_px: standard deviation of the Gaussian, in px.

    Returns:
        The blurred image, same shape and dtype.
    """
    height, width = image.shape[:2]
    step = max(1, int(sigma_px / 3))  # a Gaussian of 3 coarse pixels is still smooth
    if step == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.float32)
    size = max(1, round(width / step)), max(1, round(height / step))
    coarse = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), sigma_px / step)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _draw_ribbon(canvas: NDArray[np.uint8], points_px: NDArray[np.float64], halves: NDArray[np.float64]) -> None:
    """Fill the ribbon quad by quad, so that a line crossing itself leaves no hole, with round joints and ends."""
    height, width = canvas.shape
    # Pixel centres stand at whole numbers; cv2 counts the same way on the finer canvas.
    fine = (points_px + 0.5) * OVERSAMPLING - 0.5  # (N, 2)
    halves = halves * OVERSAMPLING
    reach = float(halves.max()) + 1
    # A piece may cross the picture with both its ends outside: its bounding box decides.
    low, high = np.minimum(fine[:-1], fine[1:]), np.maximum(fine[:-1], fine[1:])
    near = ((high > -reach) & (low < (width + reach, height + reach))).all(axis=1)  # (N-1,)
    chords = fine[1:] - fine[:-1]
    pitches = np.maximum(np.linalg.norm(chords, axis=1, keepdims=True), 1e-9)  # (N-1, 1)
    normals = chords[:, ::-1] * (-1.0, 1.0) / pitches
    # cv2 fills a polygon's outline too: half a sub-pixel on each side is already drawn by it.
    halves = np.maximum(halves - 0.5, 0.0)
    left, right = halves[:, :1], halves[:, 1:]
    corners = (
        fine[:-1] + normals * left[:-1],
        fine[1:] + normals * left[1:],
        fine[1:] - normals * right[1:],
        fine[:-1] - normals * right[:-1],
    )
    quads = np.stack(corners, axis=1)  # (N-1, 4, 2)
    scale = 1 << _FRACTION_BITS
    for quad in np.round(quads[near] * scale).astype(np.int32):
        cv2.fillConvexPoly(canvas, quad, 255, cv2.LINE_8, _FRACTION_BITS)
    radii = np.round(_within_neighbours(halves.min(axis=1), fine) * scale).astype(int)
    joints = np.flatnonzero((np.append(near, False) | np.append(False, near)) & (radii > scale))
    centres = np.round(fine * scale).astype(int)
    for (x, y), radius in zip(centres[joints].tolist(), radii[joints].tolist(), strict=True):
        cv2.circle(canvas, (x, y), radius, 255, -1, cv2.LINE_8, _FRACTION_BITS)


def _within_neighbours(radii: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shrink the circle around each point of a line so that it does not fill the notches beside its neighbours.

    A circle of radius r reaches sqrt(r^2 - d^2) from a straight line at the distance d along it.
    """
    fitted = radii.copy()
    pitch = max(float(np.linalg.norm(np.diff(centres, axis=0), axis=1).mean()), 1e-6)
    for apart in range(1, min(len(radii) - 1, int(radii.max() / pitch) + 1) + 1):
        distances = np.linalg.norm(centres[apart:] - centres[:-apart], axis=1)  # (N - apart,)
        fitted[apart:] = np.minimum(fitted[apart:], np.hypot(radii[:-apart], distances))
        fitted[:-apart] = np.minimum(fitted[:-apart], np.hypot(radii[apart:], distances))
    return fitted
