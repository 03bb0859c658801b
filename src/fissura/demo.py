"""The demo: photographs out of nothing, two recipes trained on them, and one picture that compares the two.

The photographs are procedural surfaces with painted cracks, seen through an imitated camera: larger cracks than
the painter draws for training, halved in size, under uneven light, with vignette, colour cast, blur and noise.
Training gets two folders and no mask; only the held-out photographs have masks, and only scoring opens them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from fissura.errors import FissuraError
from fissura.files import output_folder, written_whole
from fissura.painting import SURFACES, PainterSettings, draw_surface, paint_cracks, paint_nothing
from fissura.photos import Photo, load_data, read_mask, read_photo, save_image
from fissura.reporting.score_plots import FALSE, FOUND, MISSED
from fissura.scoring import Evaluation
from fissura.segmenting import Segmenter
from fissura.verbs.cracks import Results, segment
from fissura.verbs.models import evaluate, train

if TYPE_CHECKING:
    from rich.console import RenderableType

RECIPES = "seed", "painted"
SEED = 2026
LOOK = PainterSettings(width_px=(6.0, 20.0), visibility=(6.0, 9.0), network_share=0.05, distractors=0.6)
LEAST_CRACK = 0.01  # share of the pixels; a photograph with less would be called cracked by nobody
CRACKED_SHOWN = 4  # cracked photographs in the picture, beside one uncracked
FIGURES = {
    "dice_cracked": "Dice, cracked only",
    "dice_original": "Dice, the original's",
    "tolerance_f1_2px": "F1 within 2 px, cracked",
    "false_alarm_rate": "false alarms, uncracked",
}
_PARTS = "photographs", "held-out", "runs", "scores", "results"
_MARK = "written-by-fissura-demo.txt"


@dataclass(frozen=True)
class Demo:
    """What the demo leaves; printed with rich it is a table and the path of the picture.

    Attributes:
        folder: where everything stands.
        models: recipe -> its model file.
        evaluations: recipe -> its scores on the held-out photographs.
        results: the held-out photographs segmented by recipe ``painted``.
        picture: photograph, truth and both recipes side by side.
        seconds: how long it all took.
    """

    folder: Path
    models: Mapping[str, Path]
    evaluations: Mapping[str, Evaluation]
    results: Results
    picture: Path
    seconds: float

    @property
    def figures(self) -> pd.DataFrame:
        """The figures over all held-out photographs: index metric, columns recipe x (value, low95, high95)."""
        tables = {}
        for recipe, evaluation in self.evaluations.items():
            summary = evaluation.summary[evaluation.summary["scope"] == "overall"].set_index("metric")
            tables[recipe] = summary.loc[list(FIGURES), ["value", "low95", "high95"]]
        return pd.concat(tables, axis=1)

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table

        count = len(next(iter(self.evaluations.values())).photos)
        title = f"{count} held-out photographs, in brackets the 95 % interval"
        table = Table(title=title, title_justify="left")
        table.add_column("figure")
        for recipe in self.evaluations:
            table.add_column(recipe, justify="right")
        for metric, row in self.figures.iterrows():
            cells = [
                f"{row[recipe, 'value']:.2f} ({row[recipe, 'low95']:.2f}-{row[recipe, 'high95']:.2f})"
                for recipe in self.evaluations
            ]
            table.add_row(FIGURES[str(metric)], *cells)
        return Group(
            table,
            "These cracks are painted, which favours recipe painted;",
            "benchmarks/RESULTS.md has the figures on real photographs.",
            "",
            f"model:   {self.models['painted']}",
            f"masks:   {self.results.table.parent / 'masks'}",
            f"picture: {self.picture}",
        )


def run_demo(
    out: Path,
    *,
    steps: int = 300,
    batch: int = 12,
    photos: int = 80,
    side_px: int = 192,
    progress: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Demo:
    """Make photographs, train recipes ``seed`` and ``painted`` on their labels, score, segment and compare.

    Every demo begins anew: what an earlier one left in ``out`` is removed first.

    Args:
        out: the folder for everything; new, empty, or that of an earlier demo.
        steps: training steps of each recipe, rounded up to whole epochs.
        batch: crops per step.
        photos: training photographs per label; about half as many again are held out.
        side_px: side of the photographs and of the crops learned from, in px; a multiple of 32.
        progress: whether to draw progress bars on the terminal.
        say: told in a line what begins.

    Returns:
        The scores, and where everything stands.

    Raises:
        FissuraError: if ``out`` holds files that no demo wrote, or cannot be written.

    Example:
        >>> run_demo(Path("demo")).picture  # doctest: +SKIP
        PosixPath('demo/comparison.png')
    """
    began = time.monotonic()
    _begin_anew(out)
    held_out_photos = photos * 3 // 10, photos * 3 // 20
    say(f"Painting {2 * photos} photographs to learn from and {sum(held_out_photos)} to be judged by")
    learned, held_out = out / "photographs", out / "held-out"
    _write_photographs(learned, photos, side_px)
    _write_held_out(held_out, *held_out_photos, side_px, first=2 * photos)

    models, evaluations = {}, {}
    for recipe in RECIPES:
        say(f"Training recipe {recipe} from image-level labels alone")
        models[recipe] = train(
            [learned],
            out=out / "runs" / recipe,
            recipe=recipe,
            network="compact",
            steps=steps,
            batch=batch,
            crop_px=side_px,
            progress=progress,
        ).model
        evaluations[recipe] = evaluate([held_out], model=models[recipe], out=out / "scores" / recipe)
    say("Segmenting the held-out photographs with recipe painted")
    results = segment([held_out / "test" / "images"], model=models["painted"], out=out / "results")
    picture = out / "comparison.png"
    draw_comparison(picture, held_out, models)
    return Demo(out, models, evaluations, results, picture, time.monotonic() - began)


def paint_photograph(number: int, side_px: int, *, cracked: bool) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Give photograph ``number`` of the demo and its exact mask.

    Args:
        number: the same number gives the same photograph; the materials take turns.
        side_px: height and width, in px.
        cracked: whether cracks are painted, or distractors only.

    Returns:
        ``(side_px, side_px, 3)`` uint8 RGB and ``(side_px, side_px)`` bool.

    Example:
        >>> paint_photograph(0, 64, cracked=False)[1].any()
        np.False_
    """
    rng = np.random.default_rng([SEED, number])
    paint = paint_cracks if cracked else paint_nothing
    while True:
        surface = draw_surface(SURFACES[number % len(SURFACES)], 2 * side_px, 2 * side_px, rng)
        painted = paint(surface, rng, LOOK)
        small = cv2.resize(painted.photo, (side_px, side_px), interpolation=cv2.INTER_AREA)
        share = cv2.resize(painted.mask.astype(np.float32), (side_px, side_px), interpolation=cv2.INTER_AREA)
        mask = np.asarray(share > 0.5)
        if not cracked or mask.mean() >= LEAST_CRACK:
            return _through_a_camera(np.asarray(small, np.float32), rng), mask


