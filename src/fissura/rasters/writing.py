"""Writing maps of rasters: parts while the work goes on, one cloud-optimised GeoTIFF (COG) at its end.

A GeoTIFF that is being written is lost when its program is killed. So finished windows are files of their own, each
of which appears whole or not at all: the journal of a run is the list of its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.files import written_whole
from fissura.rasters.reading import Raster, as_rasterio, require_rasterio
from fissura.rasters.vrt import Source, mosaic_vrt, place_xml
from fissura.rasters.windows import Window

BLOCK_PX = 512  # side of the blocks that maps are stored in


class Parts:
    """The finished windows of a map, one file each.

    Args:
        folder: where they stand.
        raster: what the map is of.
    """

    def __init__(self, folder: Path, raster: Raster) -> None:
        self._folder = folder
        self._raster = raster

    def has(self, window: Window) -> bool:
        """Tell whether a window is finished."""
        return self._file(window).is_file()

    def write(self, window: Window, values: NDArray[np.uint8], holds_data: NDArray[np.bool_]) -> None:
        """Write a window: its values (h, w) uint8, and where they hold data, (h, w) bool; elsewhere they become 0.

        Raises:
            FissuraError: if it cannot be written.
        """
        rasterio = require_rasterio()
        profile = {"height": window.height, "width": window.width, "count": 1, "dtype": "uint8"}
        # Runs of zeros are most of a map; a part lives too short for a compression that takes four times as long.
        layout = {"tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "compress": "packbits"}
        # Written by Python: where the disk is full as GDAL closes a file, nobody is told.
        with rasterio.MemoryFile() as made, written_whole(self._file(window)) as temporary:
            with (
                rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
                made.open(driver="GTiff", **profile, **layout) as part,
            ):
                part.write(values * holds_data, 1)
                if self._raster.has_nodata:
                    part.write_mask(holds_data)
            temporary.write_bytes(made.getbuffer())

    @contextmanager
    def opened(self, windows: Iterable[Window]) -> Iterator[Raster]:
        """Open the parts as one map, to read across their sides while the map is not finished yet."""
        with require_rasterio().open(self._mosaic(windows)) as dataset:
            yield Raster(self._folder, dataset)

    def join(self, out: Path, windows: Sequence[Window]) -> None:
        """Put the parts together to one COG: in blocks, compressed, with overviews, at the place of the raster.

        Where the raster holds no data, the COG's mask band says so. Its overviews are averages.

        Raises:
            FissuraError: if it cannot be written.
        """
        rasterio = require_rasterio()
        from rasterio.errors import RasterioError
        from rasterio.shutil import copy

        whole = self._folder / out.name  # GDAL's own temporary files stand beside it, and vanish with the folder
        layout = {"compress": "DEFLATE", "blocksize": BLOCK_PX, "bigtiff": "IF_SAFER"}
        with written_whole(whole) as temporary, _in_words(out), rasterio.open(self._mosaic(windows)) as parts:
            copy(parts, temporary, driver="COG", overview_resampling="AVERAGE", **layout)
            with rasterio.open(temporary) as made:  # where the disk was full as GDAL closed it, nobody was told
                for window in windows:
                    if not _are_alike(made, parts, as_rasterio(window)):
                        raise RasterioError("it is not what was written")
        whole.replace(out)

    def _mosaic(self, windows: Iterable[Window]) -> str:
        dataset = self._raster.dataset
        place = "" if dataset.transform.is_identity else place_xml(
            dataset.crs.to_wkt() if dataset.crs else "", dataset.transform.to_gdal()
        )  # fmt: skip
        sources = [Source(self._file(window).absolute(), 0, 0, window) for window in windows]
        return mosaic_vrt(self._raster.shape, 1, sources, masked=self._raster.has_nodata, place=place)

    def _file(self, window: Window) -> Path:
        return self._folder / f"{window.top:09d}-{window.left:09d}-{window.height}x{window.width}.tif"


def _are_alike(one: Any, other: Any, at: Any) -> bool:
    return np.array_equal(one.read(1, window=at), other.read(1, window=at)) and np.array_equal(
        one.read_masks(1, window=at), other.read_masks(1, window=at)
    )


@contextmanager
def _in_words(file: Path) -> Iterator[None]:
    from rasterio._err import CPLE_BaseError  # what `rasterio.shutil.copy` raises
    from rasterio.errors import RasterioError

    try:
        yield
    except (RasterioError, CPLE_BaseError) as error:
        cause = " ".join(str(error.__cause__ or error).split())[:160]
        raise FissuraError(f"{file}: cannot be written ({cause}); free the disk, then resume") from error
