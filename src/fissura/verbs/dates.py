"""The verb about two dates: what has become of the cracks of one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fissura.files import not_over, output_folder, written_whole
from fissura.measuring import Comparison, compare_cracks, measure, register
from fissura.photos import read_photo, save_image
from fissura.reporting.change_drawing import draw_change
from fissura.segmenting import Segmenter, bundled_model, working_scale
from fissura.verbs.paths import AnyPath
from fissura.verbs.scales import Scale


@dataclass(frozen=True)
class Compared:
    """What comparing two photographs leaves.

    Attributes:
        comparison: the changes, and how well the photographs fit.
        table: ``changes.csv``.
        picture: ``change.png``.
    """

    comparison: Comparison
    table: Path
    picture: Path


def compare(
    before: AnyPath, after: AnyPath, *, out: AnyPath, model: AnyPath | None = None, scale: Scale | None = None
) -> Compared:
    """Compare the cracks on two photographs of one place: what is new, and what has grown.

    Args:
        before: the earlier photograph.
        after: the later one, from about the same place.
        out: where ``changes.csv`` and ``change.png`` shall stand.
        model: the model file; the bundled one if None.
        scale: how many millimetres a pixel of the earlier photograph covers; the network sees close-ups smaller, at
            0.1 mm per px.

    Raises:
        FissuraError: if the photographs cannot be laid over each other, one of them is ``change.png`` in ``out``, or
            a file cannot be read or written.

    Example:
        >>> fissura.compare("2024.jpg", "2026.jpg", out="change").comparison.table()  # doctest: +SKIP
    """
    not_over(Path(out) / "change.png", [Path(before), Path(after)])
    mm_per_px = (scale or Scale()).of(Path(before))
    photos = read_photo(Path(before)), read_photo(Path(after))
    registration = register(*photos)
    middle = np.array([registration.after_shape[::-1]]) / 2
    enlargement = float(registration.enlargement(middle)[0])  # px of the earlier photograph per px of the later one
    file = bundled_model() if model is None else Path(model)
    measured, least_extents_px = [], []
    for photo, enlarged in zip(photos, (1.0, enlargement), strict=True):
        own = None if mm_per_px is None else mm_per_px * enlarged
        segmenter = Segmenter(file, resize=1.0 if own is None else working_scale(own))
        found = segmenter.segment(photo)
        measured.append(measure(found.mask, found.probability, photo, own))
        least_extents_px.append(segmenter.cleaning.least_extent_px(photo.shape[:2]) * enlarged)
    comparison = compare_cracks(measured[0], measured[1], registration, least_extent_px=max(least_extents_px))
    folder = output_folder(Path(out))
    with written_whole(folder / "changes.csv") as temporary:
        comparison.table().to_csv(temporary, index=False)
    save_image(folder / "change.png", draw_change(*photos, (measured[0], measured[1]), comparison))
    return Compared(comparison, folder / "changes.csv", folder / "change.png")
