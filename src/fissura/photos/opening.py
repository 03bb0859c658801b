"""Which picture files may be opened: any; while a model learns, only those that it learns from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from fissura.errors import FissuraError
from fissura.photos.dataset import DataSet

_openable: ContextVar[frozenset[Path] | None] = ContextVar("openable", default=None)


@contextmanager
def opening_only(data: DataSet) -> Iterator[None]:
    """Refuse, until the block ends, to open any photograph or mask but those of ``data``.

    This is how training keeps its hands off the masks of the test split: ``data`` does not name them, and nothing
    that reads a picture in this thread, or in a process forked from it, opens a file that ``data`` does not name.

    Args:
        data: what may be opened; without masks (`DataSet.without_masks`), no mask may.

    Example:
        >>> with opening_only(data.with_split("train").without_masks()):  # doctest: +SKIP
        ...     read_mask(data.cracked[0].mask)
        Traceback (most recent call last):
        fissura.errors.FissuraError: walls/masks/1.png: is not among the pictures that may be opened now; ...
    """
    named = {path.resolve() for photo in data for path in (photo.path, photo.mask) if path is not None}
    token = _openable.set(frozenset(named))
    try:
        yield
    finally:
        _openable.reset(token)


def refuse_unless_openable(path: Path) -> None:
    """Insist that a picture file may be opened.

    Raises:
        FissuraError: if an `opening_only` holds that does not name it. It is no `UnreadablePhotoError`, which
            batches would count and pass over.
    """
    openable = _openable.get()
    if openable is not None and path.resolve() not in openable:
        raise FissuraError(
            f"{path}: is not among the pictures that may be opened now; training sees its own photographs alone "
            "(and masks only with a supervised recipe), so read it when training has ended"
        )
