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

    Args:
        branches: what to draw; parts outside the picture are cut off.
        height: in px.
        width: in px.
        raggedness: standard deviation of each edge's own roughness as a share of the width; 0 gives edges
            exactly half the width from the centre line.
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
            halves = halves * np.clip(1 + 2 * raggedness * noise, 0.3, 2.0)
        _draw_ribbon(canvas, branch.points_px, halves)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255))


def _draw_ribbon(canvas: NDArray[np.uint8], points_px: NDArray[np.float64], halves: NDArray[np.float64]) -> None:
    """Fill the ribbon quad by quad, so that a line crossing itself leaves no hole, with round joints."""
    height, width = canvas.shape
    # Pixel centres stand at whole numbers; cv2 counts the same way on the finer canvas.
    fine = (points_px + 0.5) * OVERSAMPLING - 0.5  # (N, 2)
    halves = halves * OVERSAMPLING
    reach = float(halves.max()) + 1
    inside = np.all((fine > -reach) & (fine < (width + reach, height + reach)), axis=1)
    tangents = np.gradient(fine, axis=0)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    normals = np.stack([-tangents[:, 1], tangents[:, 0]], axis=1)
    # cv2 fills a polygon's outline too: half a sub-pixel on each side is already drawn by it.
    left = fine + normals * np.maximum(halves[:, :1] - 0.5, 0.0)
    right = fine - normals * np.maximum(halves[:, 1:] - 0.5, 0.0)
    scale = 1 << _FRACTION_BITS
    quads = np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=1)  # (N-1, 4, 2)
    fixed_quads = np.round(quads * scale).astype(np.int32)
    radii = np.round(np.maximum(halves.min(axis=1) - 0.5, 0.0) * scale).astype(int)
    fixed_points = np.round(fine * scale).astype(int)
    for i in np.flatnonzero(inside[:-1] | inside[1:]):
        cv2.fillConvexPoly(canvas, fixed_quads[i], 255, cv2.LINE_8, _FRACTION_BITS)
        if i > 0 and radii[i] > scale:
            centre = int(fixed_points[i, 0]), int(fixed_points[i, 1])
            cv2.circle(canvas, centre, int(radii[i]), 255, -1, cv2.LINE_8, _FRACTION_BITS)
