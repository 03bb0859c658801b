"""The demo's picture: held-out photographs, their truth, and what each model finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from fissura.files import written_whole
from fissura.photos import Photo, load_data, read_mask, read_photo
from fissura.reporting.score_plots import colour_difference, difference_key
from fissura.scoring.metrics import dice
from fissura.segmenting import Segmenter

CRACKED_SHOWN = 4  # cracked photographs in the picture, beside one uncracked


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
        black = np.zeros_like(pixels)
        differences = (colour_difference(black, truth, mask) for mask in found.values())
        pictures = (pixels, np.where(truth[:, :, None], np.uint8(255), black), *differences)
        captions = (f"labelled {photo.label}", "", *(_verdict(mask, truth) for mask in found.values()))
        for axes, picture, caption in zip(row, pictures, captions, strict=True):
            axes.imshow(picture, interpolation="antialiased")
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(caption, fontsize=10, labelpad=3)
            axes.spines[:].set_visible(False)
    figure.legend(handles=difference_key(), loc="lower center", ncols=3, frameon=False, fontsize=11)
    with written_whole(path) as temporary:
        figure.savefig(temporary)
        # A palette takes a third of the bytes, and on grey walls nobody sees the difference.
        drawn = Image.open(temporary).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
        drawn.save(temporary, optimize=True)


def _truth(photo: Photo) -> NDArray[np.bool_]:
    assert photo.mask is not None  # the demo wrote one for each held-out photograph
    return read_mask(photo.mask)


def _verdict(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> str:
    if not truth.any():
        return "false alarm" if mask.any() else "no crack found: right"
    return f"Dice {dice(mask, truth):.2f}"
