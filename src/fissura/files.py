"""Writing files so that nothing is ever half-written, and their names so that every program can read them."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from fissura.errors import FissuraError


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
            no file, such as a device. A link is followed.

    Example:
        >>> with written_whole(Path("out/table.csv")) as temporary:  # doctest: +SKIP
        ...     temporary.write_text("photo,score")
    """
    path = path.resolve() if os.path.islink(path) else path  # noqa: PTH114 - which raises for names too long
    # The name is chosen before the file exists, so that Ctrl-C leaves nothing behind wherever it strikes.
    temporary = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(4)}{path.suffix}")
    try:
        if path.exists() and not path.is_file():
            raise FissuraError(f"{path}: is there already, and is no file; choose another name with --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.open("x").close()
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
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
