"""Masks that a person corrected in another program, back into a data set that training reads."""

from __future__ import annotations

import csv
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fissura.errors import FissuraError
from fissura.exchanging.coco import read_coco
from fissura.exchanging.correction import Correction, read_json
from fissura.exchanging.cvat import read_cvat
from fissura.exchanging.label_studio import read_label_studio
from fissura.files import output_folder, written_whole
from fissura.photos import find_photos, read_photo, save_image

# What malformed data leads to, as an index, a key, a number or a picture that is not there.
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, EOFError, SyntaxError)


@dataclass(frozen=True)
class ImportSummary:
    """What `import_masks` did.

    Attributes:
        manifest: the data set's table, to be given wherever a data set is asked for.
        cracked: how many masks with crack were imported.
        uncracked: how many without: somebody has looked, and there is none.
        skipped: name and reason for each mask that could not be used.
    """

    manifest: Path
    cracked: int
    uncracked: int
    skipped: tuple[tuple[str, str], ...]


def import_masks(source: Path, photos_folder: Path, out: Path) -> ImportSummary:
    """Make a data set of the photographs whose masks a person has corrected.

    Writes ``<out>/masks/<photograph>.png`` and ``<out>/manifest.csv`` (columns photo, label, mask, source), the
    layout ``csv`` of `fissura.photos`. Photographs are not copied: the manifest leads to where they are.

    Names in ``source`` are only ever compared with those of the photographs that are there; no path is built
    from them. A mask must have its photograph's size, so no file can ask for more memory than that.

    Args:
        source: CVAT's "Segmentation mask 1.1" zip, Label Studio's JSON export, or COCO JSON.
        photos_folder: the folder with the photographs, and its subfolders.
        out: the data set's folder; not within ``photos_folder``.

    Raises:
        FissuraError: if ``source`` is none of these, or not one mask in it can be used, or ``out`` is within
            ``photos_folder`` or cannot be written to.

    Example:
        >>> import_masks(Path("cvat.zip"), Path("photos"), Path("corrected"))  # doctest: +SKIP
        ImportSummary(manifest=PosixPath('corrected/manifest.csv'), cracked=42, uncracked=3, skipped=())
    """
    if out.resolve().is_relative_to(photos_folder.resolve()):
        raise FissuraError(f"{out}: is within the folder of photographs; choose another place with --out")
    photos = _PhotosByName(photos_folder)
    corrections = _corrections(source)
    output_folder(out)
    rows: dict[Path, tuple[str, str, str, str]] = {}
    skipped: list[tuple[str, str]] = []
    for correction in corrections:
        try:
            photo = photos.find(correction.name)
            if photo in rows:
                raise ValueError("a mask for the same photograph came before it")
            photo.as_posix().encode("utf-8")  # the manifest could not name it: UnicodeEncodeError
            height, width, _ = read_photo(photo).shape
            mask = correction.read((height, width))
        except (FissuraError, *_MALFORMED) as error:
            skipped.append((_shown(correction.name), _reason(error)))
            continue
        rows[photo] = _save(photo, mask, photos_folder, out)
    if not rows:
        name, reason = skipped[0] if skipped else ("it", "names no photograph")
        raise FissuraError(
            f"{source}: none of its masks can be used ({name}: {reason}); see that it fits {photos_folder}"
        )
    with written_whole(out / "manifest.csv") as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("photo", "label", "mask", "source"), *sorted(rows.values())])
    cracked = sum(label == "cracked" for _, label, _, _ in rows.values())
    return ImportSummary(out / "manifest.csv", cracked, len(rows) - cracked, tuple(skipped))


def _corrections(source: Path) -> Iterator[Correction]:
    if zipfile.is_zipfile(source):
        return read_cvat(source)
    content = read_json(source)
    if isinstance(content, list):
        return read_label_studio(source, content)
    if isinstance(content, dict) and "annotations" in content:
        return read_coco(source, content)
    raise FissuraError(
        f"{source}: is no export that is understood; give CVAT's Segmentation mask 1.1 (zip), Label Studio's JSON, "
        "or COCO JSON"
    )


def _save(photo: Path, mask: NDArray[np.bool_], photos_folder: Path, out: Path) -> tuple[str, str, str, str]:
    below = photo.relative_to(photos_folder)
    where = out / "masks" / below.with_name(f"{below.name}.png")  # keeps 1.jpg and 1.png apart
    save_image(where, mask.astype(np.uint8) * 255)
    try:
        path = os.path.relpath(photo.resolve(), out.resolve())
    except ValueError:  # on another drive
        path = str(photo.resolve())
    label = "cracked" if mask.any() else "uncracked"
    return Path(path).as_posix(), label, where.relative_to(out).as_posix(), photos_folder.resolve().name


class _PhotosByName:
    """Finds the photograph that another program means by a name.

    Programs know a photograph by its path below some folder, with or without suffix, behind folders of their
    own, or with eight hex digits before its name.
    """

    def __init__(self, folder: Path) -> None:
        self._by_path: dict[str, list[Path]] = {}
        self._by_name: dict[str, list[Path]] = {}
        for photo in find_photos([folder]):
            below = PurePosixPath(photo.relative_to(folder).as_posix())
            for known, names in (
                (self._by_path, {str(below), str(below.with_suffix(""))}),
                (self._by_name, {below.name, below.stem}),
            ):
                for name in names:
                    known.setdefault(name, []).append(photo)

    def find(self, name: str) -> Path:
        """Find a photograph; ValueError where there is none, or more than one."""
        parts = [part for part in name.replace("\\", "/").split("/") if part]
        last = parts[-1] if parts else ""
        tails = ["/".join(parts[start:]) for start in range(min(len(parts), 64))]
        found = next((self._by_path[tail] for tail in tails if tail in self._by_path), None)
        for short in (last, re.sub(r"^[0-9a-f]{8}-", "", last)):
            found = found or self._by_name.get(short)
        if not found:
            raise ValueError("there is no such photograph")
        if len(found) > 1:
            raise ValueError(f"{len(found)} photographs go by this name")
        return found[0]


def _shown(name: str) -> str:
    """Make a name from outside fit for one line of a terminal."""
    return re.sub(r"[^ -~\u00a0-\ud7ff]", "?", name)[:120]


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, (ValueError, FissuraError)) and text else f"is malformed ({text or 'no detail'})"
