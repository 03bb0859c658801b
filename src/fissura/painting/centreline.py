"""Centre lines of cracks: fractal paths with branches and a width along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi

Points = NDArray[np.float64]  # (N, 2), x and y in px; pixel centres stand at whole numbers

THINNEST_PX = 1.1  # a thinner line would cover no pixel by half, and its mask would fall to dots
STEP_PX = 2.0  # distance between neighbouring points of a centre line before it is displaced


@dataclass(frozen=True)
class Branch:
    """One piece of a painted crack: a centre line and the width along it.

    Attributes:
        points_px: ``(N, 2)`` float64, x and y in px, N >= 2; the centre of the upper left pixel is (0, 0).
        width_px: ``(N,)`` float64, full width of the crack at each point, in px, measured at half the depth
            of its dark valley.
    """

    points_px: Points
    width_px: NDArray[np.float64]

    @property
    def length_px(self) -> float:
        """Length of the centre line as a polyline, in px."""
        return float(np.linalg.norm(np.diff(self.points_px, axis=0), axis=1).sum())


def fractal_line(start: Points, end: Points, roughness: float, rng: np.random.Generator) -> Points:
    """Join two points by a fractal line (random midpoint displacement).

    Each halving displaces the midpoint across its chord by a normal deviate of ``roughness`` times the chord
    length, so the line is rough at every scale (Fournier, Fussell and Carpenter 1982, "Computer rendering
    of stochastic models").

    Args:
        start: ``(2,)`` x and y in px.
        end: ``(2,)`` x and y in px.
        roughness: displacement per chord length; 0 gives a straight line, 0.2 a very jagged crack.
        rng: source of randomness.

    Returns:
        ``(N, 2)`` points in px from ``start`` to ``end``, about ``STEP_PX`` apart.

    Example:
        >>> fractal_line(np.zeros(2), np.array([8.0, 0.0]), 0.0, np.random.default_rng(0))[:, 0]
        array([0., 2., 4., 6., 8.])
    """
    points = np.stack([start, end]).astype(np.float64)
    halvings = max(1, round(float(np.log2(max(2.0, float(np.linalg.norm(end - start)) / STEP_PX)))))
    for _ in range(halvings):
        chords = points[1:] - points[:-1]  # (N-1, 2)
        across = chords[:, ::-1] * (-1.0, 1.0)
        middles = points[:-1] + chords / 2 + across * rng.normal(0.0, roughness, (len(chords), 1))
        joined = np.empty((2 * len(points) - 1, 2))
        joined[0::2], joined[1::2] = points, middles
        points = joined
    return points


def smooth_noise(count: int, period: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Give ``(count,)`` values of unit normal noise that changes over about ``period`` steps."""
    knots = max(2, int(np.ceil(count / max(period, 1.0))) + 1)
    return np.interp(np.linspace(0, knots - 1, count), np.arange(knots), rng.normal(0.0, 1.0, knots))


def width_profile(
    count: int, width_px: float, variation: float, rng: np.random.Generator, *, tapered: tuple[bool, bool]
) -> NDArray[np.float64]:
    """Draw the width along a centre line: log-normal at two scales, thinning out at its free ends.

    Args:
        count: number of points of the centre line.
        width_px: typical full width, in px.
        variation: standard deviation of the logarithm of the width.
        rng: source of randomness.
        tapered: whether the crack thins to a third of its width over its first, and its last, fifth.

    Returns:
        ``(count,)`` widths in px, none below ``THINNEST_PX``.
    """
    logs = variation * (0.8 * smooth_noise(count, 24, rng) + 0.4 * smooth_noise(count, 5, rng))
    widths = width_px * np.exp(logs)
    ends = [0.35 if free else 1.0 for free in tapered]
    widths *= np.interp(np.linspace(0.0, 1.0, count), [0.0, 0.2, 0.8, 1.0], [ends[0], 1.0, 1.0, ends[1]])
    widths = np.maximum(widths, THINNEST_PX)
    return np.asarray(widths)


def crack_branches(
    height: int, width: int, width_px: float, roughness: float, rng: np.random.Generator
) -> list[Branch]:
    """Draw one crack: a main line across the photograph or ending within it, with branches of branches.

    Args:
        height: height of the photograph, in px.
        width: width of the photograph, in px.
        width_px: typical width of the main line, in px.
        roughness: see :func:`fractal_line`.
        rng: source of randomness.

    Returns:
        The branches, the main line first.
    """
    centre = rng.uniform(0.15, 0.85, 2) * (width, height)
    angle = rng.uniform(0.0, np.pi)
    reach = np.hypot(height, width) * np.where(rng.random(2) < 0.7, 1.0, rng.uniform(0.12, 0.45, 2))
    reach = np.maximum(reach, 12 * width_px)  # what is wide and short is a hole or a stain
    direction = np.array([np.cos(angle), np.sin(angle)])
    bend = rng.normal(0.0, 0.25)
    turned = np.array([np.cos(angle + bend), np.sin(angle + bend)])
    start, end = centre - direction * reach[0], centre + turned * reach[1]
    line = np.concatenate(
        [fractal_line(start, centre, roughness, rng)[:-1], fractal_line(centre, end, roughness, rng)]
    )
    variation = rng.uniform(0.1, 0.45)
    branches = [Branch(line, width_profile(len(line), width_px, variation, rng, tapered=(True, True)))]
    for _ in range(rng.choice([0, 1, 2, 3, 5], p=[0.45, 0.25, 0.15, 0.1, 0.05])):
        parent = branches[rng.integers(len(branches))]
        branches.append(_side_branch(parent, height, width, roughness, variation, rng))
    return branches


def network_branches(
    height: int, width: int, width_px: float, roughness: float, rng: np.random.Generator
) -> list[Branch]:
    """Draw an alligator network: fractal lines along the edges of a random Voronoi tessellation.

    Args and returns are those of :func:`crack_branches`.
    """
    cell_px = max(8.0, rng.uniform(0.2, 0.45) * min(height, width))  # smaller cells would be all crack
    margin = 2 * cell_px
    count = max(8, int((height + 2 * margin) * (width + 2 * margin) / cell_px**2))
    sites = rng.uniform((-margin, -margin), (width + margin, height + margin), (count, 2))
    tessellation = Voronoi(sites)
    kept_share = rng.uniform(0.45, 1.0)
    branches = []
    for first, second in tessellation.ridge_vertices:
        if first < 0 or second < 0 or rng.random() > kept_share:
            continue
        start, end = tessellation.vertices[[first, second]]
        if np.hypot(*(end - start)) > 4 * cell_px:
            continue
        line = fractal_line(start, end, roughness, rng)
        width_here_px = width_px * rng.uniform(0.5, 1.2)
        branches.append(Branch(line, width_profile(len(line), width_here_px, 0.25, rng, tapered=(False, False))))
    return branches


def _side_branch(
    parent: Branch, height: int, width: int, roughness: float, variation: float, rng: np.random.Generator
) -> Branch:
    inside = np.flatnonzero((parent.points_px >= 0).all(axis=1) & (parent.points_px <= (width, height)).all(axis=1))
    at = int(rng.choice(inside)) if len(inside) else len(parent.points_px) // 2
    near = parent.points_px[max(0, at - 4)], parent.points_px[min(len(parent.points_px) - 1, at + 4)]
    along = np.arctan2(*(near[1] - near[0])[::-1])
    angle = along + rng.choice([-1.0, 1.0]) * rng.uniform(0.35, 1.4) + rng.choice([0.0, np.pi])
    length = rng.uniform(0.1, 0.7) * min(height, width)
    end = parent.points_px[at] + length * np.array([np.cos(angle), np.sin(angle)])
    line = fractal_line(parent.points_px[at], end, roughness, rng)
    width_px = float(parent.width_px[at]) * rng.uniform(0.25, 0.9)
    return Branch(line, width_profile(len(line), width_px, variation, rng, tapered=(False, True)))
