"""The direction that a crack takes, and the pattern it makes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fissura.measuring.crack import Pattern

ALIGNED_WITHIN_DEG = 30.0  # of the vertical or the horizontal; what lies between is diagonal
ALLIGATOR_CELLS = 2  # closed cells that make a network
CHORD_POINTS = 10  # of a line that make one direction: from pixel to pixel a line has stairs
ALLIGATOR_ALIGNMENT = 0.6  # a network that is better aligned is one crack that splits and meets again


def orientation(lines: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Give the dominant direction of polylines, and how well they keep to it.

    Directions have no sense of forward, so their angles are doubled before the mean is taken, each piece weighed
    by its length (Mardia and Jupp 2000, "Directional Statistics", section 9.4).

    Args:
        lines: each ``(N, 2)`` x and y in px, y downwards.

    Returns:
        The direction in degrees in [0, 180): 0 is horizontal, 45 rises to the right, 90 is vertical; and the
        alignment in [0, 1]: 1 is a straight line, 0 has no direction (a ring).

    Example:
        >>> orientation([np.array([[0.0, 10.0], [10.0, 0.0]])])
        (45.0, 1.0)
    """
    pieces = np.concatenate([np.diff(line, axis=0) for line in lines])  # (M, 2)
    lengths = np.hypot(pieces[:, 0], pieces[:, 1])
    doubled = 2 * np.arctan2(-pieces[:, 1], pieces[:, 0])
    mean = complex((lengths * np.exp(1j * doubled)).sum())
    degrees = round(float(np.degrees(np.angle(mean))) / 2, 6) % 180.0
    return degrees, min(1.0, abs(mean) / max(float(lengths.sum()), 1e-9))


def length_by_direction(lines: Sequence[NDArray[np.float64]], edges_deg: Sequence[float]) -> NDArray[np.float64]:
    """Tell how much of polylines runs in which direction, where a mean says nothing: of rings, crosses and networks.

    Args:
        lines: each ``(N, 2)`` x and y in px, y downwards.
        edges_deg: the K + 1 edges of K ranges of direction, ascending, from 0 to 180.

    Returns:
        ``(K,)`` lengths in px; what is shorter than a direction can be told from counts nowhere.

    Example:
        >>> cross = [np.array([[0.0, 9.0], [30.0, 9.0]]), np.array([[9.0, 0.0], [9.0, 20.0]])]
        >>> length_by_direction(cross, [0, 45, 135, 180]).tolist()
        [30.0, 20.0, 0.0]
    """
    chords = []
    for line in lines:
        count = max(1, round((len(line) - 1) / CHORD_POINTS))
        chords.append(np.diff(line[np.linspace(0, len(line) - 1, count + 1).astype(int)], axis=0))
    across, down = np.concatenate(chords).T
    return np.histogram(np.degrees(np.arctan2(-down, across)) % 180.0, edges_deg, weights=np.hypot(across, down))[0]


def pattern(orientation_deg: float, alignment: float, cells: int) -> Pattern:
    """Name the pattern of a crack.

    A network of `ALLIGATOR_CELLS` closed cells or more, in many directions, is "alligator". Otherwise a crack
    within `ALIGNED_WITHIN_DEG` of the picture's vertical axis, taken for the direction of travel, is
    "longitudinal", one as near to the horizontal is "transverse", and the rest are "diagonal".

    Args:
        orientation_deg: from `orientation`.
        alignment: from `orientation`.
        cells: how many closed cells the crack's branches enclose.

    Example:
        >>> pattern(85.0, 0.9, 0), pattern(170.0, 0.9, 1), pattern(45.0, 0.9, 0), pattern(45.0, 0.1, 7)
        ('longitudinal', 'transverse', 'diagonal', 'alligator')
    """
    if cells >= ALLIGATOR_CELLS and alignment < ALLIGATOR_ALIGNMENT:
        return "alligator"
    if abs(orientation_deg - 90.0) <= ALIGNED_WITHIN_DEG:
        return "longitudinal"
    if min(orientation_deg, 180.0 - orientation_deg) <= ALIGNED_WITHIN_DEG:
        return "transverse"
    return "diagonal"
