"""Segmenting many photographs at a time, and going on past those that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from fissura.errors import FissuraError
from fissura.photos import MAX_MEGAPIXELS, read_photo
from fissura.segmenting.ahead import ahead
from fissura.segmenting.segmenter import Segmentation, Segmenter

# Photographs that may wait besides those in work, for a slow one before them or for the caller.
_WAITING = 2


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


def too_large(path: Path, error: Exception) -> Skipped:
    """Skip a photograph that the memory did not suffice for; any other error is raised again."""
    if isinstance(error, MemoryError) or getattr(error, "code", None) == cv2.Error.STS_NO_MEM:
        return Skipped(path, "too large for the free memory; cut it into parts")
    raise error


def segment_photos(
    paths: Sequence[Path], segmenter: Segmenter, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Iterator[Segmented | Skipped]:
    """Segment photographs, several at a time, while the caller deals with those that are done.

    As many threads as the segmenter runs ``at_once``, and one more, each take a photograph all the way from
    file to mask: so one decodes while others run the network, no stage ever waits for the slowest one, and the
    caller, who takes the answers in turn and may write them to disk, keeps nobody waiting either. (Running
    several photographs as one batch of the network was measured to gain nothing on a CPU.)

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
    return ahead(
        lambda path: _answer(path, segmenter, max_megapixels),
        paths,
        workers=segmenter.engine.at_once + 1,
        waiting=_WAITING,
    )


def _answer(path: Path, segmenter: Segmenter, max_megapixels: float) -> Segmented | Skipped:
    try:
        return Segmented(path, segmenter.segment(read_photo(path, max_megapixels)))
    except FissuraError as error:
        # The photograph's name stands beside the reason.
        return Skipped(path, " ".join(str(error).removeprefix(f"{path}: ").split()))
    except (MemoryError, cv2.error) as error:
        return too_large(path, error)
