"""How results are named after their photographs, and photographs in tables: as paths that can be found again."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePath

_SUFFIXES = ".png", ".jpg"  # of the pictures that are named so


def result_names(photos: Sequence[Path]) -> dict[Path, str]:
    """Give each photograph the name of its results: relative, without suffix, safe and unlike all others.

    Args:
        photos: paths, each once.

    Returns:
        By photograph, its path below the folder common to all, with ``/`` between folders. Characters that
        some file system trips over become ``_``; names that would then be equal, be it but for upper and
        lower case, are numbered.

    Example:
        >>> list(result_names([Path("a/1.jpg"), Path("b/1.jpg"), Path("b/1.png")]).values())
        ['a/1', 'b/1', 'b/1-2']
    """
    stems = {
        photo: [_safe(part) for part in (*path.parent.parts, path.stem)] for photo, path in _below(photos).items()
    }
    # A picture `1.png` cannot lie where a folder of that name does.
    folders = {"/".join(parts[:depth]).casefold() for parts in stems.values() for depth in range(1, len(parts))}
    taken = {folder.removesuffix(suffix) for suffix in _SUFFIXES for folder in folders if folder.endswith(suffix)}
    names: dict[Path, str] = {}
    numbers: defaultdict[str, int] = defaultdict(lambda: 1)  # the last one given to each stem
    for photo, parts in stems.items():
        name = stem = "/".join(parts)
        while name.casefold() in taken:
            numbers[stem.casefold()] += 1
            name = f"{stem}-{numbers[stem.casefold()]}"
        taken.add(name.casefold())
        names[photo] = name
    return names


def names_below(photos: Sequence[Path]) -> dict[Path, str]:
    """Give each photograph's own path below the folder common to all, with ``/`` between folders.

    Example:
        >>> list(names_below([Path("a/1.jpg"), Path("b/what?.jpg")]).values())
        ['a/1.jpg', 'b/what?.jpg']
    """
    return {photo: path.as_posix() for photo, path in _below(photos).items()}


def find_again(text: str, folder: str) -> Path:
    """Find the photograph that a table names, whose paths were given in another working folder perhaps.

    Args:
        text: what `fissura.files.as_text` gave.
        folder: the working folder that relative paths begin at.

    Returns:
        Its path, as short as it was where the working folder is the same.
    """
    base = Path() if Path(folder) == Path.cwd() else Path(folder)
    own_bytes = re.sub(r"\\udc([89a-f][0-9a-f])", lambda escape: chr(0xDC00 + int(escape[1], 16)), text)
    candidates = [place / name for name in (text, own_bytes) for place in (base, Path())]
    return next((path for path in candidates if os.path.lexists(path)), candidates[0])


def _below(photos: Sequence[Path]) -> dict[Path, PurePath]:
    # abspath, for Path.resolve would follow links out of the folder that the user named
    absolute = {photo: Path(os.path.abspath(photo)) for photo in photos}  # noqa: PTH100
    if not absolute:
        return {}
    common = os.path.commonpath([path.parent for path in absolute.values()])
    return {photo: path.relative_to(common) for photo, path in absolute.items()}


def _safe(part: str) -> str:
    """Make one part of a path a name that every file system takes and no part of a path can escape with."""
    printable = "".join(letter if letter.isprintable() else "_" for letter in part)
    name = re.sub(r'[<>:"/\\|?*]', "_", printable).rstrip(". ")
    return name.encode()[:200].decode(errors="ignore") or "_"
