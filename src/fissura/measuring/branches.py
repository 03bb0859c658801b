"""From a mask to the branches of its centre lines."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fissura.measuring.centreline import Course, Points, smooth_line
from fissura.measuring.graph import tidy
from fissura.measuring.skeleton import Chain, Pixels, chains_of

PINHOLE_PX = 8  # px2; a smaller hole in a mask is noise, and would make a ring of the skeleton
_BROAD_PX = 50.0  # half-width above which a piece is thinned on a coarser grid: thinning takes its cube in time
_COARSE_PX = 25.0  # half-width on that grid


@dataclass(frozen=True, eq=False)
class Trace:
    """One branch before it is measured.

    Attributes:
        piece: number of the connected piece of the mask that it belongs to.
        line: ``(N, 2)`` x and y in px.
        course: what the line was made from.
        nodes: numbers of the nodes at its two ends.
    """

    piece: int
    line: Points
    course: Course
    nodes: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Tracing:
    """The branches of a mask.

    Attributes:
        traces: all branches.
        degrees: of each node of `Trace.nodes`, how many branch ends meet there.
    """

    traces: list[Trace]
    degrees: dict[int, int]


def without_stones(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill the holes of a mask that are no gap between cracks: pinholes, and stones within a wide crack.

    A hole of at most `PINHOLE_PX` is noise. A hole whose inscribed circle is no wider than the crack on both its
    sides together is a stone in rubble: left open, a wide crack would be measured as a net of narrow ones.

    Args:
        mask: ``(H, W)`` uint8, 1 where there is crack.

    Returns:
        The same with these holes filled.
    """
    if not mask.any():
        return mask  # no hole in a crack, however small the photograph
    _, numbers, boxes, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    height, width = mask.shape
    filled = mask.copy()
    for hole, (x, y, across, down, area) in enumerate(boxes.tolist()):
        at_border = x == 0 or y == 0 or x + across == width or y + down == height
        if hole == 0 or (at_border and area > PINHOLE_PX):
            continue
        reach = min(across, down) + 1  # as far around it as the hole is wide
        box = slice(max(y - reach, 0), y + down + reach), slice(max(x - reach, 0), x + across + reach)
        here = numbers[box] == hole
        if area <= PINHOLE_PX or _is_stone(here, mask[box]):
            filled[box][here] = 1
    return filled


def _is_stone(hole: NDArray[np.bool_], mask: NDArray[np.uint8]) -> bool:
    if ndimage.binary_fill_holes(hole).sum() > hole.sum():
        return False  # crack within the hole is a crack of its own
    hole_px = 2 * cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3).max()
    _, pieces = cv2.connectedComponents(mask, connectivity=8)
    around = pieces == pieces[ndimage.binary_dilation(hole) & ~hole].max()  # other cracks close by have no say
    crack_px = 2 * cv2.distanceTransform(mask, cv2.DIST_L2, 3)[around]  # at its middle line, its width
    return bool(hole_px <= 2 * np.percentile(crack_px, 90))


def trace(mask: NDArray[np.uint8], pieces: NDArray[np.int32], boxes: NDArray[np.int32]) -> Tracing:
    """Find the centre lines of all pieces of a mask.

    Args:
        mask: ``(H, W)`` uint8, 1 where there is crack.
        pieces: ``(H, W)`` int32, the number of each connected piece, 0 for background.
        boxes: ``(K, 5)`` int32, of each number: x, y, width, height and area in px.
    """
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    # From the pixel's centre to the edge of the mask, not to the centre of the next pixel.
    half_width = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1] - np.float32(0.5)
    graph = tidy(_all_chains(mask, half_width, pieces, boxes), half_width)
    traces = []
    for chain in graph.chains:
        columns, rows = chain.pixels.T
        pixels, halves = chain.pixels.astype(np.float64), half_width[rows, columns].astype(np.float64)
        piece, nodes = int(pieces[rows, columns].max()), chain.nodes
        free = (graph.degrees[chain.nodes[0]] == 1, graph.degrees[chain.nodes[1]] == 1)
        # A loop that others meet has ends all the same: where they meet, its width is not its own.
        is_ring = chain.nodes[0] == chain.nodes[1] and graph.degrees[chain.nodes[0]] == 2
        if len(pixels) == 1:
            pixels, halves = _stub(pixels[0], pieces, piece, boxes[piece]), np.repeat(halves, 2)
            nodes, free, is_ring = (nodes[0], -1 - nodes[0]), (True, True), False  # two ends, as of any line
        for end, node in ((0, nodes[0]), (-1, nodes[1])):
            if graph.degrees[node] > 2:
                pixels[end] = graph.places[node]
        course = Course(pixels, np.maximum(halves, 0.5), free, is_ring)
        traces.append(Trace(piece, smooth_line(course, mask), course, nodes))
    return Tracing(traces, dict(graph.degrees))


def _all_chains(
    mask: NDArray[np.uint8], half_width: NDArray[np.float32], pieces: NDArray[np.int32], boxes: NDArray[np.int32]
) -> list[Chain]:
    """Thin the pieces at full size, the broad ones on a coarser grid."""
    broad = np.unique(pieces[half_width > _BROAD_PX])
    narrow = mask.astype(bool)
    coarse: list[Chain] = []
    first_node = 0
    for piece in broad.tolist():
        x, y, width, height = boxes[piece, : cv2.CC_STAT_AREA].tolist()
        box = slice(y, y + height), slice(x, x + width)
        here = pieces[box] == piece
        narrow[box][here] = False
        widest = float(half_width[box][here].max())
        size = max(1, round(width * _COARSE_PX / widest)), max(1, round(height * _COARSE_PX / widest))
        # A coarse pixel holds crack if any of its pixels does: nothing that hangs together comes apart.
        small = cv2.resize(here.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        grain = width / size[0], height / size[1]
        for chain in chains_of(small, first_node):
            pixels = np.floor((chain.pixels + 0.5) * grain).astype(np.int64)
            coarse.append(Chain(_onto(here, pixels, math.ceil(max(grain))) + np.array([x, y]), chain.nodes))
        first_node += int(small.sum())
    return coarse + (chains_of(narrow, first_node) if narrow.any() else [])


def _onto(piece: NDArray[np.bool_], pixels: Pixels, reach: int) -> Pixels:
    """Move the pixels beside a piece, as those of a thin side crack on a coarse grid, onto the nearest of its own."""
    moved = pixels.copy()
    columns, rows = pixels.T
    for index in np.flatnonzero(~piece[rows, columns]).tolist():
        corner = np.maximum(pixels[index] - reach, 0)
        left, top = corner.tolist()
        near = np.argwhere(piece[top : rows[index] + reach + 1, left : columns[index] + reach + 1])[:, ::-1] + corner
        moved[index] = near[np.square(near - pixels[index]).sum(axis=1).argmin()]
    return moved


def _stub(
    pixel: NDArray[np.float64], pieces: NDArray[np.int32], piece: int, box: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Give a piece thinned to one pixel a course of next to no length, along its longest direction."""
    x, y, width, height = box[: cv2.CC_STAT_AREA].tolist()
    rows, columns = np.nonzero(pieces[y : y + height, x : x + width] == piece)
    spread = np.cov(np.stack([columns, rows])) if len(rows) > 1 else np.eye(2)
    direction = (
        np.linalg.eigh(spread)[1][:, -1] if spread[0, 0] < spread[1, 1] or spread[0, 1] else np.array([1.0, 0])
    )
    return pixel + np.outer([-1e-3, 1e-3], direction)
