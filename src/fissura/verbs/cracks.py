"""The verbs about cracks: to find them on photographs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2

from fissura.errors import FissuraError
from fissura.files import owned
from fissura.photos import MAX_MEGAPIXELS, find_photos
from fissura.reporting.model_facts import ModelFacts, read_model_facts
from fissura.reporting.results import ResultsFolder, without_results
from fissura.reporting.results_table import PICTURES, Picture
from fissura.segmenting import (
    EngineName,
    Resize,
    Segmented,
    Segmenter,
    Skipped,
    bundled_model,
    read_card,
    runs_at_once,
    segment_photos,
    too_large,
    working_scale,
)
from fissura.verbs.paths import Advance, AnyPath, as_paths
from fissura.verbs.scales import Scale


@dataclass(frozen=True)
class Results:
    """What segmenting a batch leaves.

    Attributes:
        table: the ``results.csv``: a row per photograph.
        segmented: how many photographs have results, those of a resumed run included.
        cracked: how many of these show a crack.
        skipped: the photographs without results, and why.
        engine: what ran the network, in which arithmetic, and why.
    """

    table: Path
    segmented: int
    cracked: int
    skipped: tuple[Skipped, ...]
    engine: str


def segment(
    photos: Sequence[AnyPath],
    *,
    out: AnyPath,
    model: AnyPath | None = None,
    low: float | None = None,
    high: float | None = None,
    min_extent_px: float | None = None,
    min_extent_fraction: float | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    engine: EngineName | Literal["auto"] = "auto",
    mm_per_px: float | None = None,
    resize: Resize | None = None,
    glance: bool = False,
    views: int = 1,
    pictures: Sequence[Picture] = PICTURES,
    submission: bool = False,
    resume: bool = False,
    progress: Advance | None = None,
) -> Results:
    """Segment photographs: probability maps, masks, overlays and a table of verdicts.

    Args:
        photos: files and folders, searched recursively.
        out: where the results shall stand; what an earlier run left there and this one has not is removed.
        model: the model file; the bundled one if None.
        low: probability that a crack pixel must exceed, instead of the model's; see `Cleaning`.
        high: probability that a crack must reach somewhere, instead of the model's.
        min_extent_px: least extent of a crack in px, instead of the model's.
        min_extent_fraction: least extent as a fraction of the photograph's shorter side, instead of the model's.
        max_megapixels: skip larger photographs.
        engine: what runs the network: "onnxruntime", "openvino", or "auto" for the faster one on this machine,
            measured for a moment with each new model.
        mm_per_px: the photographs' scale, if known: the network sees close-ups smaller, at 0.1 mm per px, and
            neither measuring the job nor resuming it needs be told again.
        resize: factor, 0.02 to 4, by which photographs are resized for the network, instead of what follows from
            their scale; "auto" tries 1, 1/2, 1/4 ... on each and keeps what shows the most crack. Maps have the
            photograph's own size all the same.
        glance: whether to look at each tile at a third of its size first and pass over those that surely show no
            crack; saves time only where the model passes much of it over.
        views: how many times to look at each photograph: 1, 2 (mirrored too) or 4 (and both turned by a quarter);
            better masks, for as many times the time.
        pictures: which of "probability", "mask" and "overlay" to write; measuring needs the first two.
        submission: whether to write the original system's run-length encoded ``submission.csv`` too.
        resume: pass over what an earlier run with equal settings and engine has finished.
        progress: called with photographs done and their total.

    Returns:
        Where the table is, and the counts. Photographs that cannot be read are skipped and listed.

    Raises:
        FissuraError: if no photograph is found, the model file cannot be used, options contradict each other, or
            ``out`` cannot be written.

    Example:
        >>> fissura.segment(["wall.jpg"], out="masks").cracked  # doctest: +SKIP
        1
    """
    if submission and "mask" not in pictures:
        raise FissuraError("submission.csv: is made from the masks; let masks be written too")
    if not max_megapixels > 0:  # nor not a number
        raise FissuraError(f"max_megapixels: {max_megapixels:g} is no limit; give a number above 0")
    given = as_paths(photos)
    files = without_results(find_photos(given), given)
    file = bundled_model() if model is None else Path(model)
    cleaning = None
    if any(value is not None for value in (low, high, min_extent_px, min_extent_fraction)):
        cleaning = read_card(file).cleaning.changed(
            low=low, high=high, min_extent_px=min_extent_px, min_extent_fraction=min_extent_fraction
        )
    if resume and mm_per_px is None:
        mm_per_px = read_model_facts(Path(out)).mm_per_px
    Scale(mm_per_px)  # says what is none before the network runs
    if resize is None:
        resize = 1.0 if mm_per_px is None else working_scale(mm_per_px)
    at_once = runs_at_once(len(files))
    segmenter = Segmenter(
        file, cleaning=cleaning, engine=engine, resize=resize, glance=glance, views=views, at_once=at_once
    )
    with owned(Path(out)):
        results = ResultsFolder(Path(out), files, segmenter.identity, resume=resume, pictures=pictures)
        scale_before = mm_per_px
        with suppress(FissuraError):  # a damaged file is replaced now
            scale_before = read_model_facts(Path(out)).mm_per_px
        if mm_per_px != scale_before:
            results.clear_measurements()  # which are of another scale
        ModelFacts(
            model=segmenter.card.model_dump(mode="json"),
            cleaning=segmenter.cleaning.model_dump(),
            seeing=segmenter.seeing,
            mm_per_px=mm_per_px,
        ).write(Path(out))
        total, done, skipped = len(files), len(files) - len(results.pending), []
        for answer in segment_photos(results.pending, segmenter, max_megapixels=max_megapixels):
            if isinstance(answer, Segmented):
                found = answer.segmentation
                try:
                    results.add(answer.path, found.photo, found.probability, found.mask, found.score)
                except (MemoryError, cv2.error) as error:
                    answer = too_large(answer.path, error)
            if isinstance(answer, Skipped):
                results.skip(answer.path, answer.reason)
                skipped.append(answer)
            done += 1
            if progress is not None:
                progress(done, total)
        table = results.finish(submission=submission)
    return Results(table, total - len(skipped), results.cracked, tuple(skipped), segmenter.describe_engine())
