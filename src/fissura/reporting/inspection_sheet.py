"""One picture of a data set: how many photographs of what, how large, and what they look like."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fissura.files import as_text, written_whole
from fissura.photos import DataSet, Label, read_photo
from fissura.photos.inspection import Inspection

# Okabe and Ito's vermilion and blue: told apart by every kind of colour vision.
COLOURS: dict[Label, str] = {"cracked": "#D55E00", "uncracked": "#0072B2"}
_INK, _FAINT = "#222222", "#8A8A8A"
_SAMPLES = 5  # of each label in each source
_SOURCES = 8  # sources shown; the rest are counted in a line
_WARNINGS = 6
_SAMPLE_PX = 200


def draw_inspection(inspection: Inspection, data: DataSet, path: Path) -> None:
    """Draw the counts, the sizes, the warnings and framed samples of each source as one PNG.

    Cracked photographs are framed in vermilion, uncracked ones in blue. Samples are taken at even steps
    through each source, and cut to their middle square.

    Args:
        inspection: what `fissura.photos.inspect_data` saw in ``data``.
        data: the photographs that were inspected.
        path: the PNG to write.

    Raises:
        FissuraError: if the file cannot be written.
    """
    table = inspection.photos
    sources = list(table["source"].value_counts().index)
    shown = sources[:_SOURCES]
    lines = _warning_lines(inspection)

    heights = [0.75, 0.45 * len(shown) + 1.7, 0.24 * len(lines) + 0.55, 1.5 * len(shown) + 0.2]  # inches
    figure = Figure(figsize=(13, sum(heights)), dpi=110, facecolor="white", layout="constrained")
    head, plots, words, samples = figure.subfigures(4, 1, squeeze=False, height_ratios=heights)[:, 0]

    _draw_title(head, inspection, left_out=len(sources) - len(shown))
    left, right = plots.subplots(1, 2, width_ratios=[1.55, 1])
    _draw_counts(left, table, shown)
    _draw_sizes(right, inspection)
    words.text(0.002, 0.97, "Worth knowing", va="top", size=11, weight="bold", color=_INK)
    place, said = (0.015, 0.97 - 0.26 / heights[2]), "\n".join(lines)
    words.text(*place, said, va="top", size=9.5, color=_INK, linespacing=1.35, parse_math=False)
    _draw_samples(samples, inspection, data, shown)

    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", bbox_inches="tight", pad_inches=0.25)


def _draw_title(part: SubFigure, inspection: Inspection, left_out: int) -> None:
    table = inspection.photos
    counts = [f"{int((table['label'] == label).sum()):,} {label}" for label in COLOURS]
    counts.append(f"{int(table['has_mask'].sum()):,} with a mask")
    if inspection.unreadable:
        counts.append(f"{len(inspection.unreadable):,} unreadable")
    if left_out:
        counts.append(f"{left_out} smaller sources not drawn")
    part.text(0.002, 0.78, f"{len(table):,} photographs", va="center", size=18, weight="bold", color=_INK)
    part.text(0.002, 0.22, "   ·   ".join(counts), va="center", size=11, color=_FAINT)
    handles = [Patch(color=colour, label=label) for label, colour in COLOURS.items()]
    part.legend(handles=handles, loc="center right", ncols=2, frameon=False, fontsize=11)


def _draw_counts(axes: Axes, table: pd.DataFrame, sources: list[str]) -> None:
    """Draw one bar per source and label; the test side of a declared split is hatched."""
    hatched = False
    for place, source in enumerate(sources):
        for label, shift in (("cracked", -0.2), ("uncracked", 0.2)):
            rows = table[(table["source"] == source) & (table["label"] == label)]
            test = int((rows["split"] == "test").sum())
            train = len(rows) - test
            colour = COLOURS[label]  # type: ignore[index]
            axes.barh(place + shift, train, height=0.36, color=colour)
            if test:
                axes.barh(
                    place + shift,
                    test,
                    left=train,
                    height=0.36,
                    color="white",
                    edgecolor=colour,
                    hatch="////",
                )
                hatched = True
            said = f" {train:,} + {test:,}" if test else f" {train:,}"
            axes.text(len(rows), place + shift, said, va="center", size=9, color=_INK)
    axes.set_yticks(range(len(sources)), sources, parse_math=False)  # names with dollars are no formulas
    axes.invert_yaxis()
    axes.margins(x=0.12)
    title = "Photographs per source"
    axes.set_title(f"{title} (hatched: test split)" if hatched else title, loc="left", size=11, weight="bold")
    _tidy(axes)
    axes.tick_params(axis="y", length=0)


def _draw_sizes(axes: Axes, inspection: Inspection) -> None:
    """Draw one disc per size, its area growing with the number of photographs."""
    sizes = inspection.sizes
    axes.set_title("Sizes", loc="left", size=11, weight="bold")
    _tidy(axes)
    if sizes.empty:
        return
    count = sizes["photos"].to_numpy(dtype=float)
    area = 40 + 700 * count / count.max()  # points²
    width, height = sizes["width_px"].to_numpy(dtype=float), sizes["height_px"].to_numpy(dtype=float)
    axes.scatter(width, height, s=area, color=_INK, alpha=0.35, linewidth=0)
    commonest = [f"{x:.0f} × {y:.0f}: {n:,.0f}" for x, y, n in zip(width, height, count, strict=True)][:6]
    commonest += [f"and {len(sizes) - 6} sizes more"] if len(sizes) > 6 else []
    axes.text(0.99, 0.97, "\n".join(commonest), ha="right", va="top", size=9, color=_INK, transform=axes.transAxes)
    axes.set_xlim(0, 1.6 * width.max())  # room for the list of sizes on the right
    axes.set_ylim(0, 1.2 * height.max())
    axes.set_xlabel("width / px", size=9)
    axes.set_ylabel("height / px", size=9)


def _draw_samples(part: SubFigure, inspection: Inspection, data: DataSet, sources: list[str]) -> None:
    broken = inspection.unreadable
    grid = part.subplots(len(sources), 2 * _SAMPLES, squeeze=False)
    for row, source in zip(grid, sources, strict=True):
        for half, (label, colour) in enumerate(COLOURS.items()):
            paths = [
                photo.path
                for photo in data
                if photo.source == source and photo.label == label and as_text(photo.path) not in broken
            ]
            steps = np.linspace(0, len(paths) - 1, min(_SAMPLES, len(paths))).round().astype(int)
            cells = row[half * _SAMPLES : (half + 1) * _SAMPLES]
            for axes in cells:
                axes.set_axis_off()
            for axes, step in zip(cells, steps, strict=False):
                _draw_framed(axes, _middle_square(read_photo(paths[step])), colour)
            if not paths:
                cells[0].text(0, 0.5, f"no {label} photographs", size=9, color=_FAINT, va="center")
        row[0].set_title(source, loc="left", size=10, weight="bold", color=_INK, pad=4, parse_math=False)


def _draw_framed(axes: Axes, square: NDArray[np.uint8], colour: str) -> None:
    axes.set_axis_on()
    axes.imshow(square, interpolation="lanczos")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=3.5)


def _middle_square(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    fitted = ImageOps.fit(Image.fromarray(photo), (_SAMPLE_PX, _SAMPLE_PX), Image.Resampling.LANCZOS)
    return np.asarray(fitted)


def _warning_lines(inspection: Inspection) -> list[str]:
    """Wrap the warnings, the first few whole and the rest counted."""
    warnings = list(inspection.warnings[:_WARNINGS]) or ["Nothing amiss was found."]
    if len(inspection.warnings) > _WARNINGS:
        warnings.append(f"... and {len(inspection.warnings) - _WARNINGS} more.")
    lines: list[str] = []
    for warning in warnings:
        lines += textwrap.wrap(warning, 165, initial_indent="•  ", subsequent_indent="    ")
    return lines


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_FAINT)
    axes.tick_params(labelsize=9, colors=_INK, color=_FAINT)
