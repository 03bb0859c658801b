"""Scoring a method on a data set: every photograph once, bad files listed, nothing kept but numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.files import as_text, written_whole
from fissura.photos import DataSet, Label, Photo, read_photo, read_truth
from fissura.scoring import metrics
from fissura.scoring.bootstrap import CONFIDENCE, RESAMPLES
from fissura.scoring.curves import Curves
from fissura.scoring.metrics import Mask
from fissura.scoring.summary import ALL_SOURCES, summarise

if TYPE_CHECKING:
    from fissura.segmenting import ModelCard


class Segmented(Protocol):
    """What a method says of one photograph; ``fissura.segmenting.Segmentation`` is one.

    Attributes:
        probability: (H, W) float32 in [0, 1].
        mask: (H, W) bool.
        score: image-level score in [0, 1], higher for "more surely cracked".
    """

    @property
    def probability(self) -> NDArray[np.float32]: ...  # noqa: D102
    @property
    def mask(self) -> NDArray[np.bool_]: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102


Segment = Callable[[NDArray[np.uint8]], Segmented]

_COUNTS = ("tp_px", "fp_px", "fn_px")
_COLUMNS = (
    *("photo", "mask", "source", "group", "label", "verdict", "score", "has_truth"),
    *("dice_original", "dice", "iou", "precision", "recall"),
    *("tolerance_f1_0px", "tolerance_f1_2px", "centreline_dice"),
    *_COUNTS,
    "seconds",
)


@dataclass(frozen=True)
class Skipped:
    """A photograph that could not be scored, and why."""

    photo: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """What a method scored on a data set.

    Attributes:
        photos: one row per scored photograph: ``photo``, ``mask`` (their paths), ``source``, ``group``,
            ``label``, ``verdict`` (cracked or uncracked), ``score``, ``has_truth``, ``dice_original``,
            ``dice``, ``iou``, ``precision``, ``recall``, ``tolerance_f1_0px``, ``tolerance_f1_2px``,
            ``centreline_dice`` (all in [0, 1]), ``tp_px``, ``fp_px``, ``fn_px`` (pixels found, wrongly called
            crack, missed), ``seconds`` (segmenting alone). Without truth the measures are NaN.
        summary: the figures with their intervals; see ``fissura.scoring.summary.summarise``.
        dice_over_threshold: mean Dice of cracked photographs at raw thresholds, overall and per source.
        precision_recall: pooled pixel precision and recall at raw thresholds.
        skipped: photographs that could not be scored.
        provenance: what was scored on what: ``model``, ``data``, ``settings``.
    """

    photos: pd.DataFrame
    summary: pd.DataFrame
    dice_over_threshold: pd.DataFrame
    precision_recall: pd.DataFrame
    skipped: tuple[Skipped, ...]
    provenance: Mapping[str, Any]

    def write(self, folder: Path) -> None:
        """Write ``summary.csv``, ``photos.csv``, the two curves as CSV, and ``summary.json``.

        The JSON holds the provenance, the skipped photographs, and the summary as scope -> metric -> figure.

        Args:
            folder: made if it is missing.

        Raises:
            FissuraError: if it cannot be written to.
        """
        for name, table in (("summary", self.summary), ("photos", self.photos)):
            with written_whole(folder / f"{name}.csv") as path:
                table.to_csv(path, index=False)
        for name in ("dice_over_threshold", "precision_recall"):
            with written_whole(folder / f"{name}.csv") as path:
                getattr(self, name).to_csv(path)
        report = {
            **self.provenance,
            "skipped": [asdict(one) for one in self.skipped],
            "summary": _nested(self.summary),
        }
        with written_whole(folder / "summary.json") as path:
            path.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def evaluate(
    data: DataSet,
    segment: Segment,
    *,
    model: ModelCard | None = None,
    views: int = 1,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score a method on labelled photographs.

    A photograph without a mask counts for the image-level figures only, unless it is labelled uncracked: then
    its truth is the empty mask. A mask without a label tells its label itself. Photographs that cannot be
    read, or whose mask has another size or is empty though they are labelled cracked, are listed and left out.

    Args:
        data: the photographs, with masks where there are any.
        segment: the method, from a photograph, (H, W, 3) uint8, to a probability map, a mask and a score.
        model: card of the model file behind the method, kept in the written summary.
        views: how many times the method looks at each photograph, kept there too.
        resamples: bootstrap resamples behind each interval.
        seed: of the bootstrap.
        progress: called after every photograph with how many are done and how many there are.

    Returns:
        The evaluation; nothing is written.

    Raises:
        FissuraError: if not one photograph could be scored, or not one of the cracked where there are any.

    Example:
        >>> segmenter = Segmenter(Path("crack.onnx"))  # doctest: +SKIP
        >>> evaluation = evaluate(data.with_split("test"), segmenter.segment)  # doctest: +SKIP
        >>> evaluation.write(Path("scores"))  # doctest: +SKIP
    """
    rows: list[dict[str, Any]] = []
    scored: list[Photo] = []
    skipped: list[Skipped] = []
    curves = Curves()
    for done, photo in enumerate(data, start=1):
        try:
            rows.append(_score(photo, segment, curves))
            scored.append(photo)
        except UnreadablePhotoError as error:
            skipped.append(Skipped(as_text(photo.path), as_text(str(error))))
        if progress is not None:
            progress(done, len(data))
    if not rows:
        reason = f" ({skipped[0].reason})" if skipped else ""
        raise FissuraError(
            f"data: none of the {len(data)} photographs could be scored{reason}; "
            "give photographs that can be read, with labels or masks of their own size"
        )
    cracked = [as_text(photo.path) for photo in data if photo.label == "cracked"]
    if cracked and not any(row["label"] == "cracked" for row in rows):
        reason = next(one.reason for one in skipped if one.photo == cracked[0])
        raise FissuraError(
            f"data: not one cracked photograph could be scored, the uncracked alone would flatter ({reason})"
        )
    photos = pd.DataFrame(rows, columns=[*_COLUMNS]).astype(dict.fromkeys(_COUNTS, "Int64"))
    return Evaluation(
        photos=photos,
        summary=summarise(photos, resamples=resamples, seed=seed),
        dice_over_threshold=curves.dice_over_threshold(),
        precision_recall=curves.precision_recall(),
        skipped=tuple(skipped),
        provenance={
            "model": model.model_dump(mode="json") if model is not None else None,
            "data": {
                "fingerprint": DataSet(tuple(scored)).fingerprint(),  # of what the figures rest on
                "scored": len(scored),
                "skipped": len(skipped),
            },
            "settings": {"views": views, "resamples": resamples, "bootstrap_seed": seed, "confidence": CONFIDENCE},
        },
    )


