"""Pictures of a score: Dice over the threshold, precision against recall, and a gallery of best and worst."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from PIL import ImageColor

from fissura.files import written_whole

# Okabe and Ito's palette, told apart by colour-blind readers too.
DIFFERENCE = {"crack found": "#F0E442", "false crack": "#D55E00", "crack missed": "#56B4E9"}
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_INK, _GREY = "#222222", "#8A8A8A"

_EXAMPLES_PER_LINE = 2
_PANEL_PX = 360  # side of a gallery panel
_GAP_PX = 12
_NAME_LENGTH = 60


@dataclass(frozen=True)
class Example:
    """One photograph of the gallery.

    Attributes:
        name: its caption.
        photo: (H, W, 3) uint8 RGB.
        truth: (H, W) bool.
        prediction: (H, W) bool.
        dice: of the prediction against the truth, in [0, 1]; None leaves it out of the caption.
    """

    name: str
    photo: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    prediction: NDArray[np.bool_]
    dice: float | None = None


def draw_threshold_curve(path: Path, dice: pd.DataFrame, cleaned_dice: float | None = None) -> None:
    """Draw the mean Dice of the cracked photographs over the raw threshold.

    Args:
        path: the picture to write; its suffix chooses the format.
        dice: one row per threshold (the index, in [0, 1]), one column per line; a column ``overall`` is drawn
            bold and in black.
        cleaned_dice: Dice of the masks as the method delivers them, drawn as a level line.

    Raises:
        FissuraError: if the picture cannot be written.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    sources = [str(name) for name in dice.columns if name != "overall"]
    for place, name in enumerate(sources):
        axes.plot(dice.index, dice[name], color=_LINES[place % len(_LINES)], linewidth=1.4, label=_plain(name))
    if "overall" in dice:
        axes.plot(dice.index, dice["overall"], color=_INK, linewidth=2.6, label="overall")
    if cleaned_dice is not None:
        label = f"as delivered, overall: {cleaned_dice:.3f}"
        axes.axhline(cleaned_dice, color=_GREY, linestyle=(0, (5, 3)), linewidth=1.4, label=label)
    _dress(axes, "raw threshold on the probability", "Dice, mean over cracked photographs")
    axes.legend(frameon=False, fontsize=9)
    axes.set_title("Dice over the raw threshold", loc="left", fontsize=12, fontweight="bold")
    _save(figure, path)


