"""From a model file and a photograph to a probability map and a mask, on onnxruntime or OpenVINO.

The format of the model file lives here (`ModelCard`), and so does the step from probability to mask
(`Cleaning`, `clean`): training writes both, segmenting reads them. Large photographs run in overlapping tiles
that blend without seams, folders of them run as a batch that no unreadable file can stop.
Torch is never imported here.
"""

from fissura.segmenting.arithmetic import matrix_product_peak, multiply_adds
from fissura.segmenting.batch import Segmented, Skipped, segment_photos, too_large
from fissura.segmenting.bundled import bundled_model
from fissura.segmenting.choosing import Choice, choose_engine
from fissura.segmenting.cleaning import Cleaning
from fissura.segmenting.connected_pieces import Pieces, clean, pieces, score_photo
from fissura.segmenting.cores import runs_at_once, usable_cores
from fissura.segmenting.engines import ENGINES, Engine, EngineName, installed_engines, open_engine
from fissura.segmenting.model_file import CARD_KEY, FORMAT_VERSION, ModelCard, read_card
from fissura.segmenting.normalising import Normalisation, normalise
from fissura.segmenting.resizing import Resize, working_scale
from fissura.segmenting.segmenter import Segmentation, Segmenter

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
    "Resize",
    "Segmentation",
    "Segmented",
    "Segmenter",
    "Skipped",
    "bundled_model",
    "choose_engine",
    "clean",
    "installed_engines",
    "matrix_product_peak",
    "multiply_adds",
    "normalise",
    "open_engine",
    "pieces",
    "read_card",
    "runs_at_once",
    "score_photo",
    "segment_photos",
    "too_large",
    "usable_cores",
    "working_scale",
]
