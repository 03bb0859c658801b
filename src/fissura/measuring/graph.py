"""The graph of a crack's centre line: spurs pruned, junctions merged, branches joined.

Thinning turns every bump of a crack's edge into a short side line, every square end into a fork, and every crossing
into two junctions beside each other. Three rules undo that, over and over until nothing changes:

* **Spur.** A side line that ends freely is a branch only if it reaches further than ``SPUR_REACH`` times the
  half-width at its junction beyond the crack's edge there, and at least ``SPUR_LEAST_PX``. How far it reaches is
  its own length, plus the half-width at its tip, less the half-width at its junction.
* **Crossing.** Two junctions with no more than a half-width between them are one.
* **Joint.** Where a junction is left with two lines, they are one line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fissura.measuring.centreline import polyline_length
from fissura.measuring.skeleton import Chain

SPUR_REACH = 1.0  # bumps of a ragged edge stand out by less than half the crack's width
SPUR_LEAST_PX = 3.0  # on a line of one or two pixels, noise alone makes side lines of two


@dataclass(eq=False)
class CentreLine:
    """The graph of one or more cracks.

    Attributes:
        chains: the branches as chains of pixels.
        degrees: how many chain ends meet at each node; a free end has 1.
        places: x and y of each node.
    """

    chains: list[Chain]
    degrees: Counter[int]
    places: dict[int, NDArray[np.float64]]


def tidy(chains: list[Chain], half_width_px: NDArray[np.float32]) -> CentreLine:
    """Prune the spurs, merge the crossings and join what is left, by the rules above.

    Args:
        chains: of one connected skeleton, or several.
        half_width_px: ``(H, W)`` float32, distance of each pixel of the mask to its edge, in px.

    Returns:
        The graph. No connected piece is lost: its longest line always stays.
    """
    places: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    for chain in chains:
        for node, pixel in zip(chain.nodes, (chain.pixels[0], chain.pixels[-1]), strict=True):
            places[node] = [pixel.astype(np.float64)]
    while True:
        kept = _without_spurs(chains, half_width_px)
        kept, contracted = _without_bridges(kept, half_width_px)
        for node, into in contracted.items():
            places[into] += places.pop(node)
        joined = _joined(kept)
        if len(joined) == len(chains):
            break
        chains = joined
    degrees = Counter(node for chain in chains for node in chain.nodes)
    return CentreLine(chains, degrees, {node: np.mean(places[node], axis=0) for node in degrees})


def _without_spurs(chains: list[Chain], half_width_px: NDArray[np.float32]) -> list[Chain]:
    degrees = Counter(node for chain in chains for node in chain.nodes)
    spurs: dict[int, list[Chain]] = defaultdict(list)  # junction -> its spurs
    for chain in chains:
        ends = [degrees[node] for node in chain.nodes]
        if min(ends) == 1 and max(ends) >= 3 and _is_spur(chain, at_start=ends[0] >= 3, half_width_px=half_width_px):
            spurs[chain.nodes[0] if ends[0] >= 3 else chain.nodes[1]].append(chain)
    dropped: set[int] = set()
    for junction, here in spurs.items():
        # Where nothing but spurs meets (a blot), its two longest stay and become its centre line.
        spared = 2 if len(here) == degrees[junction] else 0
        by_length = sorted(here, key=lambda chain: polyline_length(chain.pixels), reverse=True)
        dropped.update(id(chain) for chain in by_length[spared:])
    return [chain for chain in chains if id(chain) not in dropped]


def _is_spur(chain: Chain, *, at_start: bool, half_width_px: NDArray[np.float32]) -> bool:
    junction, tip = (chain.pixels[0], chain.pixels[-1])[:: 1 if at_start else -1]
    half_there, half_at_tip = (float(half_width_px[y, x]) for x, y in (junction, tip))
    reach = polyline_length(chain.pixels) + half_at_tip - half_there
    return reach < max(SPUR_REACH * half_there, SPUR_LEAST_PX)


def _without_bridges(chains: list[Chain], half_width_px: NDArray[np.float32]) -> tuple[list[Chain], dict[int, int]]:
    """Drop what joins two junctions of one crossing; the second junction becomes the first."""
    degrees = Counter(node for chain in chains for node in chain.nodes)
    became: dict[int, int] = {}

    def root(node: int) -> int:
        while node in became:
            node = became[node]
        return node

    kept = []
    for chain in chains:
        first, last = root(chain.nodes[0]), root(chain.nodes[1])
        if chain.nodes[0] == chain.nodes[1] or min(degrees[node] for node in chain.nodes) < 3:
            kept.append(chain)
            continue
        half = max(float(half_width_px[y, x]) for x, y in (chain.pixels[0], chain.pixels[-1]))
        if polyline_length(chain.pixels) > max(half, 1.5):
            kept.append(chain)
        elif first != last:
            became[last] = first
    return [Chain(chain.pixels, (root(chain.nodes[0]), root(chain.nodes[1]))) for chain in kept], {
        node: root(node) for node in became
    }


def _joined(chains: list[Chain]) -> list[Chain]:
    """Join the two chains at every node where only two are left."""
    at: dict[int, list[Chain]] = defaultdict(list)
    for chain in chains:
        for node in chain.nodes:
            at[node].append(chain)
    alive = {id(chain): chain for chain in chains}
    for node, here in at.items():
        if len(here) != 2 or here[0] is here[1]:
            continue
        one, other = here
        first = one.pixels if one.nodes[1] == node else one.pixels[::-1]
        start = one.nodes[0] if one.nodes[1] == node else one.nodes[1]
        second = other.pixels if other.nodes[0] == node else other.pixels[::-1]
        end = other.nodes[1] if other.nodes[0] == node else other.nodes[0]
        same = np.array_equal(first[-1], second[0])
        joint = Chain(np.concatenate([first, second[1:] if same else second]), (start, end))
        del alive[id(one)], alive[id(other)]
        alive[id(joint)] = joint
        # Both ends of what was joined are now ends of the joint, and may be joined on.
        for far, old in ((start, one), (end, other)):
            at[far] = [joint if chain is old else chain for chain in at[far]]
    return list(alive.values())
