"""Mean and deviation of a raster's luminance, for the normalisation ``"grey"``."""

from __future__ import annotations

import math

import numpy as np

from fissura.rasters.reading import Raster
from fissura.rasters.windows import windows_of
from fissura.segmenting.normalising import LEAST_STD_GREY_LEVELS, Normalisation, Normaliser, luminance

MOST_MEGAPIXELS = 64.0  # as many as a photograph has at most; a mean over more is no better
_WINDOW_PIXELS = 2**18


def normaliser_of(raster: Raster, how: Normalisation, most_megapixels: float = MOST_MEGAPIXELS) -> Normaliser:
    """Take the statistics of a raster, as `Normaliser.of` does of a photograph.

    Pixels are sampled, never averaged, for averages vary less than pixels do.

    Args:
        raster: the raster; pixels without data do not count.
        how: see `normalise`.
        most_megapixels: of a larger raster, as many as this are read, in blocks spread by chance but always the same.

    Returns:
        What normalises every tile of the raster.
    """
    if how == "imagenet":
        return Normaliser(how)
    block_rows, block_columns = raster.block_px
    columns = min(max(512, block_columns), raster.shape[1])
    rows = max(_WINDOW_PIXELS // columns // block_rows, 1) * block_rows
    windows = list(windows_of(*raster.shape, (rows, columns)))
    share = min(1.0, most_megapixels * 1e6 / math.prod(raster.shape))
    if share < 1:
        chosen = np.random.default_rng(0).permutation(len(windows))[: max(1, int(share * len(windows)))]
        windows = [windows[index] for index in np.sort(chosen)]  # in the file's order
    counts = np.zeros(256, np.int64)
    for window in windows:
        holds_data = raster.holds_data(window)
        if holds_data.any():
            counts += np.bincount(luminance(raster.read(window))[holds_data], minlength=256)
    levels, number = np.arange(256, dtype=np.float64), max(int(counts.sum()), 1)
    mean = float(counts @ levels) / number
    std = math.sqrt(float(counts @ (levels - mean) ** 2) / number)
    return Normaliser(how, mean, max(std, LEAST_STD_GREY_LEVELS))
