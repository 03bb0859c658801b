"""The verbs about models: to train, to score, to take over."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fissura.errors import FissuraError
from fissura.files import not_over, output_folder
from fissura.photos import load_data
from fissura.scoring import Evaluation, illustrate
from fissura.scoring import evaluate as evaluate_data
from fissura.segmenting import Segmenter, bundled_model
from fissura.verbs.paths import Advance, AnyPath, as_paths

if TYPE_CHECKING:
    from fissura.learning import Trained
    from fissura.segmenting import ModelCard

_WRITTEN = (  # by `Evaluation.write` and `illustrate`
    *("summary.csv", "photos.csv", "dice_over_threshold.csv", "precision_recall.csv", "summary.json"),
    *("dice_over_threshold.png", "precision_recall.png", "gallery.png"),
)


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
        resume: continue the run in ``out``, with its own photographs and settings; no others may be given.
        network: instead of the recipe's.
        steps: instead of the recipe's; rounded up to whole epochs, of 100 steps in recipe ``painted``.
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
    need_training_extra()
    from fissura import learning

    if resume:
        others = {"data": data, "network": network, "steps": steps, "batch": batch, "crop_px": crop_px}
        others |= {"recipe": recipe != "painted", "seed": seed}
        if given := [name for name, value in others.items() if value]:
            raise FissuraError(f"{out}: is resumed as it was begun; leave out {', '.join(given)}")
        return learning.resume(Path(out), loggers=loggers, progress=progress)
    settings = learning.load_recipe(recipe, network=network, steps=steps, batch=batch, crop_px=crop_px)
    return learning.train(as_paths(data), settings, Path(out), seed, loggers=loggers, progress=progress)


def evaluate(
    data: Sequence[AnyPath],
    *,
    model: AnyPath | None = None,
    out: AnyPath | None = None,
    views: int = 1,
    seed: int = 0,
    progress: Advance | None = None,
) -> Evaluation:
    """Score a model on photographs with human masks; of a data set with splits, on its test split.

    Args:
        data: folders or CSV manifests; see :func:`fissura.photos.load_data`.
        model: the model file; the bundled one if None.
        out: where the tables and plots shall stand; nowhere if None.
        views: how many times to look at each photograph, as in :func:`fissura.segment`.
        seed: seed of the bootstrap that gives the intervals.
        progress: called with photographs done and their total.

    Raises:
        FissuraError: if nothing can be scored, the model file cannot be used, or ``out`` cannot be written or has
            files that would be read and written over.

    Example:
        >>> fissura.evaluate(["walls"], model="model.onnx").summary  # doctest: +SKIP
    """
    photos = load_data(*as_paths(data)).with_split("test")
    segmenter = Segmenter(bundled_model() if model is None else Path(model), views=views)
    folder = output_folder(Path(out)) if out is not None else None
    if folder is not None:
        read = [*as_paths(data), *(path for photo in photos for path in (photo.path, photo.mask) if path is not None)]
        for name in _WRITTEN:
            not_over(folder / name, read)
    evaluation = evaluate_data(
        photos, segmenter.segment, model=segmenter.card, views=views, seed=seed, progress=progress
    )
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
    need_training_extra()
    from fissura.learning.importing import import_checkpoint as convert

    return convert(Path(checkpoint), Path(out))


def need_training_extra() -> None:
    """Refuse, with the mend, what needs libraries that only training brings.

    Raises:
        FissuraError: if one of them is not installed.
    """
    missing = [name for name in ("torch", "lightning", "onnx") if importlib.util.find_spec(name) is None]
    if missing:
        raise FissuraError(f"training: {', '.join(missing)} not installed; run: pip install 'fissura[train]'")
