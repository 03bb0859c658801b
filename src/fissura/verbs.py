"""The verbs: what a user asks for, each joining the rooms that do it. They return objects and print nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fissura.errors import FissuraError
from fissura.files import output_folder, written_whole
from fissura.painting import SURFACES, PaintedPhoto, draw_surface, paint_cracks
from fissura.photos import Inspection, find_photos, inspect_data, load_data, read_photo, save_image
from fissura.reporting import ResultsFolder, draw_inspection, draw_overlay, without_results
from fissura.scoring import Evaluation, illustrate
from fissura.scoring import evaluate as evaluate_data
from fissura.segmenting import Segmenter, Skipped, segment_photos

if TYPE_CHECKING:
    from fissura.learning import Trained
    from fissura.segmenting import ModelCard

AnyPath = str | PathLike[str]
Advance = Callable[[int, int], None]  # done, total


@dataclass(frozen=True)
class Results:
    """What segmenting a batch leaves.

    Attributes:
        table: the ``results.csv``: a row per photograph.
        segmented: how many photographs have results, those of a resumed run included.
        cracked: how many of these show a crack.
        skipped: the photographs without results, and why.
    """

    table: Path
    segmented: int
    cracked: int
    skipped: tuple[Skipped, ...]


def inspect(data: Sequence[AnyPath], out: AnyPath | None = None, progress: Advance | None = None) -> Inspection:
    """Tell what a data set is, and what may be wrong with it.

    Args:
        data: folders or CSV manifests; see :func:`fissura.photos.load_data`.
        out: where ``inspection.json`` and the picture ``inspection.png`` shall stand; nowhere if None.
        progress: called with photographs done and their total.

    Raises:
        FissuraError: if the data set cannot be understood or ``out`` cannot be written.

    Example:
        >>> fissura.inspect(["walls"]).warnings  # doctest: +SKIP
    """
    photos = load_data(*_paths(data))
    folder = output_folder(Path(out)) if out is not None else None
    inspection = inspect_data(photos, progress)
    if folder is not None:
        with written_whole(folder / "inspection.json") as temporary:
            temporary.write_text(inspection.to_json(), "utf-8")
        draw_inspection(inspection, photos, folder / "inspection.png")
    return inspection


def paint(
    photos: Sequence[AnyPath] = (), *, out: AnyPath, count: int = 12, size_px: int = 448, seed: int = 0
) -> list[PaintedPhoto]:
    """Write painted cracks for a look: photographs, masks and overlays.

    Args:
        photos: uncracked photographs or folders of them; procedural surfaces if there are none.
        out: where ``photos/``, ``masks/`` and ``overlays/`` shall stand.
        count: how many.
        size_px: side of a procedural surface, in px.
        seed: the same seed paints the same.

    Raises:
        FissuraError: if no photograph is found or ``out`` cannot be written.

    Example:
        >>> fissura.paint(out="samples", count=4)[0].mask.shape  # doctest: +SKIP
        (448, 448)
    """
    files = find_photos(_paths(photos)) if photos else []
    folder = output_folder(Path(out))
    painted = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        if files:
            surface = read_photo(files[rng.integers(len(files))])
        else:
            surface = draw_surface(SURFACES[index % len(SURFACES)], size_px, size_px, rng)
        sample = paint_cracks(surface, rng)
        name = f"{index:04d}.png"
        save_image(folder / "photos" / name, sample.photo)
        save_image(folder / "masks" / name, sample.mask.astype(np.uint8) * 255)
        save_image(folder / "overlays" / name, draw_overlay(sample.photo, sample.mask))
        painted.append(sample)
    return painted


def train(
    data: Sequence[AnyPath] = (),
    *,
    out: AnyPath,
    recipe: str = "painted",
    seed: int = 0,
    resume: bool = False,
    network: str | None = None,
    steps: int | None = None,
    batch: int | None = None,
    crop_px: int | None = None,
    loggers: Sequence[str] = (),
    progress: bool = False,
) -> Trained:
    """Train a model from photographs and their image-level labels.

    Args:
        data: folders or CSV manifests; see :func:`fissura.photos.load_data`. Not needed with ``resume``.
        out: the run's folder; ``model.onnx`` will stand there.
        recipe: see :func:`fissura.learning.recipe_names`.
        seed: the same seed, photographs, recipe and machine give the same model.
        resume: continue the run in ``out``, with its own recipe, seed and photographs.
        network: instead of the recipe's.
        steps: instead of the recipe's.
        batch: crops per step instead of the recipe's.
        crop_px: side of the crops instead of the recipe's, in px.
        loggers: also log to ``tensorboard`` or ``mlflow``, in the run's folder.
        progress: whether to draw a progress bar on the terminal.

    Raises:
        FissuraError: if the photographs do not suffice, a setting makes no sense, or ``out`` cannot be written.

    Example:
        >>> fissura.train(["walls"], out="runs/walls").model  # doctest: +SKIP
        PosixPath('runs/walls/model.onnx')
    """
    _need_training_extra()
    from fissura import learning

    if resume:
        return learning.resume(Path(out), loggers=loggers, progress=progress)
    settings = learning.load_recipe(recipe, network=network, steps=steps, batch=batch, crop_px=crop_px)
    return learning.train(_paths(data), settings, Path(out), seed, loggers=loggers, progress=progress)


def segment(
    photos: Sequence[AnyPath],
    *,
    model: AnyPath,
    out: AnyPath,
    low: float | None = None,
    high: float | None = None,
    min_extent_px: float | None = None,
    min_extent_fraction: float | None = None,
    max_megapixels: float | None = None,
    submission: bool = False,
    resume: bool = False,
    progress: Advance | None = None,
) -> Results:
    """Segment photographs: probability maps, masks, overlays and a table of verdicts.

    Args:
        photos: files and folders, searched recursively.
        model: the model file.
        out: where the results shall stand.
        low: probability that a crack pixel must exceed, instead of the model's; see `Cleaning`.
        high: probability that a crack must reach somewhere, instead of the model's.
        min_extent_px: least extent of a crack in px, instead of the model's.
        min_extent_fraction: least extent as a fraction of the photograph's shorter side, instead of the model's.
        max_megapixels: skip larger photographs; 64 if None.
        submission: whether to write the original system's run-length encoded ``submission.csv`` too.
        resume: pass over what an earlier run with equal settings has finished.
        progress: called with photographs done and their total.

    Returns:
        Where the table is, and the counts. Photographs that cannot be read are skipped and listed.

    Raises:
        FissuraError: if no photograph is found, the model file cannot be used, or ``out`` cannot be written.

    Example:
        >>> fissura.segment(["wall.jpg"], model="model.onnx", out="masks").cracked  # doctest: +SKIP
        1
    """
    files = without_results(find_photos(_paths(photos)), Path(out))
    segmenter = Segmenter(Path(model))
    if any(value is not None for value in (low, high, min_extent_px, min_extent_fraction)):
        cleaning = segmenter.cleaning.changed(
            low=low, high=high, min_extent_px=min_extent_px, min_extent_fraction=min_extent_fraction
        )
        segmenter = Segmenter(Path(model), cleaning=cleaning)
    results = ResultsFolder(Path(out), files, segmenter.identity, resume=resume)
    total, done, skipped = len(files), len(files) - len(results.pending), []
    limit = {} if max_megapixels is None else {"max_megapixels": max_megapixels}
    for answer in segment_photos(results.pending, segmenter, **limit):
        if isinstance(answer, Skipped):
            results.skip(answer.path, answer.reason)
            skipped.append(answer)
        else:
            found = answer.segmentation
            results.add(answer.path, found.photo, found.probability, found.mask, found.score)
        done += 1
        if progress is not None:
            progress(done, total)
    table = results.finish(submission=submission)
    return Results(table, total - len(skipped), results.cracked, tuple(skipped))


def evaluate(
    data: Sequence[AnyPath],
    *,
    model: AnyPath,
    out: AnyPath | None = None,
    seed: int = 0,
    progress: Advance | None = None,
) -> Evaluation:
    """Score a model on photographs with human masks; of a data set with splits, on its test split.

    Args:
        data: folders or CSV manifests; see :func:`fissura.photos.load_data`.
        model: the model file.
        out: where the tables and plots shall stand; nowhere if None.
        seed: seed of the bootstrap that gives the intervals.
        progress: called with photographs done and their total.

    Raises:
        FissuraError: if nothing can be scored, the model file cannot be used, or ``out`` cannot be written.

    Example:
        >>> fissura.evaluate(["walls"], model="model.onnx").summary  # doctest: +SKIP
    """
    photos = load_data(*_paths(data)).with_split("test")
    segmenter = Segmenter(Path(model))
    folder = output_folder(Path(out)) if out is not None else None
    evaluation = evaluate_data(photos, segmenter.segment, model=segmenter.card, seed=seed, progress=progress)
    if folder is not None:
        evaluation.write(folder)
        illustrate(evaluation, segmenter.segment, folder)
    return evaluation


def import_checkpoint(checkpoint: AnyPath, out: AnyPath) -> ModelCard:
    """Turn a checkpoint of the original system into a model file.

    Args:
        checkpoint: ``.pth`` or ``.pt`` with the weights of a U-Net of the original; read as weights only.
        out: where the ``.onnx`` model file shall stand.

    Raises:
        FissuraError: if it is no such checkpoint.

    Example:
        >>> fissura.import_checkpoint("unet.pth", "unet.onnx").network  # doctest: +SKIP
        'seed-resnet50'
    """
    _need_training_extra()
    from fissura.learning.importing import import_checkpoint as convert

    return convert(Path(checkpoint), Path(out))


def _paths(paths: Iterable[AnyPath]) -> list[Path]:
    if isinstance(paths, str):
        raise FissuraError(f"{paths}: give a list of paths, such as [{paths!r}]")
    return [Path(path) for path in paths]


def _need_training_extra() -> None:
    missing = [name for name in ("torch", "lightning", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        raise FissuraError(f"training: {', '.join(missing)} not installed; run: pip install 'fissura[train]'")
