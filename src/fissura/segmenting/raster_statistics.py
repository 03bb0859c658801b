"""Mean and deviation of a raster's grey levels, for the normalisation ``"photo"``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fissura.segmenting.normalising import LEAST_STD_GREY_LEVELS
from fissura.segmenting.raster_pieces import windows_of
from fissura.segmenting.raster_reading import Raster

MOST_MEGAPIXELS = 64.0  # as many as a photograph has at most; a mean over more is no better
_WINDOW_PIXELS = 2**18


def grey_levels(
    raster: Raster, most_megapixels: float = MOST_MEGAPIXELS
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tell mean and standard deviation of a raster's grey levels, as `grey_level_statistics` does of a photograph.

    Pixels are sampled, never averaged, for averages vary less than pixels do.

    Args:
        raster: the raster; pixels without data do not count.
        most_megapixels: of a larger raster, as many as this are read, in blocks spread by chance but always the same.

    Returns:
        Mean and standard deviation per channel, each (3,) float32 in grey levels (0 to 255), all channels alike.
    """
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
            counts += np.bincount(raster.read(window)[holds_data].ravel(), minlength=256)
    levels, number = np.arange(256, dtype=np.float64), max(int(counts.sum()), 1)
    mean = float(counts @ levels) / number
    std = math.sqrt(float(counts @ (levels - mean) ** 2) / number)
    return np.full(3, mean, np.float32), np.full(3, max(std, LEAST_STD_GREY_LEVELS), np.float32)
