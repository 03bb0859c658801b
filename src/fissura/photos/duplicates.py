"""Photographs that are there twice: copied, re-encoded, resized, or made brighter.

Near duplicates are found in three steps:

1. each photograph is reduced to a 64-bit perceptual hash (ImageHash's ``phash``: the signs of its lowest
   cosine frequencies, after N. Krawetz, "Looks Like It", 2011) and to a 64 x 64 px grey thumbnail;
2. pairs whose hashes differ in at most ``MAX_BITS`` bits are candidates;
3. a candidate is a duplicate if the fine texture of the two thumbnails (what a blur takes away) correlates.

Step 3 keeps plain surfaces apart: two smooth walls have like hashes, but not the same grain. A photograph
without any texture is no near duplicate of anything; only its bytes can tell that it is a copy.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_BITS = 12  # of 64; unrelated photographs differ in 32 on average
# Measured on walls and asphalt: copies at half the size and JPEG quality 40 stay above, strangers below 0.46.
MIN_CORRELATION = 0.65
MIN_GRAIN = 0.5  # standard deviation in grey levels below which there is no texture to compare
THUMBNAIL_PX = 64
_ROWS = 1024  # photographs compared with all others at a time: 40 MB for 10,000 photographs

Key = TypeVar("Key", bound=Hashable)


def digest(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        sha = hashlib.sha256()
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def perceptual_hash(photo: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Give the 64 bits of a photograph's perceptual hash: ``(64,)`` bool, of an ``(H, W, 3)`` uint8 RGB."""
    bits: NDArray[np.bool_] = imagehash.phash(Image.fromarray(photo)).hash.ravel()
    return bits


def thumbnail(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink an ``(H, W, 3)`` uint8 RGB photograph to a ``(64, 64)`` uint8 grey thumbnail, by area."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def equal_keys(keys: Iterable[Key]) -> list[list[int]]:
    """Group positions that hold the same key (e.g. a file's digest); only groups of two and more.

    Example:
        >>> equal_keys(["a", "b", "a"])
        [[0, 2]]
    """
    places: defaultdict[Key, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    return [group for group in places.values() if len(group) > 1]


def near_pairs(hashes: Sequence[NDArray[np.bool_]], thumbnails: Sequence[NDArray[np.uint8]]) -> list[tuple[int, int]]:
    """Find the pairs of photographs that show the same picture.

    Args:
        hashes: N arrays ``(64,)`` bool, from `perceptual_hash`.
        thumbnails: N arrays ``(64, 64)`` uint8, from `thumbnail`.

    Returns:
        Pairs (i, j) with i < j, sorted.
    """
    if len(hashes) < 2:
        return []
    grain = np.stack([_grain(small) for small in thumbnails])  # (N, 4096)
    textured = np.flatnonzero(grain.any(axis=1))  # (T,) the rest cannot be compared
    signs = np.where(np.stack(hashes)[textured], 1.0, -1.0).astype(np.float32)  # (T, 64)
    pairs = []
    for start in range(0, len(signs), _ROWS):
        differing = (64 - signs[start : start + _ROWS] @ signs[start:].T) / 2  # (rows, T - start) bits
        for row, column in np.argwhere(np.triu(differing <= MAX_BITS, k=1)):
            i, j = int(textured[start + row]), int(textured[start + column])
            if float(grain[i] @ grain[j]) >= MIN_CORRELATION:
                pairs.append((i, j))
    return sorted(pairs)


def _grain(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Keep what a blur takes away, as ``(4096,)`` float32 of length one; all zero where there is none."""
    grey = small.astype(np.float32)
    fine = (grey - cv2.GaussianBlur(grey, (0, 0), sigmaX=4)).ravel()
    fine -= fine.mean()
    if fine.std() < MIN_GRAIN:
        return np.zeros_like(fine)
    return np.asarray(fine / np.linalg.norm(fine), dtype=np.float32)
