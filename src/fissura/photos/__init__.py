"""Photographs: where they lie, what they are labelled, how they are decoded and split.

Every other room gets its photographs here, as ``(H, W, 3)`` uint8 RGB the right way up, and its masks as
``(H, W)`` bool. A data set is a list of paths with labels; nothing is decoded until it is asked for, and no
photograph that cannot be decoded ends more than itself.
"""

from fissura.photos.dataset import DataSet, Label, Photo, Split
from fissura.photos.decoding import MAX_MEGAPIXELS, read_mask, read_photo, read_truth, save_image
from fissura.photos.finding import find_photos
from fissura.photos.layouts import Layout, load_data
from fissura.photos.opening import opening_only
from fissura.photos.splits import split_by_group

__all__ = [
    "MAX_MEGAPIXELS",
    "DataSet",
    "Label",
    "Layout",
    "Photo",
    "Split",
    "find_photos",
    "load_data",
    "opening_only",
    "read_mask",
    "read_photo",
    "read_truth",
    "save_image",
    "split_by_group",
]
