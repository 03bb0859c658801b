"""From a model file and a photograph to a probability map and a mask, on onnxruntime or OpenVINO.

The format of the model file lives here (`ModelCard`), and so does the step from probability to mask
(`Cleaning`, `clean`): training writes both, segmenting reads them. Large photographs run in overlapping tiles
that blend without seams, folders of them run as a batch that no unreadable file can stop.
Torch is never imported here.
"""

from fissura.segmenting.arithmetic import matrix_product_peak, multiply_adds
from fissura.segmenting.batch import Segmented, Skipped, segment_photos
from fissura.segmenting.bundled import bundled_model
from fissura.segmenting.choosing import Choice, choose_engine
from fissura.segmenting.cleaning import Cleaning, Pieces, clean, pieces, score_photo
from fissura.segmenting.cores import runs_at_once, usable_cores
from fissura.segmenting.engines import ENGINES, Engine, EngineName, installed_engines, open_engine
from fissura.segmenting.model_file import CARD_KEY, FORMAT_VERSION, ModelCard, read_card
from fissura.segmenting.normalising import Normalisation, normalise
from fissura.segmenting.raster_memory import free_bytes, memory_bytes
from fissura.segmenting.raster_pieces import RasterPiece, StreamedPieces, Window
from fissura.segmenting.raster_reading import Raster, open_raster
from fissura.segmenting.resizing import Resize
from fissura.segmenting.segmenter import Segmentation, Segmenter
from fissura.segmenting.streaming import RasterMaps, engine_begun_with, segment_raster

__all__ = [
    "CARD_KEY",
    "ENGINES",
    "FORMAT_VERSION",
    "Choice",
    "Cleaning",
    "Engine",
    "EngineName",
    "ModelCard",
    "Normalisation",
    "Pieces",
    "Raster",
    "RasterMaps",
    "RasterPiece",
    "Resize",
    "Segmentation",
    "Segmented",
    "Segmenter",
    "Skipped",
    "StreamedPieces",
    "Window",
    "bundled_model",
    "choose_engine",
    "clean",
    "engine_begun_with",
    "free_bytes",
    "installed_engines",
    "matrix_product_peak",
    "memory_bytes",
    "multiply_adds",
    "normalise",
    "open_engine",
    "open_raster",
    "pieces",
    "read_card",
    "runs_at_once",
    "score_photo",
    "segment_photos",
    "segment_raster",
    "usable_cores",
]
