"""The verb about corrected masks: a person's few corrections become a data set."""

from __future__ import annotations

from pathlib import Path

from fissura.exchanging import ImportSummary
from fissura.exchanging import import_masks as take_over
from fissura.photos import find_photos
from fissura.reporting.results import without_results
from fissura.verbs.paths import AnyPath


def import_masks(source: AnyPath, *, photos: AnyPath, out: AnyPath) -> ImportSummary:
    """Take masks that a person has corrected back, as a data set to train with (recipe ``corrected``).

    Args:
        source: CVAT's "Segmentation mask 1.1" zip, Label Studio's JSON, or COCO JSON.
        photos: the folder of the photographs that were corrected.
        out: where ``manifest.csv`` and ``masks/`` shall stand; those of an import before are replaced.

    Raises:
        FissuraError: if not one mask can be used, or ``out`` cannot be written.

    Example:
        >>> fissura.import_masks("cvat.zip", photos="walls", out="corrections").cracked  # doctest: +SKIP
        42
    """
    folder = Path(photos)
    return take_over(Path(source), folder, Path(out), without_results(find_photos([folder]), [folder]))