def draw_comparison(path: Path, held_out: Path, models: Mapping[str, Path]) -> None:
    """Draw five held-out photographs, each with its truth, what each model finds, and the Dice of that.

    They are chosen by their place in the data set, never by how well they come out.

    Args:
        path: the ``.png`` to write.
        held_out: the data set of held-out photographs.
        models: name -> model file, a column each.

    Raises:
        FissuraError: if the picture cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    data = load_data(held_out).with_split("test")
    shown = [*data.cracked[:CRACKED_SHOWN], data.uncracked[len(data.uncracked) // 2]]
    segmenters = {name: Segmenter(model) for name, model in models.items()}
    columns, side_inches, dpi = 2 + len(models), 2.3, 110
    figure = Figure(figsize=(columns * (side_inches + 0.1), len(shown) * (side_inches + 0.25) + 0.8), dpi=dpi)
    grid = figure.subplots(len(shown), columns, squeeze=False)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.965, bottom=0.055, wspace=0.04, hspace=0.14)
    for axes, title in zip(grid[0], ("photograph", "truth", *(f"recipe {name}" for name in models)), strict=True):
        axes.set_title(title, fontsize=12, fontweight="bold")
    for row, photo in zip(grid, shown, strict=True):
        pixels, truth = read_photo(photo.path), _truth(photo)
        found = {name: segmenter.segment(pixels).mask for name, segmenter in segmenters.items()}
        pictures = (pixels, _coloured(truth, truth, found="#FFFFFF"), *(_coloured(m, truth) for m in found.values()))
        captions = (f"labelled {photo.label}", "", *(_verdict(mask, truth) for mask in found.values()))
        for axes, picture, caption in zip(row, pictures, captions, strict=True):
            axes.imshow(picture, interpolation="antialiased")
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(caption, fontsize=10, labelpad=3)
            axes.spines[:].set_visible(False)
    colours = {"crack found": FOUND, "false crack": FALSE, "crack missed": MISSED}
    figure.legend(
        handles=[Patch(facecolor=colour, edgecolor="#8A8A8A", label=name) for name, colour in colours.items()],
        loc="lower center",
        ncols=3,
        frameon=False,
        fontsize=11,
    )
    with written_whole(path) as temporary:
        figure.savefig(temporary)
        # A palette takes a third of the bytes, and on grey walls nobody sees the difference.
        drawn = Image.open(temporary).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
        drawn.save(temporary, optimize=True)


def _begin_anew(out: Path) -> None:
    mark = output_folder(out) / _MARK
    if not mark.exists() and any(out.iterdir()):
        raise FissuraError(f"{out}: holds files that no demo wrote; choose another place with --out")
    mark.write_text("Everything in this folder was made by `fissura demo`, and the next one replaces it.\n", "utf-8")
    for part in _PARTS:
        shutil.rmtree(out / part, ignore_errors=True)
    (out / "comparison.png").unlink(missing_ok=True)


def _write_photographs(folder: Path, count: int, side_px: int) -> None:
    """Write the two folders that training gets: ``cracked`` and ``uncracked``."""
    for number in range(2 * count):
        label = "cracked" if number < count else "uncracked"
        photo, _ = paint_photograph(number, side_px, cracked=label == "cracked")
        save_image(folder / label / f"{_material(number)}_{number:04d}.jpg", photo)


def _write_held_out(folder: Path, cracked: int, uncracked: int, side_px: int, *, first: int) -> None:
    """Write a test split with masks, laid out as Kaggle's "Crack Segmentation Dataset"."""
    for number in range(first, first + cracked + uncracked):
        is_cracked = number < first + cracked
        photo, mask = paint_photograph(number, side_px, cracked=is_cracked)
        name = f"{'' if is_cracked else 'noncrack_'}{number:04d}_{_material(number)}"
        save_image(folder / "test" / "images" / f"{name}.jpg", photo)
        save_image(folder / "test" / "masks" / f"{name}.png", mask.astype(np.uint8) * 255)