def _score(photo: Photo, segment: Segment, curves: Curves) -> dict[str, Any]:
    """Score one photograph into a row of the table, and its probability map into the curves."""
    if photo.label is None and photo.mask is None:
        raise UnreadablePhotoError(f"{photo.path}: has neither a label nor a mask; give one of them")
    pixels = read_photo(photo.path)
    truth = _read_truth(photo, (pixels.shape[0], pixels.shape[1]))

    begin = time.perf_counter()
    segmented = segment(pixels)
    seconds = time.perf_counter() - begin

    source = f"source {photo.source}" if photo.source in ALL_SOURCES else photo.source
    row: dict[str, Any] = {
        "photo": as_text(photo.path),
        "mask": as_text(photo.mask or ""),
        "source": source,
        "group": photo.group,
        "label": photo.label,
        "verdict": _verdict(segmented.mask),
        "score": float(segmented.score),
        "has_truth": truth is not None,
        "seconds": seconds,
    }
    if truth is not None:
        mask, grey = truth
        row["label"] = photo.label or _verdict(mask)
        curves.add(segmented.probability, mask, cracked=row["label"] == "cracked", source=source)
        row |= _measures(segmented.mask, mask, grey)
    return row


def _read_truth(photo: Photo, shape: tuple[int, int]) -> tuple[Mask, NDArray[np.float64]] | None:
    """Read the true mask, (H, W) bool, and the same in grey, (H, W) in [0, 1]; None without truth."""
    mask = read_truth(photo, shape)
    if mask is None:
        return None
    if photo.mask is None:
        return mask, np.zeros(shape)
    grey = cv2.cvtColor(read_photo(photo.mask), cv2.COLOR_RGB2GRAY) / 255
    # In transparent parts a photograph takes a mean colour, but a mask is black: there the mask is right.
    return mask, np.where((grey > 127 / 255) == mask, grey, mask)


def _verdict(mask: Mask) -> Label:
    """Call a photograph cracked where its mask has any pixel at all."""
    return "cracked" if mask.any() else "uncracked"


def _measures(mask: Mask, truth: Mask, truth_grey: NDArray[np.float64]) -> dict[str, float]:
    tp, fp, fn = metrics.pixel_counts(mask, truth)
    return {
        "dice_original": metrics.dice_original(mask, truth_grey),
        "dice": metrics.dice(mask, truth),
        "iou": metrics.iou(mask, truth),
        "precision": metrics.precision(mask, truth),
        "recall": metrics.recall(mask, truth),
        "tolerance_f1_0px": metrics.tolerance_f1(mask, truth, tolerance_px=0),
        "tolerance_f1_2px": metrics.tolerance_f1(mask, truth, tolerance_px=2),
        "centreline_dice": metrics.centreline_dice(mask, truth),
        "tp_px": tp,
        "fp_px": fp,
        "fn_px": fn,
    }


def _nested(summary: pd.DataFrame) -> dict[str, dict[str, dict[str, float | None]]]:
    """Order the summary as scope -> metric -> figure, NaN as None: JSON knows no NaN."""
    nested: dict[str, dict[str, dict[str, float | None]]] = {}
    for line in summary.to_dict("records"):
        figure = {key: None if pd.isna(line[key]) else line[key] for key in ("value", "low95", "high95", "n")}
        nested.setdefault(line["scope"], {})[line["metric"]] = figure
    return nested
