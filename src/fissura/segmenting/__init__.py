"""From a model file and a photograph to a probability map and a mask, on onnxruntime alone.

The format of the model file lives here (`ModelCard`), and so does the step from probability to mask
(`Cleaning`, `clean`): training writes both, segmenting reads them. Large photographs run in overlapping tiles
that blend without seams, folders of them run as a batch that no unreadable file can stop.
Torch is never imported here.
"""

from fissura.segmenting.batch import Segmented, Skipped, segment_photos
from fissura.segmenting.bundled import bundled_model
from fissura.segmenting.cleaning import Cleaning, Pieces, clean, pieces, score_photo
from fissura.segmenting.cores import usable_cores
from fissura.segmenting.model_file import CARD_KEY, FORMAT_VERSION, ModelCard, read_card
from fissura.segmenting.normalising import Normalisation, normalise
from fissura.segmenting.segmenter import Segmentation, Segmenter

__all__ = [
    "CARD_KEY",
    "FORMAT_VERSION",
    "Cleaning",
    "ModelCard",
    "Normalisation",
    "Pieces",
    "Segmentation",
    "Segmented",
    "Segmenter",
    "Skipped",
    "bundled_model",
    "clean",
    "normalise",
    "pieces",
    "read_card",
    "score_photo",
    "segment_photos",
    "usable_cores",
]
