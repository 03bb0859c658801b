"""Masks that a person corrected in another program, back into a data set that training reads."""

from __future__ import annotations

import csv
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from fissura.errors import FissuraError
from fissura.exchanging.coco import read_coco
from fissura.exchanging.correction import Correction, read_json
from fissura.exchanging.cvat import read_cvat
from fissura.exchanging.label_studio import read_label_studio
from fissura.files import as_text, inside, output_folder, written_whole
from fissura.photos import find_photos, read_photo, save_image

# What malformed data leads to, as an index, a key, a number or a picture that is not there.
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, EOFError, SyntaxError)
_COLUMNS = "photo", "label", "mask", "source"  # of the manifest
_Known = dict[tuple[str, bool], list[Path]]  # photographs by name, and whether that has the file's suffix
_LONGEST_NAME_BYTES = 255  # of a file, on all common file systems


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


def import_masks(source: Path, photos_folder: Path, out: Path, photos: Iterable[Path] | None = None) -> ImportSummary:
    """Make a data set of the photographs whose masks a person has corrected.

    Writes ``<out>/masks/<photograph>.png`` and ``<out>/manifest.csv`` (columns photo, label, mask, source), the
    layout ``csv`` of `fissura.photos`. Photographs are not copied: the manifest leads to where they are.

    Names in ``source`` are only ever compared with those of the photographs that are there; no path is built
    from them. A mask must have its photograph's size, so no file can ask for more memory than that.

    A second import into the same folder replaces the first.

    Args:
        source: CVAT's "Segmentation mask 1.1" zip, Label Studio's JSON export, or COCO JSON.
        photos_folder: the folder with the photographs, and its subfolders.
        out: the data set's folder; not within ``photos_folder``.
        photos: those of its photographs that may be meant; all if not given.

    Raises:
        FissuraError: if ``source`` is none of these, or not one mask in it can be used, or ``out`` is within
            ``photos_folder``, holds a folder ``images`` or a manifest of somebody else's, leads elsewhere by a link
            or cannot be written to.

    Example:
        >>> import_masks(Path("cvat.zip"), Path("photos"), Path("corrected"))  # doctest: +SKIP
        ImportSummary(manifest=PosixPath('corrected/manifest.csv'), cracked=42, uncracked=3, skipped=())
    """
    if out.resolve().is_relative_to(photos_folder.resolve()):
        raise FissuraError(f"{out}: is within the folder of photographs; choose another place with --out")
    if any((out / part / "images").is_dir() for part in (".", "train", "test")):
        raise FissuraError(f"{out}: is a data set, which a manifest would change; choose another --out")
    if photos_folder.is_file():
        raise FissuraError(f"{photos_folder}: is no folder; give the folder of the photographs")
    manifest = out / "manifest.csv"
    if manifest.is_file() and manifest.read_bytes().splitlines()[:1] != [",".join(_COLUMNS).encode()]:
        raise FissuraError(f"{manifest}: is there already, and not from `fissura import-masks`; choose another --out")
    known = find_photos([photos_folder]) if photos is None else photos
    corrections = _corrections(source)
    meant = _PhotosByName(photos_folder, known, corrections())
    output_folder(out)
    rows: dict[Path, tuple[str, str, str, str]] = {}
    skipped: list[tuple[str, str]] = []
    for correction in corrections():
        try:
            photo = meant.find(correction)
            if photo in rows:
                raise ValueError("a mask for the same photograph came before it")
            below = photo.relative_to(photos_folder).as_posix()
            path, where = _path_from(out, photo), f"masks/{below}.png"  # keeps 1.jpg and 1.png apart
            if as_text(path + where) != path + where:
                raise ValueError("its path is no UTF-8, which a data set could not name; rename what is odd in it")
            if len(os.fsencode(f"{photo.name}.png")) > _LONGEST_NAME_BYTES:
                raise ValueError("its name is too long for a mask of that name; shorten it")
            height, width, _ = read_photo(photo).shape
            mask = correction.read((height, width))
        except (FissuraError, *_MALFORMED) as error:
            skipped.append((_shown(correction.name), _reason(error)))
            continue
        if not rows:
            manifest.unlink(missing_ok=True)  # of an import before, whose masks are now replaced
        save_image(inside(out, where), mask.astype(np.uint8) * 255)
        label = "cracked" if mask.any() else "uncracked"
        rows[photo] = (path, label, where, as_text(photos_folder.resolve().name))
    if not rows:
        name, reason = skipped[0] if skipped else ("it", "names no photograph")
        raise FissuraError(
            f"{source}: none of its masks can be used ({name}: {reason}); see that it fits {photos_folder}"
        )
    with written_whole(manifest) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([_COLUMNS, *sorted(rows.values())])
    cracked = sum(label == "cracked" for _, label, _, _ in rows.values())
    return ImportSummary(manifest, cracked, len(rows) - cracked, tuple(skipped))


