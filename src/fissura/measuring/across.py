"""Cross-sections: what a picture holds along the normals of a centre line."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_STEP_PX = 0.5  # between samples; twice as fine as the pixels
_MOST_SAMPLES = 161  # across one line; wider cracks are sampled more coarsely
_NEAR_PX = 1.0  # how far a centre line may miss its crack
_AT_ONCE = 256  # cross-sections sampled together, from one small piece of the picture


@dataclass(frozen=True, eq=False)
class CrossSection:
    """The run of crack about the centre line, in each of N cross-sections.

    Attributes:
        width: ``(N,)`` its width, in px.
        middle: ``(N,)`` its middle's offset along the normal, in px.
        inside: ``(N, M)`` share of crack at each sample, in [0, 1], 0 beyond the run.
    """

    width: NDArray[np.float64]
    middle: NDArray[np.float64]
    inside: NDArray[np.float32]


def normals_of(line: NDArray[np.float64], *, is_ring: bool = False) -> NDArray[np.float64]:
    """Give the ``(N, 2)`` unit normals of a polyline ``(N, 2)``, N >= 2."""
    if is_ring:
        around = np.concatenate([line[-2:-1], line, line[1:2]])
        tangents = around[2:] - around[:-2]
    else:
        tangents = np.gradient(line, axis=0)
    lengths = np.maximum(np.hypot(tangents[:, 0], tangents[:, 1]), 1e-9)
    return np.stack([-tangents[:, 1] / lengths, tangents[:, 0] / lengths], axis=1)


def along_normals(
    image: NDArray[np.uint8] | NDArray[np.float32],
    points_px: NDArray[np.float64],
    normals: NDArray[np.float64],
    reach_px: float,
    *,
    samples: int | None = None,
    repeat_border: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sample a picture across a line, linearly between pixels.

    Args:
        image: ``(H, W)`` uint8 or float32.
        points_px: ``(N, 2)`` x and y.
        normals: ``(N, 2)`` unit vectors.
        reach_px: how far to look on either side.
        samples: how many, an odd number; by default one every half pixel, and fewer across wide cracks.
        repeat_border: whether the picture's border goes on outside it; else there is 0.

    Returns:
        Offsets ``(M,)`` from -reach to reach or a little further, evenly spaced with 0 in the middle, and values
        ``(N, M)``, both float32.
    """
    half = (samples or min(2 * int(np.ceil(reach_px / _STEP_PX)), _MOST_SAMPLES)) // 2
    step = max(reach_px / half, _STEP_PX)
    offsets = (np.arange(-half, half + 1) * step).astype(np.float32)
    values = np.empty((len(points_px), len(offsets)), np.float32)
    for start in range(0, len(points_px), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        where = points_px[rows, None, :] + normals[rows, None, :] * offsets[None, :, None]  # (n, M, 2)
        # OpenCV samples pictures of less than 32,768 pixels a side: it gets the piece around these points.
        shape = np.array(image.shape[::-1])
        low = np.clip(np.floor(points_px[rows].min(axis=0) - offsets[-1]).astype(int) - 2, 0, shape - 1)
        high = np.clip(np.ceil(points_px[rows].max(axis=0) + offsets[-1]).astype(int) + 3, low + 1, shape)
        # OpenCV rounds what it interpolates, unless it is given floats.
        piece = image[low[1] : high[1], low[0] : high[0]].astype(np.float32, copy=False)
        local = (where - low).astype(np.float32)
        values[rows] = cv2.remap(
            piece,
            np.ascontiguousarray(local[:, :, 0]),
            np.ascontiguousarray(local[:, :, 1]),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE if repeat_border else cv2.BORDER_CONSTANT,
        )
    return offsets, values


def cross_section(offsets: NDArray[np.float32], values: NDArray[np.float32]) -> CrossSection:
    """Find the run of crack about the middle of each cross-section.

    Going outwards from the middle, crack ends at the first gap: what rises again beyond it is another crack.

    Args:
        offsets: ``(M,)`` as from `along_normals`.
        values: ``(N, M)`` in [0, 1]: a mask, or a probability map.
    """
    centre = len(offsets) // 2
    near = max(1, round(_NEAR_PX / float(offsets[1] - offsets[0])))
    ceiling = values.copy()
    # A smoothed line may run a little beside a thin crack: what is near counts as its middle.
    ceiling[:, centre - near : centre + near + 1] = values[:, centre - near : centre + near + 1].max(axis=1)[:, None]
    inside = np.minimum(
        values,
        np.concatenate(
            [
                np.minimum.accumulate(ceiling[:, centre::-1], axis=1)[:, :0:-1],
                np.minimum.accumulate(ceiling[:, centre:], axis=1),
            ],
            axis=1,
        ),
    )  # (N, M)
    step = float(offsets[1] - offsets[0])
    total = inside.sum(axis=1, dtype=np.float64)
    moment = inside @ offsets
    middle = np.divide(moment, total, out=np.zeros(len(total)), where=total > 0)
    return CrossSection(total * step, middle, inside)