def draw_precision_recall(path: Path, precision_recall: pd.DataFrame) -> None:
    """Draw pixel precision against recall, with a few thresholds marked and lines of equal F1 behind.

    Args:
        path: the picture to write; its suffix chooses the format.
        precision_recall: one row per threshold (the index, in [0, 1]), columns ``precision`` and ``recall``.

    Raises:
        FissuraError: if the picture cannot be written.
    """
    figure = Figure(figsize=(5.2, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for level in (0.2, 0.4, 0.6, 0.8):
        reach = np.linspace(level / (2 - level), 1, 200)  # recall at which precision is still at most 1
        axes.plot(reach, level * reach / (2 * reach - level), color="#DDDDDD", linewidth=1, zorder=1)
        axes.annotate(f"F1 {level:g}", (1, level / (2 - level)), color=_GREY, fontsize=8, ha="right", va="bottom")
    axes.plot(precision_recall["recall"], precision_recall["precision"], color=_LINES[0], linewidth=2.4)
    for threshold in (0.25, 0.5, 0.75):
        nearest = int(np.abs(precision_recall.index.to_numpy() - threshold).argmin())
        point = precision_recall.iloc[nearest]
        if point.notna().all():
            axes.plot(point["recall"], point["precision"], "o", color=_LINES[0], markersize=6)
            axes.annotate(f"{threshold:g}", (point["recall"], point["precision"]), (7, 5), textcoords="offset points")
    _dress(axes, "recall of crack pixels", "precision of crack pixels")
    axes.set_aspect("equal")
    axes.set_title("Precision and recall, all pixels", loc="left", fontsize=12, fontweight="bold")
    _save(figure, path)


def draw_gallery(path: Path, sections: Mapping[str, Sequence[Example]]) -> None:
    """Draw examples as photo, truth, prediction and their difference, side by side, under section headings.

    In the difference, over the dimmed photograph, crack found is yellow, false crack vermilion, and crack
    missed blue.

    Args:
        path: the picture to write; its suffix chooses the format.
        sections: heading -> its examples; empty sections are left out.

    Raises:
        FissuraError: if the picture cannot be written.

    Example:
        >>> draw_gallery(Path("gallery.png"), {"Best": best, "Worst": worst})  # doctest: +SKIP
    """
    sections = {heading: examples for heading, examples in sections.items() if examples}
    lines = {heading: -(-len(examples) // _EXAMPLES_PER_LINE) for heading, examples in sections.items()}
    heights = [0.7, *(0.45 + 1.95 * count for count in lines.values())]  # inches
    figure = Figure(figsize=(14, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(1 + len(sections), 1, height_ratios=heights)
    _draw_key(figure.add_subfigure(grid[0]))
    for place, (heading, examples) in enumerate(sections.items(), start=1):
        block = figure.add_subfigure(grid[place])
        block.suptitle(heading, x=0.005, ha="left", fontsize=14, fontweight="bold")
        cells = block.subplots(lines[heading], _EXAMPLES_PER_LINE, squeeze=False).flat
        for axes, example in zip_longest(cells, examples):
            axes.set_axis_off()
            if example is not None:
                dice = "" if example.dice is None else f"   Dice {example.dice:.2f}"
                axes.set_title(_plain(example.name) + dice, loc="left", fontsize=9, color=_INK)
                axes.imshow(_strip(example))
    _save(figure, path)


def colour_difference(
    picture: NDArray[np.uint8], truth: NDArray[np.bool_], prediction: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Colour the crack found, the false crack and the crack missed.

    Args:
        picture: (H, W, 3) uint8 RGB, what the colours are laid over.
        truth: (H, W) bool.
        prediction: (H, W) bool.

    Returns:
        (H, W, 3) uint8 RGB, in the colours of ``DIFFERENCE``.
    """
    coloured = picture.copy()
    parts = truth & prediction, prediction & ~truth, truth & ~prediction
    for colour, part in zip(DIFFERENCE.values(), parts, strict=True):
        coloured[part] = ImageColor.getrgb(colour)
    return coloured


def difference_key() -> list[Patch]:
    """Give what a legend shows of the colours of `colour_difference`."""
    return [Patch(facecolor=colour, edgecolor=_GREY, label=name) for name, colour in DIFFERENCE.items()]


def _draw_key(block: SubFigure) -> None:
    block.legend(
        handles=difference_key(),
        title="each photograph: photo, truth, prediction, difference",
        loc="center",
        ncols=3,
        frameon=False,
    )


def _strip(example: Example) -> NDArray[np.uint8]:
    """Lay photo, truth, prediction and difference side by side in square panels, RGB uint8."""
    height, width = example.truth.shape
    scale = _PANEL_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    photo = np.asarray(cv2.resize(example.photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    truth, prediction = (_resized(mask, size) for mask in (example.truth, example.prediction))
    strip = np.full((_PANEL_PX, 4 * _PANEL_PX + 3 * _GAP_PX, 3), 255, np.uint8)
    left = (_PANEL_PX - size[0]) // 2
    masks = (_white_on_black(truth), _white_on_black(prediction))
    for panel in (photo, *masks, colour_difference(_dimmed(photo), truth, prediction)):
        strip[: size[1], left : left + size[0]] = panel
        left += _PANEL_PX + _GAP_PX
    return strip


def _resized(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Resize a mask to ``size`` (width, height); reduced, a crack one pixel wide stays visible."""
    shares = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    least = 1e-3 if size[0] < mask.shape[1] else 0.5
    return np.asarray(shares > least)


def _dimmed(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    return np.repeat((0.55 * grey)[:, :, None], 3, axis=2).astype(np.uint8)


def _white_on_black(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.repeat(mask[:, :, None], 3, axis=2).astype(np.uint8) * 255


def _plain(name: str) -> str:
    """Keep a file's or folder's name from being set as a formula or growing out of its column."""
    short = name if len(name) <= _NAME_LENGTH else f"…{name[-_NAME_LENGTH:]}"
    return short.encode("utf-8", "replace").decode().replace("$", r"\$")


def _dress(axes: Axes, x: str, y: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=x, ylabel=y)
    axes.grid(color="#EEEEEE")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _save(figure: Figure, path: Path) -> None:
    with written_whole(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # names in any script
        figure.savefig(temporary, dpi=130)
