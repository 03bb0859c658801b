"""Pictures of any size, read and written by windows: orthomosaics, map tiles, Deep Zoom (extra ``geo``).

Memory is bounded by a budget, not by the picture: a raster is segmented in bands of tiles, its pieces are found
across windows, and its maps are written part by part, so that a run that was killed goes on where it was.
"""

from fissura.rasters.memory import free_bytes, memory_bytes
from fissura.rasters.pieces import RasterPiece, StreamedPieces
from fissura.rasters.reading import Raster, open_raster
from fissura.rasters.streaming import MEASURED, RasterMaps, engine_begun_with, segment_raster
from fissura.rasters.windows import Window

__all__ = [
    "MEASURED",
    "Raster",
    "RasterMaps",
    "RasterPiece",
    "StreamedPieces",
    "Window",
    "engine_begun_with",
    "free_bytes",
    "memory_bytes",
    "open_raster",
    "segment_raster",
]
