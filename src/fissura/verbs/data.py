"""The verbs about photographs to learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError, UnreadablePhotoError
from fissura.files import begun_anew, not_over, output_folder, written_whole
from fissura.painting import SURFACES, draw_surface, paint_cracks
from fissura.photos import find_photos, load_data, read_photo, save_image
from fissura.photos.inspection import Inspection, inspect_data
from fissura.reporting.inspection_sheet import draw_inspection
from fissura.reporting.overlay import draw_overlay
from fissura.verbs.paths import Advance, AnyPath, as_paths


def inspect(data: Sequence[AnyPath], out: AnyPath | None = None, progress: Advance | None = None) -> Inspection:
    """Tell what a data set is, and what may be wrong with it.

    Args:
        data: folders or CSV manifests; see :func:`fissura.photos.load_data`.
        out: where ``inspection.json`` and the picture ``inspection.png`` shall stand; nowhere if None.
        progress: called with photographs done and their total.

    Raises:
        FissuraError: if the data set cannot be understood or ``out`` cannot be written.

    Example:
        >>> fissura.inspect(["walls"]).warnings  # doctest: +SKIP
    """
    photos = load_data(*as_paths(data))
    folder = output_folder(Path(out)) if out is not None else None
    if folder is not None:
        not_over(folder / "inspection.png", [photo.path for photo in photos])
    inspection = inspect_data(photos, progress)
    if folder is not None:
        with written_whole(folder / "inspection.json") as temporary:
            temporary.write_text(inspection.to_json(), "utf-8")
        draw_inspection(inspection, photos, folder / "inspection.png")
    return inspection


def paint(
    photos: Sequence[AnyPath] = (),
    *,
    out: AnyPath,
    count: int = 12,
    size_px: int = 448,
    seed: int = 0,
    skipped: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write painted cracks for a look: photographs, masks and overlays.

    Args:
        photos: uncracked photographs or folders of them; procedural surfaces if there are none.
        out: where ``photos/``, ``masks/`` and ``overlays/`` shall stand; new, empty, or of an earlier painting, whose
            files are removed.
        count: how many.
        size_px: side of a procedural surface, in px.
        seed: the same seed paints the same.
        skipped: called with the reason for each photograph that cannot be read; others are painted on instead.

    Returns:
        The painted photographs; mask and overlay of each are in their folders under the same name.

    Raises:
        FissuraError: if no photograph is found, none can be read, or ``out`` holds other files or cannot be written.

    Example:
        >>> fissura.paint(out="samples", count=4)[0]  # doctest: +SKIP
        PosixPath('samples/photos/0000.png')
    """
    folder = Path(out)
    found = find_photos(as_paths(photos)) if photos else []
    files = [file for file in found if not file.resolve().is_relative_to(folder.resolve())]
    if found and not files:
        raise FissuraError(f"{out}: holds all photographs that are given; choose another --out")
    begun_anew(folder, "paint", ("photos", "masks", "overlays"))
    painted = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        if photos:
            surface = _drawn_from(files, rng, skipped)
        else:
            surface = draw_surface(SURFACES[index % len(SURFACES)], size_px, size_px, rng)
        sample = paint_cracks(surface, rng)
        name = f"{index:04d}.png"
        save_image(folder / "photos" / name, sample.photo)
        save_image(folder / "masks" / name, sample.mask.astype(np.uint8) * 255)
        save_image(folder / "overlays" / name, draw_overlay(sample.photo, sample.mask))
        painted.append(folder / "photos" / name)
    return painted


def _drawn_from(
    files: list[Path], rng: np.random.Generator, skipped: Callable[[str], None] | None
) -> NDArray[np.uint8]:
    """Read one of the photographs, drawn at random; those that cannot be read are taken from the list."""
    while True:
        file = files[rng.integers(len(files))]
        try:
            return read_photo(file)
        except UnreadablePhotoError as error:
            files.remove(file)
            if not files:
                raise
            if skipped is not None:
                skipped(str(error))
