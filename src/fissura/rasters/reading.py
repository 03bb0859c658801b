"""Reading pictures of any size by windows: GeoTIFF, BigTIFF, COG, other pictures that GDAL opens, and Deep Zoom.

Needs the extra ``geo``, which is imported when it is first used.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.rasters.vrt import deep_zoom_vrt
from fissura.rasters.windows import Window

# What GDAL keeps of decoded blocks unless told otherwise: enough for windows, where its own choice is a twentieth of
# the machine's memory.
_CACHE_BYTES = 2**26

# GDAL's drivers of pictures: it goes by content, and others of its own, PCIDSK too, read what a file names.
_PICTURES = (
    *("GTiff", "JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID", "ECW", "MrSID", "HFA", "ENVI", "EHdr", "RMF"),
    *("NITF", "RST", "GPKG", "MBTiles", "JPEG", "PNG", "WEBP", "JPEGXL", "BMP", "GIF", "PNM", "TGA"),
)


class Raster:
    """A picture that is read by windows, from several threads if need be; see `open_raster`.

    Attributes:
        path: its file.
        shape: (H, W) in px.
        has_nodata: whether some of its pixels may hold no data.
        dataset: the open rasterio dataset.
    """

    def __init__(self, path: Path, dataset: Any) -> None:
        self.path = path
        self.dataset = dataset
        self.shape: tuple[int, int] = (dataset.height, dataset.width)
        self._bands = _bands_of(path, dataset)
        self._alphas = [number for number, kind in enumerate(dataset.colorinterp, start=1) if kind.name == "alpha"]
        self._one_at_a_time = threading.Lock()  # GDAL's datasets do not take two threads at once
        flags = [flag.name for band in dataset.mask_flag_enums for flag in band]
        # GDAL tells of alpha in rasters of two and of four bands only.
        self.has_nodata = bool(self._alphas) or set(flags) != {"all_valid"}
        # TIFF's MinIsWhite: GDAL says so, and gives the values as they are stored.
        self._is_negative = dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"

    @property
    def pixel_bytes(self) -> int:
        """Bytes that a pixel takes once decoded, all bands and a mask."""
        return int(self.dataset.count) + int(self.has_nodata)

    @property
    def block_px(self) -> tuple[int, int]:
        """Height and width of the blocks that the file is stored in."""
        height, width = self.dataset.block_shapes[0]
        return int(height), int(width)

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read a window: (h, w, 3) uint8 RGB; a grey raster's one band three times, white being 255.

        Raises:
            FissuraError: if the file is damaged there.
        """
        bands = self._or_damaged(lambda: self.dataset.read(self._bands, window=as_rasterio(window)))
        if self._is_negative:
            bands = 255 - bands
        return np.asarray(cv2.merge([bands[min(channel, len(bands) - 1)] for channel in range(3)]), np.uint8)

    def read_band(self, window: Window) -> NDArray[np.uint8]:
        """Read the first band of a window, (h, w) uint8: all there is of a mask or a probability map.

        Raises:
            FissuraError: if the file is damaged there.
        """
        return self._or_damaged(lambda: self.dataset.read(1, window=as_rasterio(window)))

    def holds_data(self, window: Window) -> NDArray[np.bool_]:
        """Tell which pixels of a window hold data: (h, w) bool; nodata, alpha and mask bands all count.

        Raises:
            FissuraError: if the file is damaged there.
        """
        if not self.has_nodata:
            return np.broadcast_to(np.True_, (window.height, window.width))  # takes no memory
        # Not rasterio's `dataset_mask`: beside alpha it takes no nodata value, or looks for it in the alpha.
        at, holds = as_rasterio(window), np.zeros((window.height, window.width), bool)
        for band in self._bands:
            holds |= self._or_damaged(partial(self.dataset.read_masks, band, window=at)) > 0
        for alpha in self._alphas:
            holds &= self._or_damaged(partial(self.dataset.read, alpha, window=at)) > 0
        return holds

    def fingerprint(self) -> str:
        """Give a digest of name, size and time of every file that the raster is read from, such as its tiles."""
        # Not GDAL's own notes and overviews, which any program may add while it looks at the raster.
        names = {name for name in self.dataset.files if not name.endswith((".aux.xml", ".ovr"))}
        own = str(self.path.absolute())  # as GDAL was told it
        files = [(name, Path(name).stat()) for name in sorted({own, *names}) if Path(name).is_file()]
        facts = [(name, file.st_size, file.st_mtime_ns) for name, file in files]
        return hashlib.sha256(repr(facts).encode(errors="surrogateescape")).hexdigest()

    def _or_damaged(self, read: Any) -> NDArray[np.uint8]:
        from rasterio.errors import RasterioError

        try:
            with self._one_at_a_time:
                pixels: NDArray[np.uint8] = read()
        except RasterioError as error:
            raise FissuraError(
                f"{self.path}: cannot be read to its end ({_first_line(error)}); get the file anew"
            ) from error
        return pixels


