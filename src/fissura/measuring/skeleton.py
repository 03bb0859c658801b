"""From a mask to chains of skeleton pixels: a graph of ends, junctions and the chains between them.

1. The mask is thinned to lines one pixel wide (Lee, Kashyap and Chu 1994, "Building skeleton models via 3-D medial
   surface/axis thinning algorithms", as scikit-image has it; Zhang and Suen's thinning, its default, loses
   diagonal lines of an even width altogether).
2. Two skeleton pixels are linked when they are neighbours; a diagonal link counts only where no path over a side
   exists (m-adjacency: Rosenfeld 1970, "Connectivity in digital pictures"), so that stairs have no triangles.
3. Pixels with two links lie along a chain; all others are ends (one link) and junctions (three or more).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

Pixels = NDArray[np.int64]  # (N, 2), x and y


@dataclass(frozen=True, eq=False)
class Chain:
    """Skeleton pixels from one node to another.

    Attributes:
        pixels: ``(N, 2)`` int64, x and y, both nodes included.
        nodes: numbers of its first and last node; the same one twice for a ring.
    """

    pixels: Pixels
    nodes: tuple[int, int]


def chains_of(mask: NDArray[np.bool_], first_node: int = 0) -> list[Chain]:
    """Thin a mask and follow its skeleton.

    Args:
        mask: ``(H, W)`` bool.
        first_node: number below which no node is numbered, so that skeletons can be put together.

    Returns:
        The chains, in the order of the picture's rows. A piece thinned to one pixel is a chain of that pixel.

    Example:
        >>> mask = np.zeros((5, 9), bool)
        >>> mask[2, 1:8] = True
        >>> [chain.pixels[:, 0].tolist() for chain in chains_of(mask)]
        [[1, 2, 3, 4, 5, 6, 7]]
    """
    rows, columns = np.nonzero(skeletonize(mask, method="lee"))  # type: ignore[no-untyped-call]
    pixels = np.stack([columns, rows], axis=1).astype(np.int64)  # (N, 2)
    neighbours = _neighbours(pixels, mask.shape[1])
    return [Chain(pixels[chain], (first_node + chain[0], first_node + chain[-1])) for chain in _follow(neighbours)]


def _neighbours(pixels: Pixels, width: int) -> list[list[int]]:
    """List each skeleton pixel's links, as indices into ``pixels``."""
    pitch = width + 2  # a column of nothing on either side: no link runs over a row's end
    keys = (pixels[:, 1] + 1) * pitch + pixels[:, 0] + 1  # (N,) ascending

    def index_at(offset: int) -> NDArray[np.int64]:
        """Index of the skeleton pixel at an offset from each, or -1."""
        wanted = keys + offset
        found = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        return np.where(keys[found] == wanted, found, -1) if len(keys) else found

    right, below, left = index_at(1), index_at(pitch), index_at(-1)
    below_right, below_left = index_at(pitch + 1), index_at(pitch - 1)
    links = [
        right,
        below,
        np.where((right < 0) & (below < 0), below_right, -1),
        np.where((left < 0) & (below < 0), below_left, -1),
    ]
    neighbours: list[list[int]] = [[] for _ in range(len(pixels))]
    for targets in links:
        sources = np.flatnonzero(targets >= 0)
        for source, target in zip(sources.tolist(), targets[sources].tolist(), strict=True):
            neighbours[source].append(target)
            neighbours[target].append(source)
    return neighbours


def _follow(neighbours: list[list[int]]) -> list[list[int]]:
    """Walk from every node along its links to the next node; then once around what is left, the rings."""
    walked: set[tuple[int, int]] = set()
    chains: list[list[int]] = []

    def walk(start: int, second: int, is_last: NDArray[np.bool_]) -> list[int]:
        chain = [start, second]
        while not is_last[chain[-1]] and chain[-1] != start:
            one, other = neighbours[chain[-1]]
            chain.append(other if one == chain[-2] else one)
        walked.update(((chain[0], chain[1]), (chain[-1], chain[-2])))
        return chain

    degrees = np.array([len(links) for links in neighbours], dtype=np.int64)
    is_node = degrees != 2
    on_chain = np.zeros(len(neighbours), bool)
    for node in np.flatnonzero(is_node).tolist():
        if not neighbours[node]:
            chains.append([node])
        for second in neighbours[node]:
            if (node, second) not in walked:
                chains.append(walk(node, second, is_node))
                on_chain[chains[-1]] = True
    for start in np.flatnonzero(~is_node).tolist():
        if not on_chain[start]:
            chains.append(walk(start, neighbours[start][0], is_node))
            on_chain[chains[-1]] = True
    return chains
