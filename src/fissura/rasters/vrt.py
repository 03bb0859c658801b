"""Many picture files as one: GDAL's virtual rasters, written as XML (https://gdal.org/drivers/raster/vrt.html)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from fissura.errors import FissuraError
from fissura.rasters.windows import Window

_MOST_TILE_PX = 65_536  # tiles are pictures to be read whole
# How JPEG, PNG, WebP and TIFF begin. GDAL opens tiles by content, and would read what files and addresses a virtual
# raster or another XML file names; it looks for its tags as far as the first 0.
_PICTURE = re.compile(rb"(?:\xff\xd8\xff|\x89PNG|RIFF|II|MM)(?:(?!<\w{3})[^\0])*\0")


@dataclass(frozen=True)
class Source:
    """A picture file that fills a window of a larger picture.

    Attributes:
        file: the picture file.
        top: its first row that counts; others overlap with its neighbours.
        left: its first column that counts.
        window: what it fills.
    """

    file: Path
    top: int
    left: int
    window: Window


def mosaic_vrt(
    shape: tuple[int, int], bands: int, sources: Iterable[Source], *, masked: bool = False, place: str = ""
) -> str:
    """Write the XML of a virtual raster.

    Args:
        shape: (H, W) of the whole in px.
        bands: how many bands of 8 bits each file has.
        sources: the files.
        masked: whether the files have a mask band, which tells where they hold data.
        place: XML that says where the whole lies on the ground; see `place_xml`.

    Returns:
        XML that ``rasterio.open`` takes in the place of a file name.
    """
    height, width = shape
    listed = list(sources)
    colours = ["Red", "Green", "Blue"] if bands == 3 else ["Gray"]
    xml = [f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">{place}']
    for number, colour in enumerate(colours, start=1):
        xml.append(f'<VRTRasterBand dataType="Byte" band="{number}"><ColorInterp>{colour}</ColorInterp>')
        xml += [_source_xml(source, str(number)) for source in listed]
        xml.append("</VRTRasterBand>")
    if masked:
        xml.append('<MaskBand><VRTRasterBand dataType="Byte">')
        xml += [_source_xml(source, "mask,1") for source in listed]
        xml.append("</VRTRasterBand></MaskBand>")
    return "".join([*xml, "</VRTDataset>"])


def place_xml(wkt: str, transform: Sequence[float]) -> str:
    """Write the XML that says where a virtual raster lies on the ground.

    Args:
        wkt: its reference system; nothing is written of an empty one.
        transform: the six numbers that carry columns and rows over to x and y, in GDAL's order.
    """
    system = f"<SRS>{escape(wkt)}</SRS>" if wkt else ""
    numbers = ", ".join(f"{number:.17g}" for number in transform)
    return f"{system}<GeoTransform>{numbers}</GeoTransform>"


def deep_zoom_vrt(path: Path, bands_of: Callable[[Path], int]) -> str:
    """Write the XML of a virtual raster of a Deep Zoom picture's finest level.

    The format is Microsoft's: ``NAME.dzi`` tells size, tile size and overlap, and ``NAME_files/LEVEL/COLUMN_ROW.jpg``
    are the tiles (https://learn.microsoft.com/previous-versions/windows/silverlight/dotnet-windows-silverlight/cc645077(v=vs.95)).

    Args:
        path: ``NAME.dzi``.
        bands_of: tells how many bands a tile has, 1 or 3; the first speaks for all.

    Raises:
        FissuraError: if ``path`` does not describe a Deep Zoom picture, or a tile is missing or no picture.
    """
    try:
        image = ElementTree.parse(path).getroot()
        size = next(node for node in image if node.tag.endswith("Size"))
        tile_px, overlap_px = int(image.attrib["TileSize"]), int(image.attrib["Overlap"])
        suffix, height, width = image.attrib["Format"], int(size.attrib["Height"]), int(size.attrib["Width"])
    except (OSError, ElementTree.ParseError, KeyError, ValueError, StopIteration) as error:
        raise FissuraError(
            f"{path}: does not describe a Deep Zoom picture; make it anew, or give a GeoTIFF"
        ) from error
    if not 1 <= tile_px <= _MOST_TILE_PX or min(height, width) < 1 or overlap_px < 0 or not suffix.isalnum():
        raise FissuraError(f"{path}: its tile size, overlap, size or format makes no sense; make it anew")
    level = math.ceil(math.log2(max(height, width)))
    folder = path.absolute().with_name(f"{path.stem}_files") / str(level)
    tiles = list(_deep_zoom_tiles(folder, suffix, (height, width), tile_px, overlap_px))
    return mosaic_vrt((height, width), bands_of(tiles[0].file), tiles)


def _deep_zoom_tiles(
    folder: Path, suffix: str, shape: tuple[int, int], tile_px: int, overlap_px: int
) -> Iterator[Source]:
    height, width = shape
    for row, top in enumerate(range(0, height, tile_px)):
        for column, left in enumerate(range(0, width, tile_px)):
            file = folder / f"{column}_{row}.{suffix}"
            if not file.is_file():
                raise FissuraError(f"{file}: this tile is missing; copy the Deep Zoom picture with all its folders")
            with file.open("rb") as begun:
                if not _PICTURE.match(begun.read(1024)):
                    raise FissuraError(f"{file}: this tile is no JPEG, PNG, WebP or TIFF; make the picture anew")
            window = Window(top, left, min(tile_px, height - top), min(tile_px, width - left))
            yield Source(file, overlap_px if row else 0, overlap_px if column else 0, window)


def _source_xml(source: Source, band: str) -> str:
    at = source.window
    size = f'xSize="{at.width}" ySize="{at.height}"'
    return (
        f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(str(source.file))}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand>"
        f'<SrcRect xOff="{source.left}" yOff="{source.top}" {size}/>'
        f'<DstRect xOff="{at.left}" yOff="{at.top}" {size}/></SimpleSource>'
    )
