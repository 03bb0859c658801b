"""The one way to train: photographs and a recipe in, one model file out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger
from torch import nn

from fissura.errors import FissuraError
from fissura.files import owned, written_whole
from fissura.learning.calibrating import calibrate, calibrate_glance
from fissura.learning.exporting import export_model, replace_card
from fissura.learning.fitting import fit
from fissura.learning.learner import Learner
from fissura.learning.networks import CompactUNet, multiple_px
from fissura.learning.networks.pretrained import first_line
from fissura.learning.proposing import MOST_PROPOSALS, write_alarms, write_proposals
from fissura.learning.recipe import Recipe
from fissura.learning.run import Plan, Precision, RunFolder
from fissura.learning.selection import Judged
from fissura.learning.streams import Stream, labelled_stream, masked_stream, painted_stream
from fissura.learning.validating import Validation
from fissura.photos import DataSet, load_data, opening_only, split_by_group
from fissura.segmenting import Cleaning, ModelCard, Segmenter, bundled_model, read_card, usable_cores

HELD_OUT = 0.15  # share of the photographs that selects and is never learned from
TEACHER_VIEWS = 4  # what it proposes is learned by a network that looks once
TILE_PX, OVERLAP_PX = 512, 96
# Larger tiles compute less twice and differ less from the whole, but only a small network has the memory for them.
COMPACT_TILE_PX, COMPACT_OVERLAP_PX = 1024, 64
_OUT_OF_SHARED_MEMORY = "out of shared memory", "</torch_"  # in torch's errors; a container has 64 MB of it


@dataclass(frozen=True)
class Trained:
    """What a run leaves.

    Attributes:
        model: the model file.
        folder: the run's folder: plan, history, checkpoints.
        history: a row per epoch: epoch, step, loss, painted_dice, image_accuracy, selection, seconds.
        epoch: that of the model, from 1.
        judged: the step from probability to mask that was chosen, and how it did on held-out photographs;
            None where the recipe fixes it.
    """

    model: Path
    folder: Path
    history: pd.DataFrame
    epoch: int
    judged: Judged | None


def train(
    data: Sequence[Path],
    recipe: Recipe,
    out: Path,
    seed: int = 0,
    *,
    loggers: Sequence[str] = (),
    progress: bool = False,
) -> Trained:
    """Train a model from photographs.

    Args:
        data: data sets; see :func:`fissura.photos.load_data`. Of those with a test split, only the training
            split is opened, and masks only by a recipe that says so.
        recipe: see :func:`fissura.learning.load_recipe`.
        out: the run's folder; ``model.onnx`` will stand there.
        seed: the same seed, photographs, recipe and machine give the same model.
        loggers: also log to ``tensorboard`` or ``mlflow``, in the run's folder.
        progress: whether to draw a progress bar on the terminal.

    Returns:
        The model file, and how the run went.

    Raises:
        FissuraError: if the photographs do not suffice, or ``out`` cannot be written or holds a run already.

    Example:
        >>> train([Path("walls")], load_recipe("painted"), Path("runs/walls"))  # doctest: +SKIP
    """
    folder = RunFolder(out)
    folder.refuse_if_begun()
    photos = _photos_to_learn_from(data, recipe)
    plan = Plan(
        recipe=recipe,
        seed=seed,
        data=tuple(Path(os.path.abspath(path)) for path in data),  # noqa: PTH100 - as proposals are named
        data_fingerprint=photos.fingerprint(),
        exact_fingerprint=photos.fingerprint(with_masks_and_groups=True),
        precision=_fastest_precision(),
        threads=usable_cores(),
    )
    with opening_only(photos):
        return _run(folder, plan, photos, loggers, progress, begins=True)


def resume(out: Path, *, loggers: Sequence[str] = (), progress: bool = False) -> Trained:
    """Continue a run that was stopped or killed, to the same model as if it had not been.

    Args:
        out: the run's folder.
        loggers: as in :func:`train`.
        progress: as in :func:`train`.

    Raises:
        FissuraError: if there is no run, or its photographs have changed.
    """
    folder = RunFolder(out)
    plan = folder.read_plan()
    with owned(out):
        folder.remove_temporaries()
    photos = _photos_to_learn_from(plan.data, plan.recipe)
    exact = photos.fingerprint(with_masks_and_groups=True)
    if photos.fingerprint() != plan.data_fingerprint or exact != (plan.exact_fingerprint or exact):
        what = "its photographs, masks or groups have changed since the run began"
        raise FissuraError(f"{out}: {what}; start anew with another --out")
    with opening_only(photos):
        return _run(folder, plan, photos, loggers, progress, begins=False)


def _photos_to_learn_from(data: Sequence[Path], recipe: Recipe) -> DataSet:
    photos = load_data(*data).with_split("train")
    if not recipe.reads_masks:
        photos = photos.without_masks()
    photos.require_both_labels()
    return photos


def _run(
    folder: RunFolder, plan: Plan, photos: DataSet, loggers: Sequence[str], progress: bool, *, begins: bool
) -> Trained:
    recipe = plan.recipe
    learned, held_out = split_by_group(photos, HELD_OUT, plan.seed)
    if any(photo.mask for photo in held_out) and not any(photo.mask for photo in learned):
        raise FissuraError(
            f"{plan.data[0]}: all its masks are of photographs that are held out; give masks of others too"
        )
    for side, label in ((learned, "cracked"), (learned, "uncracked"), (held_out, "uncracked")):
        if not any(photo.label == label for photo in side):
            raise FissuraError(
                f"{plan.data[0]}: its {label} photographs are all tiles of one, so that none can be held out; "
                "add others, or name the groups in a CSV manifest"
            )
    learner = Learner(recipe, plan.seed)
    if recipe.network.startswith("timm:") and not folder.last.exists():
        _refuse_fixed_sizes(learner.network, plan)
    stream = _stream(learned, plan, folder.proposals)
    validation = Validation(held_out, recipe, plan.seed)
    with owned(folder.path):
        if begins:
            folder.refuse_if_begun()  # by another run, since it was asked first
        all_loggers = _loggers(loggers, folder.path)
        folder.write_plan(plan)  # what could be wrong with it has been found by now

        def propose(network: nn.Module, round_: int, advance: Callable[[], None]) -> None:
            with TemporaryDirectory() as temporary:  # the teacher is asked as models are used: exported, any size
                model = Path(temporary) / "teacher.onnx"
                export_model(network, _card(network, plan, recipe.cleaning), model)
                teacher = Segmenter(model, views=TEACHER_VIEWS, wide=False)  # what is seen near is learned near
                write_proposals(learned.cracked.at_most(MOST_PROPOSALS), teacher, folder.proposals, round_, advance)
                write_alarms(learned.uncracked.at_most(MOST_PROPOSALS), teacher, folder.proposals, round_, advance)

        with _loaders_in_words():
            history, epoch = fit(
                learner, plan, folder, stream, validation, propose, loggers=all_loggers, progress=progress
            )
        judged = None
        with written_whole(folder.model) as model:  # which is there only once all is chosen
            export_model(learner.network, _card(learner.network, plan, recipe.cleaning), model)
            if recipe.calibrate:
                judged = calibrate(model, recipe, plan.seed, held_out)
                glance_below = calibrate_glance(model, recipe, plan.seed, held_out, judged.cleaning)
                card = _card(learner.network, plan, judged.cleaning)
                replace_card(model, card.model_copy(update={"glance_below": glance_below}))
    return Trained(folder.model, folder.path, history, epoch, judged)


@contextmanager
def _loaders_in_words() -> Iterator[None]:
    """Say on one line what failed in a loading process, whose errors come with its traceback."""
    try:
        yield
    except FissuraError as error:
        reason = str(error).strip().splitlines()[-1]
        raise FissuraError(reason.removeprefix("fissura.errors.FissuraError: ")) from error
    except RuntimeError as error:
        lines = f"{error}\n{error.__cause__}".splitlines()
        signs = [line for line in lines if any(sign in line for sign in _OUT_OF_SHARED_MEMORY)]
        if not signs or any("open files" in line for line in lines):
            raise
        reason = signs[-1].strip()
        raise FissuraError(
            f"training: the loading processes lack shared memory ({reason}); "
            "give more (docker run --shm-size=2g), or train with less --batch"
        ) from error


def _refuse_fixed_sizes(network: nn.Module, plan: Plan) -> None:
    """Insist that a network takes photographs of any size, of which many encoders fall short only when exported.

    Raises:
        FissuraError: if it does not.
    """
    recipe, card = plan.recipe, _card(network, plan, plan.recipe.cleaning)
    try:
        with TemporaryDirectory() as temporary, torch.no_grad():
            network.eval()(torch.zeros(1, card.planes, recipe.crop_px, recipe.crop_px))
            export_model(network, card, Path(temporary) / "untrained.onnx")
            Segmenter(Path(temporary) / "untrained.onnx")
    except (OSError, MemoryError):
        raise
    except Exception as error:  # each encoder has its own
        if isinstance(error, FissuraError) and isinstance(error.__cause__, OSError):  # as of a full disk
            raise
        reason = first_line(error.__cause__ or error)  # the exporter's own says only that it failed
        raise FissuraError(
            f"network {recipe.network}: cannot be used with photographs of any size ({reason}); "
            "choose another, such as nano or timm:resnet50"
        ) from error


def _loggers(names: Sequence[str], folder: Path) -> list[Logger]:
    made: list[Logger] = []
    for name in names:
        try:
            match name:
                case "tensorboard":
                    made.append(TensorBoardLogger(folder, name="tensorboard", version=""))
                case "mlflow":
                    made.append(MLFlowLogger("fissura", tracking_uri=f"sqlite:///{folder.resolve() / 'mlflow.db'}"))
                case _:
                    raise FissuraError(f"logger {name}: unknown; choose tensorboard or mlflow")
        except ModuleNotFoundError as error:
            raise FissuraError(
                f"logger {name}: {error.name or name} is not installed; run: pip install 'fissura[loggers]'"
            ) from error
    return made


def _stream(learned: DataSet, plan: Plan, proposals: Path) -> Stream:
    recipe = plan.recipe
    match recipe.method:
        case "painted":
            return painted_stream(learned, recipe, plan.seed, proposals)
        case "max-pool":
            return labelled_stream(learned, recipe, plan.seed)
        case "supervised":
            return masked_stream(learned, recipe, plan.seed)


def _fastest_precision() -> Precision:
    """Choose bfloat16 where the hardware multiplies it natively: twice as fast, and its range is float32's."""
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    has_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return "bf16-mixed" if has_bf16 else "32-true"


def _card(network: nn.Module, plan: Plan, cleaning: Cleaning) -> ModelCard:
    recipe = plan.recipe
    is_compact = isinstance(network, CompactUNet)
    licence = recipe.licence
    provenance = f"trained by fissura train, {recipe.total_steps} steps of {recipe.batch} crops"
    if recipe.starts_from_bundled:
        bundled = read_card(bundled_model())
        licence += f"; of the bundled model that it began with: {bundled.licence}"
        provenance += f", from the bundled model ({bundled.recipe})"
    return ModelCard(
        name=f"{recipe.name}-{recipe.network}",
        recipe=f"{recipe.name} {recipe.version}",
        network=recipe.network,
        normalisation=recipe.normalisation,
        tile_px=COMPACT_TILE_PX if is_compact else TILE_PX,
        overlap_px=COMPACT_OVERLAP_PX if is_compact else OVERLAP_PX,
        multiple_px=multiple_px(network),
        cleaning=cleaning,
        fissura_version=version("fissura"),
        licence=licence,
        provenance=provenance,
        data_fingerprint=plan.data_fingerprint,
        seed=plan.seed,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        wide_from_afar=recipe.calibrate,
    )
