"""Self-training: the teacher proposes masks for cracked photographs, their label decides what is believed.

A cracked photograph is a bag that holds at least one positive instance (mi-SVM, Andrews, Tsochantaridis and
Hofmann 2003): its surest piece is taken for crack even where the teacher is not sure, further pieces only where
it is. What the teacher thinks possible but not sure is ignored; the rest is background. On uncracked photographs
the label alone is truth, and those on which the teacher sees a crack all the same are learned from more often.

A proposal is better than what the teacher says at first sight: the teacher looks at several scales and mirrored, and
the mean is drawn as a person would draw it, without the spurs along gaps between stones and with the stones that lie
in a wide crack.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fissura.errors import UnreadablePhotoError
from fissura.files import written_whole
from fissura.learning.losses import IGNORED
from fissura.photos import Photo, read_photo
from fissura.segmenting import Cleaning, Segmenter, score_photo
from fissura.segmenting.cleaning import pieces
from fissura.segmenting.resizing import at_scale

SURE = Cleaning(low=0.5, high=0.9, min_extent_px=48, min_extent_fraction=0.15)
MOST_PROPOSALS = 1000  # photographs of each label that the teacher looks at; more cost more than they teach
# Below it the teacher's word is believed; between it and SURE.low nothing is known. Six looks disagree more than one,
# so a mean of 0.05 would leave twice as much unknown.
SURELY_BACKGROUND = 0.15
FILLED, SHAVED = 1 / 2, 1 / 4  # of a crack's width: gaps in it that are closed, spurs on it that are no crack


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
    truth = np.where(probability < SURELY_BACKGROUND, 0, IGNORED).astype(np.uint8)
    for piece in np.flatnonzero(kept) + 1:
        truth[smooth(found.labels == piece)] = 1
    return truth


def smooth(crack: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Draw a crack as a person would: a band without holes and spurs (morphological closing, then opening).

    What counts as a hole or a spur goes by the crack's own width, so that thin cracks stay as they are.

    Args:
        crack: ``(H, W)`` bool, a single crack.

    Returns:
        ``(H, W)`` bool: gaps up to half its width are closed, parts below about a quarter of it taken away.

    Example:
        >>> band = np.zeros((40, 40), bool)
        >>> band[12:28], band[20, 20], band[:12, 5] = True, False, True  # 16 px wide, with a hole and a spur
        >>> smooth(band)[20, 20], smooth(band)[4, 5]
        (np.True_, np.False_)
    """
    drawn = crack.astype(np.uint8)
    distance_px = cv2.distanceTransform(drawn, cv2.DIST_L2, cv2.DIST_MASK_5)  # of each pixel's centre to outside
    width_px = 4 * (float(distance_px[crack].mean()) - 0.5)  # in a band the mean is a quarter of it, and half a px
    for operation, share in ((cv2.MORPH_CLOSE, FILLED), (cv2.MORPH_OPEN, SHAVED)):
        reach_px = int(share / 2 * width_px)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach_px + 1, 2 * reach_px + 1))
        drawn = np.asarray(cv2.morphologyEx(drawn, operation, disc), np.uint8)
    return drawn > 0


def write_proposals(
    photos: Iterable[Photo],
    teacher: Segmenter,
    folder: Path,
    round_: int,
    scales: Sequence[float] = (1.0,),
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Let the teacher propose truth for each photograph; those already written by a killed run are kept.

    The teacher looks at each photograph at several scales, as it is and mirrored, and means the maps.

    Args:
        photos: cracked photographs; one that cannot be read gets no proposal.
        teacher: the model so far.
        folder: where the proposals are kept.
        round_: number of the round, from 1.
        scales: factors of the photograph's sides.
        advance: called after each photograph.
    """
    for photo in photos:
        path = proposal_path(folder, round_, photo)
        if not path.exists():
            try:
                pixels = read_photo(photo.path)
            except UnreadablePhotoError:
                continue
            mirrored = np.ascontiguousarray(pixels[:, ::-1])
            maps = [at_scale(pixels, scale, teacher.probability) for scale in scales]  # (H, W) each
            maps += [at_scale(mirrored, scale, teacher.probability)[:, ::-1] for scale in scales]
            truth = propose(np.mean(maps, axis=0, dtype=np.float32))
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
    """Name the file of a photograph's proposal, the same one wherever the photograph is seen from."""
    name = hashlib.sha256(str(photo.path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return folder / f"round-{round_}" / f"{name}.png"
