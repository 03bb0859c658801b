"""Writing files so that nothing is ever half-written, and their names so that every program can read them."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from filelock import FileLock, Timeout

from fissura.errors import FissuraError

_OF_FILE_MANAGERS = {"Thumbs.db", "desktop.ini", "Icon\r"}  # beside hidden files


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` when the block ends without an error.

    The temporary name keeps the suffix, so libraries that choose a format by suffix still do.

    Args:
        path: where the finished file shall stand; missing parent folders are made.

    Yields:
        The temporary path to write to.

    Raises:
        FissuraError: if the file cannot be written (no permission, disk full, ...), or the path is taken by what is
            no file, such as a device. A link is replaced: followed, one that somebody else has laid would lead out.

    Example:
        >>> with written_whole(Path("out/table.csv")) as temporary:  # doctest: +SKIP
        ...     temporary.write_text("photo,score")
    """
    if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113 - no loop of links raises
        raise FissuraError(f"{path}: is there already, and is no file; choose another name with --out")
    # The name is chosen before the file exists, so that Ctrl-C leaves nothing behind wherever it strikes.
    temporary = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.open("x").close()
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    except FissuraError as error:  # a user knows nothing of temporary names
        raise type(error)(str(error).replace(str(temporary), str(path))) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def output_folder(path: Path) -> Path:
    """Make ``path`` a folder that can be written to, before long work begins.

    Raises:
        FissuraError: if it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Keep other runs from writing to ``folder`` until the block ends, or this process does, however it ends.

    Args:
        folder: made if it is not there.

    Raises:
        FissuraError: if another run owns it now, or it cannot be written to.

    Example:
        >>> with owned(Path("out")):  # doctest: +SKIP
        ...     segment_all()
    """
    lock = FileLock(output_folder(folder) / ".fissura.lock", blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise FissuraError(f"{folder}: another run writes here; wait for it, or choose another --out") from None
    except (OSError, NotImplementedError):  # a file system without locks
        with suppress(OSError):
            Path(lock.lock_file).unlink()
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # Windows removes it when it is free
                Path(lock.lock_file).unlink()
            lock.release()


def inside(folder: Path, name: str) -> Path:
    """Give the path of a file within a folder that others may have made.

    Raises:
        FissuraError: if a link leads out of the folder.
    """
    path = folder / name
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise FissuraError(f"{path}: lies behind a link that leads out of {folder}; put a folder in its place")
    return path


def not_over(out: Path, read: Iterable[Path]) -> None:
    """Refuse to write over a file that is read, whatever it is called there.

    Args:
        out: the file that will be written.
        read: the files that are read.

    Raises:
        FissuraError: if ``out`` is one of them.
    """
    try:
        there = out.stat()
    except OSError:
        return
    for path in read:
        with suppress(OSError, ValueError):  # of one that is not there, or has a name that no file has
            if os.path.samestat(there, path.stat()):
                raise FissuraError(f"{out}: is read here and would be written over; choose another --out")


def begun_anew(out: Path, verb: str, parts: Iterable[str]) -> Path:
    """Make a folder whose files are all of one verb, and remove what an earlier run of it left there.

    Args:
        out: the folder; new, empty, or of an earlier run, which a file of its own tells.
        verb: whose folder it is.
        parts: the files and folders that the verb writes there.

    Raises:
        FissuraError: if it holds anything else, or cannot be written to.
    """
    mark = output_folder(out) / f"written-by-fissura-{verb}.txt"
    own = {mark.name, *parts} if mark.exists() else set()
    there = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    if there - own - _OF_FILE_MANAGERS or any((out / part).is_symlink() for part in parts):
        raise FissuraError(f"{out}: holds files not known to be of `fissura {verb}`; choose another --out")
    with written_whole(mark) as temporary:
        made = f"Everything in this folder was made by `fissura {verb}`, and the next one replaces it.\n"
        temporary.write_text(made, "utf-8")
    for part in parts:
        try:
            if (out / part).is_dir():
                shutil.rmtree(out / part)
            else:
                (out / part).unlink(missing_ok=True)
        except OSError as error:
            raise _cannot_write(out / part, error) from error
    return out


def as_text(name: PurePath | str) -> str:
    r"""Give a name as text that UTF-8 can hold, whatever bytes it has on the disk.

    Example:
        >>> as_text(os.fsdecode(b"caf\xe9.jpg"))
        'caf\\udce9.jpg'
    """
    return str(name).encode(errors="backslashreplace").decode()


def _cannot_write(path: Path, error: OSError) -> FissuraError:
    reason = error.strerror or str(error)
    return FissuraError(f"{path}: cannot be written ({reason}); choose another place with --out or free the disk")
