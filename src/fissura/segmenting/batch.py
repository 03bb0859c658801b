"""Segmenting many photographs: decoding ahead of the network, and going on past those that cannot be read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.photos import MAX_MEGAPIXELS, read_photo
from fissura.segmenting.segmenter import Segmentation, Segmenter

# Decoded photographs that may wait for the network: enough to keep it busy, few enough for the memory.
_AHEAD = 2


@dataclass(frozen=True, eq=False)
class Segmented:
    """A photograph of a batch, and what the model says about it."""

    path: Path
    segmentation: Segmentation


@dataclass(frozen=True)
class Skipped:
    """A photograph of a batch that could not be segmented, and why, in one line."""

    path: Path
    reason: str


def segment_photos(
    paths: Sequence[Path], segmenter: Segmenter, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Iterator[Segmented | Skipped]:
    """Segment photographs one after the other, decoding the next ones in the meantime.

    Args:
        paths: the photographs' files.
        segmenter: the model at work.
        max_megapixels: the largest photograph to decode, in millions of pixels.

    Yields:
        One answer per path, in the order of ``paths``: `Segmented`, or `Skipped` for a photograph that cannot
        be read or segmented. No photograph ends the batch.

    Example:
        >>> for answer in segment_photos(find_photos([folder]), segmenter):  # doctest: +SKIP
        ...     print(answer.path, "skipped" if isinstance(answer, Skipped) else answer.segmentation.verdict)
    """
    remaining = iter(paths)
    waiting: deque[tuple[Path, Future[NDArray[np.uint8]]]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="decode") as decoder:

        def decode(count: int) -> None:
            for path in islice(remaining, count):
                waiting.append((path, decoder.submit(read_photo, path, max_megapixels)))

        decode(_AHEAD)
        while waiting:
            path, photo = waiting.popleft()
            decode(1)
            yield _answer(path, photo, segmenter)


def _answer(path: Path, photo: Future[NDArray[np.uint8]], segmenter: Segmenter) -> Segmented | Skipped:
    try:
        return Segmented(path, segmenter.segment(photo.result()))
    except FissuraError as error:
        # The photograph's name stands beside the reason.
        return Skipped(path, " ".join(str(error).removeprefix(f"{path}: ").split()))
    except MemoryError:
        return Skipped(path, "too large for the free memory; cut it into parts")
