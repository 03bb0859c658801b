"""How much of a raster fits into a budget of memory at once."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from fissura.errors import FissuraError
from fissura.rasters.reading import Raster
from fissura.rasters.writing import BLOCK_PX

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_RESERVE_BYTES = 160 * 2**20
_AT_LEAST_BYTES = _RESERVE_BYTES + 32 * 2**20


def memory_bytes(text: str) -> int:
    """Read an amount of memory, such as ``1GiB``, ``800M`` or ``2147483648``.

    Raises:
        FissuraError: if it is none.

    Example:
        >>> memory_bytes("1.5 GiB")
        1610612736
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if not found:
        raise FissuraError(f"memory: {text} is no amount; write it as 1GiB or 800MiB")
    return int(float(found[1]) * _UNITS[found[2]])


def resident_bytes() -> int:
    """Tell how much memory this process takes now; where the system does not say, the most that it took."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows: the usual size of the network and its libraries
        return 400 * 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def free_bytes(budget_bytes: int) -> int:
    """Tell how much of the budget may be planned with, beside what the process takes already.

    A reserve is kept: for finding the pieces of one window, for what Python and GDAL need besides, and for the
    heap's unused gaps.

    Raises:
        FissuraError: if that is too little to work with.
    """
    taken = resident_bytes()
    if budget_bytes - taken < _AT_LEAST_BYTES:
        raise FissuraError(
            f"memory: the network and its libraries take {_mib(taken)} alone; give at least "
            f"{_mib(taken + _AT_LEAST_BYTES)}"
        )
    return budget_bytes - taken - _RESERVE_BYTES


def cache_bytes(raster: Raster, band_px: int, tile_px: int) -> int:
    """Tell how much GDAL must keep so that no block of one row of tiles is decoded twice."""
    block_rows, block_columns = raster.block_px
    # Tiles begin above and to the left of blocks' sides; a block is decoded whole, however long it is.
    columns = min(raster.shape[1] + block_columns, max(band_px + 2 * tile_px + 2 * block_columns, block_columns))
    rows = min(tile_px + 2 * block_rows, raster.shape[0] + block_rows)
    return max(rows * columns * raster.pixel_bytes, 2**24)


def band_width(raster: Raster, tile_px: int, free: int) -> int:
    """Tell how many columns of a raster may be segmented at once, from top to bottom.

    Args:
        raster: the raster.
        tile_px: side of the network's tiles in px.
        free: how much memory there is, in bytes.

    Returns:
        A multiple of `BLOCK_PX`, or the raster's whole width.

    Raises:
        FissuraError: if not even the narrowest band fits.
    """
    width = raster.shape[1]
    # Per column: a row of tiles as float32, and as levels what is being cut to windows and the two of them that are
    # being written, with where they hold data, one of them as a file too, which may be making room for more.
    column_bytes = 4 * tile_px + (tile_px + 2 * BLOCK_PX) + 7 * BLOCK_PX

    def bytes_for(band_px: int) -> int:
        return band_px * column_bytes + cache_bytes(raster, band_px, tile_px)

    narrowest = min(width, -(-2 * tile_px // BLOCK_PX) * BLOCK_PX)
    if bytes_for(narrowest) > free:
        rows, columns = raster.block_px
        raise FissuraError(
            f"{raster.path}: is stored in blocks of {columns} x {rows} px, and needs "
            f"{_mib(bytes_for(narrowest) - free)} more memory; give more with --memory, or rewrite it in small "
            "blocks with `gdal_translate -of COG`"
        )
    if bytes_for(width) <= free:
        return width
    low, high = narrowest // BLOCK_PX, width // BLOCK_PX  # low fits
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if bytes_for(middle * BLOCK_PX) <= free else (low, middle - 1)
    return low * BLOCK_PX


def _mib(amount: int) -> str:
    return f"{-(-amount // 2**20)} MiB"