def _corrections(source: Path) -> Callable[[], Iterator[Correction]]:
    """Give what lists the corrections of a file, as often as it is called."""
    if zipfile.is_zipfile(source):
        return partial(read_cvat, source)
    content = read_json(source)
    if isinstance(content, list):
        return partial(read_label_studio, source, content)
    if isinstance(content, dict) and "annotations" in content:
        return partial(read_coco, source, content)
    raise FissuraError(
        f"{source}: is no export that is understood; give CVAT's Segmentation mask 1.1 (zip), Label Studio's JSON, "
        "or COCO JSON"
    )


def _path_from(out: Path, photo: Path) -> str:
    """Give a photograph's path as the manifest names it."""
    try:
        path = os.path.relpath(photo.resolve(), out.resolve())
    except ValueError:  # on another drive
        path = str(photo.resolve())
    return Path(path).as_posix()


class _PhotosByName:
    """Finds the photograph that another program means by a name.

    Programs know a photograph by its path below some folder, with or without suffix, behind folders of their
    own, or with eight hex digits before its name. One that a mask names by its very path is no other mask's.
    """

    def __init__(self, folder: Path, photos: Iterable[Path], corrections: Iterable[Correction]) -> None:
        self._by_path: _Known = {}
        self._by_name: _Known = {}
        for photo in photos:
            below = PurePosixPath(photo.relative_to(folder).as_posix())
            for known, name, has_suffix in (
                (self._by_path, str(below), True),
                (self._by_path, str(below.with_suffix("")), False),
                (self._by_name, below.name, True),
                (self._by_name, below.stem, False),
            ):
                known.setdefault((name, has_suffix), []).append(photo)
        exact = (self._exact(correction) for correction in corrections)
        self._claimed = {found[0] for found in exact if len(found) == 1}

    def find(self, correction: Correction) -> Path:
        """Find a photograph; ValueError where there is none, or more than one."""
        parts = _parts(correction.name)
        tails = ["/".join(parts[start:]) for start in range(1, min(len(parts), 64))]
        last = parts[-1] if parts else ""
        exact = self._exact(correction)
        found = exact or _first(self._by_path, tails, correction.has_suffix)
        found = found or _first(self._by_name, [last, re.sub(r"^[0-9a-f]{8}-", "", last)], correction.has_suffix)
        if not found:
            raise ValueError("there is no such photograph")
        if len(found) > 1:
            raise ValueError(f"{len(found)} photographs go by this name")
        if not exact and found[0] in self._claimed:
            raise ValueError("there is no such photograph; the one of that name has a mask of its own")
        return found[0]

    def _exact(self, correction: Correction) -> list[Path]:
        return _first(self._by_path, ["/".join(_parts(correction.name))], correction.has_suffix)


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part]


def _first(known: _Known, names: Iterable[str], has_suffix: bool) -> list[Path]:
    """Give the photographs of the first name that is known, be it with a suffix where it should have none."""
    keys = ((name, suffix) for name in names for suffix in (has_suffix, not has_suffix))
    return next((known[key] for key in keys if key in known), [])


def _shown(name: str) -> str:
    """Make a name from outside fit for one line of a terminal."""
    return re.sub(r"[^ -~\u00a0-\ud7ff]", "?", name)[:120]


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, (ValueError, FissuraError)) and text else f"is malformed ({text or 'no detail'})"
