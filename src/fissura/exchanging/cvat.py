"""CVAT's "Segmentation mask 1.1": a zip of coloured PNG masks, laid out like Pascal VOC.

::

    labelmap.txt                         label:colour::, the background first
    ImageSets/Segmentation/default.txt   names of the photographs, without suffix
    SegmentationClass/<name>.png         every crack in the colour of its label
    SegmentationObject/<name>.png        every crack in a colour of its own, from Pascal VOC's palette

Format: https://docs.cvat.ai/docs/dataset_management/formats/format-smask
"""

from __future__ import annotations

import io
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fissura.errors import FissuraError
from fissura.exchanging.correction import Correction, Shape, crack_labels, require_size
from fissura.exchanging.photo_cracks import PhotoCracks
from fissura.files import written_whole

_CLASSES, _OBJECTS, _SETS = "SegmentationClass/", "SegmentationObject/", "ImageSets/Segmentation/"
_MAX_ENTRY_BYTES = 64 << 20  # a mask of 64 megapixels takes less than a tenth of this as PNG
_MAX_LIST_BYTES, _MAX_LISTED = 8 << 20, 200_000  # of names of photographs
_MAX_LABELS = 256  # as many as Pascal VOC's palette, which the format is, has colours

Colour = tuple[int, int, int]


def write_cvat(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Write the zip that CVAT's *Upload annotations* takes as "Segmentation mask 1.1".

    CVAT tells photographs by their name without suffix. Its palette has 255 colours for cracks, so on a
    photograph with more than that the shortest ones share the last.

    Raises:
        FissuraError: if the file cannot be written.
    """
    palette = _voc_palette()
    names: list[str] = []
    with written_whole(out) as temporary, zipfile.ZipFile(temporary, "w") as file:
        for photo in photos:
            labels = photo.measurement.labels
            names.append(photo.stem)
            for folder, values in ((_CLASSES, labels > 0), (_OBJECTS, np.minimum(labels, 255))):
                file.writestr(f"{folder}{photo.stem}.png", _png(values.astype(np.uint8), palette))
        crack = ",".join(str(level) for level in palette[1])
        labelmap = f"# label:color_rgb:parts:actions\nbackground:0,0,0::\ncrack:{crack}::\n"
        file.writestr("labelmap.txt", labelmap)
        file.writestr(f"{_SETS}default.txt", "".join(f"{name}\n" for name in names))


def read_cvat(source: Path) -> Iterator[Correction]:
    """List the photographs of such a zip; nothing is unpacked to disk.

    The zip stays open for as long as the list is gone through, so each mask must be read before the next is
    asked for.

    A photograph that the zip lists but has no mask for was not annotated: it comes out unusable, not uncracked.

    Raises:
        FissuraError: if it is no such zip, none of its labels is crack, or crack has another label's colour.
    """
    try:
        with zipfile.ZipFile(source) as file:
            entries = {entry.filename: entry for entry in file.infolist()}
            if "labelmap.txt" not in entries:
                raise FissuraError(
                    f"{source}: has no labelmap.txt; export it from CVAT as Segmentation mask 1.1, or give the "
                    "JSON file that is in it"
                )
            colours = _colours(source, _read(file, entries["labelmap.txt"]).decode("utf-8"))
            masks = [name for name in entries if name.startswith(_CLASSES) and name.endswith(".png")]
            for name in masks:
                read = partial(_mask, file, entries[name], colours)
                yield Correction(name[len(_CLASSES) : -len(".png")], read, has_suffix=False)
            for name in _listed(file, entries).difference(n[len(_CLASSES) : -len(".png")] for n in masks):
                yield Correction(name, _not_annotated, has_suffix=False)
    except OSError as error:
        raise FissuraError(f"{source}: cannot be read ({error.strerror}); check the spelling") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise FissuraError(f"{source}: is no zip that can be read ({error}); export it from CVAT again") from error


def _voc_palette() -> list[Colour]:
    """Give Pascal VOC's 256 colours: bit 3k + c of the index is bit 7 - k of channel c."""
    channels = range(3)
    levels = [[sum((i >> (3 * k + c) & 1) << (7 - k) for k in range(3)) for c in channels] for i in range(256)]
    return [(red, green, blue) for red, green, blue in levels]


def _png(values: NDArray[np.uint8], palette: list[Colour]) -> bytes:
    image = Image.fromarray(values, mode="L")
    image.putpalette([level for colour in palette for level in colour])
    packed = io.BytesIO()
    image.save(packed, format="PNG")
    return packed.getvalue()


def _read(file: zipfile.ZipFile, entry: zipfile.ZipInfo, most_bytes: int = _MAX_ENTRY_BYTES) -> bytes:
    try:
        with file.open(entry) as packed:
            content = packed.read(most_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError) as error:
        raise ValueError(f"it cannot be unpacked ({error})") from error
    if len(content) > most_bytes:
        raise ValueError(f"{entry.filename[:80]} is larger than any mask")
    return content


def _listed(file: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> set[str]:
    lists = [entry for name, entry in entries.items() if name.startswith(_SETS) and name.endswith(".txt")]
    listed: set[str] = set()
    for entry in lists:
        lines = _read(file, entry, _MAX_LIST_BYTES).decode("utf-8").splitlines()
        listed.update(line.strip() for line in lines if line.strip())
        if len(listed) > _MAX_LISTED:
            raise ValueError("it lists more photographs than a task can hold")
    return listed


def _colours(source: Path, labelmap: str) -> list[tuple[Colour, bool]]:
    """Read labelmap.txt as colours in the order of their labels, and whether each is crack."""
    found: list[tuple[str, Colour]] = []
    for line in labelmap.splitlines():
        if line.strip() and not line.startswith("#"):
            label, colour = line.rsplit(":", 3)[:2]  # the label itself may hold colons
            red, green, blue = (int(level) for level in colour.split(","))
            found.append((label.strip(), (red, green, blue)))
    if len(found) > _MAX_LABELS:
        raise ValueError(f"it has {len(found)} labels")
    chosen = crack_labels(source, [label for label, _ in found if label.lower() != "background"])
    others = {colour: label for label, colour in found if label not in chosen}
    for crack, shade in found:
        if crack in chosen and shade in others:
            raise FissuraError(
                f"{source}: {crack} and {others[shade]} have one colour; give each its own in CVAT and export again"
            )
    return [(colour, label in chosen) for label, colour in found]


def _mask(
    file: zipfile.ZipFile, entry: zipfile.ZipInfo, colours: list[tuple[Colour, bool]], shape: Shape
) -> NDArray[np.bool_]:
    packed = io.BytesIO(_read(file, entry))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(packed, formats=["PNG"]) as image:
                require_size(image.height, image.width, shape)
                # A grey picture holds the labels' places in the list, a coloured one their colours.
                levels = np.asarray(image if image.mode == "L" else image.convert("RGB"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError("the mask is larger than any photograph") from error
    crack, known = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for index, (colour, is_crack) in enumerate(colours):
        here = levels == index if levels.ndim == 2 else (levels == colour).all(axis=2)
        known |= here
        if is_crack:
            crack |= here
    if not known.all():
        raise ValueError(f"it has {np.count_nonzero(~known)} px in colours that labelmap.txt does not name")
    return crack


def _not_annotated(_: Shape) -> NDArray[np.bool_]:
    raise ValueError("it is listed, but has no mask; annotate it, or leave it out")
