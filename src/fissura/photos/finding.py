"""Finding the photographs among files and folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from fissura.errors import FissuraError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
# Photographs too, most of which cannot be read: whoever tries is told to convert them.
_OTHER_SUFFIXES = frozenset({".heic", ".heif", ".avif", ".jxl", ".jp2", ".gif", ".mpo", ".jfif"})


def find_photos(paths: Sequence[Path]) -> list[Path]:
    """List the photographs among files and, recursively, folders.

    Files named outright are kept whatever their suffix; of what lies in folders, see :func:`photos_below`.

    Returns:
        Paths, sorted, each once however it is spelled.

    Raises:
        FissuraError: if a path does not exist, or there is no photograph at all.
    """
    found: dict[str, Path] = {}  # by absolute path
    for path in paths:
        if path.is_dir():
            below = photos_below(path)
        elif path.exists():
            below = [path]
        else:
            raise FissuraError(f"{path}: no such file or folder; check the spelling")
        for photo in below:
            found.setdefault(os.path.abspath(photo), photo)  # noqa: PTH100 - Path.resolve would follow links
    if not found:
        names = ", ".join(str(path) for path in paths) or "no path"
        suffixes = ", ".join(sorted(PHOTO_SUFFIXES))
        raise FissuraError(f"{names}: no photographs found; give files or folders with {suffixes} in them")
    return sorted(found.values())


def photos_below(folder: Path) -> list[Path]:
    """List the picture files in a folder and its subfolders, hidden ones passed over, sorted.

    Pictures of a kind that cannot be read, such as HEIC, are listed too, unless a readable one of the same name, into
    which they have been converted, stands beside them.

    Links to folders are followed, each folder once. A folder that may not be read stands in the list itself, and so
    does a link to nothing: whoever reads them is told, and nothing goes missing unseen.
    """
    found: list[Path] = []
    entered: set[str] = set()

    def denied(error: OSError) -> None:
        if isinstance(error, PermissionError):
            found.append(Path(error.filename))

    for parent, folders, files in os.walk(folder, onerror=denied, followlinks=True):
        real = os.path.realpath(parent)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [path for name in files if _may_be_photo(path := Path(parent) / name)]
        readable = {path.stem for path in paths if path.suffix.lower() in PHOTO_SUFFIXES}
        found += [path for path in paths if path.suffix.lower() in PHOTO_SUFFIXES or path.stem not in readable]
    return sorted(found)


def _may_be_photo(path: Path) -> bool:
    if path.name.startswith(".") or path.suffix.lower() not in PHOTO_SUFFIXES | _OTHER_SUFFIXES:
        return False
    # Neither of os.path's raises where Path's do, in a folder that can be listed but not entered.
    return os.path.isfile(path) or not os.path.exists(path)  # noqa: PTH110, PTH113
