"""Writing files so that nothing is ever half-written."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
        FissuraError: if the file cannot be written (no permission, disk full, ...).

    Example:
        >>> with written_whole(Path("out/table.csv")) as temporary:  # doctest: +SKIP
        ...     temporary.write_text("photo,score")
    """
    # The name is chosen before the file exists, so that Ctrl-C leaves nothing behind wherever it strikes.
    temporary = path.with_name(f".{path.stem[:40]}-{secrets.token_hex(4)}{path.suffix}")
    try:
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


def _cannot_write(path: Path, error: OSError) -> FissuraError:
    reason = error.strerror or str(error)
    return FissuraError(f"{path}: cannot be written ({reason}); choose another place with --out or free the disk")