def _material(number: int) -> str:
    return SURFACES[number % len(SURFACES)]


def _through_a_camera(photo: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Give the photograph (S, S, 3) the marks of a camera: light, vignette, colour cast, blur, noise."""
    along = np.linspace(-1, 1, len(photo), dtype=np.float32)
    x, y = along[None, :], along[:, None]
    light = 1 + rng.uniform(-0.15, 0.15) * x + rng.uniform(-0.15, 0.15) * y  # (S, S)
    vignette = 1 - rng.uniform(0.0, 0.12) * (x**2 + y**2)
    cast = rng.uniform(0.85, 1.1) * np.array([rng.uniform(0.97, 1.06), 1.0, rng.uniform(0.9, 1.02)])
    sharp = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.3, 0.8))
    seen = sharp * (light * vignette)[:, :, None] * cast + rng.normal(0, rng.uniform(1, 4), photo.shape)
    return np.asarray(np.clip(seen, 0, 255), np.uint8)


def _truth(photo: Photo) -> NDArray[np.bool_]:
    assert photo.mask is not None  # the demo wrote one for each held-out photograph
    return read_mask(photo.mask)


def _coloured(mask: NDArray[np.bool_], truth: NDArray[np.bool_], found: str = FOUND) -> NDArray[np.uint8]:
    """Colour crack found, false crack and crack missed on black: (H, W, 3) uint8."""
    picture = np.zeros((*mask.shape, 3), np.uint8)
    for where, colour in ((mask & truth, found), (mask & ~truth, FALSE), (truth & ~mask, MISSED)):
        picture[where] = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
    return picture


def _verdict(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> str:
    if not truth.any():
        return "false alarm" if mask.any() else "no crack found: right"
    return f"Dice {2 * (mask & truth).sum() / (mask.sum() + truth.sum()):.2f}"