@contextmanager
def open_raster(path: Path) -> Iterator[Raster]:
    """Open a raster for reading by windows.

    Args:
        path: a picture in a format of GDAL's, a virtual raster whose name ends in ``.vrt``, or a Deep Zoom picture's
            ``.dzi``.

    Yields:
        The raster.

    Raises:
        FissuraError: if the extra ``geo`` is not installed, or the file is no picture of 8 bits per band.

    Example:
        >>> with open_raster(Path("quay.tif")) as raster:  # doctest: +SKIP
        ...     corner = raster.read(Window(0, 0, 512, 512))
    """
    rasterio = require_rasterio()
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import DatasetReader

    if not path.is_file():  # GDAL takes other names too, such as addresses
        raise FissuraError(f"{path}: there is no such file; give a GeoTIFF")
    suffix = path.suffix.lower()
    # Absolute, for GDAL takes a name such as `http:a.tif` for an address.
    source = deep_zoom_vrt(path, _band_count) if suffix == ".dzi" else str(path.absolute())
    drivers = ["VRT"] if suffix in {".dzi", ".vrt"} else list(_PICTURES)
    with warnings.catch_warnings(), rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = DatasetReader(source, driver=drivers)  # `rasterio.open` takes one driver only
        except (RasterioError, UnicodeEncodeError) as error:  # the latter of a name that is no text
            raise FissuraError(
                f"{path}: cannot be read as a raster ({_first_line(error)}); give a GeoTIFF, such as from "
                "`gdal_translate`, or end a virtual raster's name in .vrt"
            ) from error
        with dataset:
            yield Raster(path, dataset)


def require_rasterio() -> Any:
    """Give the module rasterio.

    Raises:
        FissuraError: if it is not installed.
    """
    try:
        import rasterio
    except ImportError as error:
        raise FissuraError("rasters: rasterio is not installed; run: pip install 'fissura[geo]'") from error
    return rasterio


def _band_count(tile: Path) -> int:
    with open_raster(tile) as picture:
        return len(_bands_of(tile, picture.dataset))


def _bands_of(path: Path, dataset: Any) -> list[int]:
    """Choose the bands for red, green and blue, or the one band of a grey raster; numbered from 1."""
    from rasterio.enums import ColorInterp

    if any(kind != "uint8" for kind in dataset.dtypes):
        raise FissuraError(
            f"{path}: has bands of {dataset.dtypes[0]}; make them 8 bits, such as with "
            "`gdal_translate -ot Byte -scale`"
        )
    kinds = list(dataset.colorinterp)
    if ColorInterp.palette in kinds:
        raise FissuraError(f"{path}: is drawn with a palette; make it RGB, such as with `gdal_translate -expand rgb`")
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(colour in kinds for colour in colours):
        return [kinds.index(colour) + 1 for colour in colours]
    pictures = [number for number, kind in enumerate(kinds, start=1) if kind != ColorInterp.alpha]
    if not pictures:
        raise FissuraError(f"{path}: has no band with a picture; give a raster of one or three bands")
    return pictures[:3] if len(pictures) >= 3 else pictures[:1]


def as_rasterio(window: Window) -> Any:
    """Give a window as rasterio has it."""
    from rasterio.windows import Window as Rectangle

    return Rectangle(window.left, window.top, window.width, window.height)


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error
    return (str(cause).splitlines() or [type(error).__name__])[0][:160]
