"""Self-training: the teacher proposes masks for cracked photographs, their label decides what is believed.

A cracked photograph is a bag that holds at least one positive instance (mi-SVM, Andrews, Tsochantaridis and
Hofmann 2003): its surest piece is taken for crack even where the teacher is not sure, further pieces only where
it is. What the teacher thinks possible but not sure is ignored; the rest is background. On uncracked photographs
the label alone is truth, and those on which the teacher sees a crack all the same are learned from more often.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fissura.errors import UnreadablePhotoError
from fissura.files import written_whole
from fissura.learning.losses import IGNORED
from fissura.photos import Photo, read_photo
from fissura.segmenting import Cleaning, Segmenter, score_photo
from fissura.segmenting.connected_pieces import pieces

SURE = Cleaning(low=0.5, high=0.9, min_extent_px=48, min_extent_fraction=0.15)
MOST_PROPOSALS = 2000  # photographs of each label that the teacher looks at; more cost more than they teach
SURELY_BACKGROUND = 0.05  # below it the teacher's word is believed; between it and SURE.low nothing is known


def propose(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn the teacher's probability map of a *cracked* photograph into training truth.

    Args:
        probability: ``(H, W)`` float32 in [0, 1].

    Returns:
        ``(H, W)`` uint8: 1 crack, 0 background, 255 unknown. At least one piece is crack if any pixel reaches
        ``SURE.low``.
    """
    found = pieces(probability, SURE.low)
    kept = found.sure(SURE)
    if len(kept) and not kept.any():
        kept[np.argmax(found.peak * found.extent_px)] = True
    crack = np.concatenate([[False], kept])[found.labels]
    truth = np.where(probability < SURELY_BACKGROUND, 0, IGNORED).astype(np.uint8)
    truth[crack] = 1
    return truth


def write_proposals(
    photos: Iterable[Photo],
    teacher: Segmenter,
    folder: Path,
    round_: int,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Let the teacher propose truth for each photograph; those already written by a killed run are kept.

    Args:
        photos: cracked photographs; one that cannot be read gets no proposal.
        teacher: the model so far.
        folder: where the proposals are kept.
        round_: number of the round, from 1.
        advance: called after each photograph.
    """
    for photo in photos:
        path = proposal_path(folder, round_, photo)
        if not path.exists():
            try:
                pixels = read_photo(photo.path)
            except UnreadablePhotoError:
                continue
            truth = propose(teacher.probability(pixels))
            with written_whole(path) as temporary:
                Image.fromarray(truth).save(temporary, compress_level=1)
        advance()


def write_alarms(
    photos: Iterable[Photo],
    teacher: Segmenter,
    folder: Path,
    round_: int,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Write down how surely the teacher sees a crack on each *uncracked* photograph, where its label says none.

    Args:
        photos: uncracked photographs; one that cannot be read gets 0.
        teacher: the model so far.
        folder: where the proposals are kept.
        round_: number of the round, from 1.
        advance: called after each photograph.
    """
    path = _alarms_path(folder, round_)
    if path.exists():
        return
    alarms = []
    for photo in photos:
        try:
            alarms.append(score_photo(teacher.probability(read_photo(photo.path)), SURE))
        except UnreadablePhotoError:
            alarms.append(0.0)
        advance()
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps([round(alarm, 4) for alarm in alarms]), "utf-8")


def read_alarms(folder: Path, round_: int) -> NDArray[np.float64]:
    """Read what :func:`write_alarms` wrote: ``(N,)`` scores in [0, 1], one per photograph."""
    return np.array(json.loads(_alarms_path(folder, round_).read_text("utf-8")), np.float64)


def _alarms_path(folder: Path, round_: int) -> Path:
    return folder / f"round-{round_}" / "alarms.json"


def read_proposal(path: Path) -> NDArray[np.uint8]:
    """Read a proposal: ``(H, W)`` uint8; see :func:`propose`.

    Raises:
        UnreadablePhotoError: if there is none, because its photograph could not be read.
    """
    if not path.exists():
        raise UnreadablePhotoError(f"{path}: no proposal; its photograph could not be read")
    return np.array(Image.open(path))  # a copy, for torch takes no array that it may not write to


def proposal_path(folder: Path, round_: int, photo: Photo) -> Path:
    """Name the file of a photograph's proposal, the same one from any folder and behind any link."""
    path = os.path.abspath(photo.path)  # noqa: PTH100 - Path.resolve would follow links
    name = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return folder / f"round-{round_}" / f"{name}.png"
