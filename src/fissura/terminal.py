"""What the command line shows on a terminal, and how a command ends.

Results go to stdout: tables for eyes on a terminal, tab-separated lines into a pipe or file. Everything else
(progress, notices, errors) goes to stderr, one line each. A command ends with status

- 0 when its job is done,
- 1 when something went wrong that the user can mend,
- 2 when it was called wrongly,
- 70 when Fissura itself is at fault (EX_SOFTWARE of BSD's sysexits.h),
- 130 when Ctrl-C or SIGTERM stopped it.
"""

from __future__ import annotations

import errno
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand

from fissura.errors import FissuraError

FAILED, BUG, STOPPED = 1, 70, 130  # exit statuses
MOST_NAMED = 10  # skipped photographs named one by one

# Errors of the system that a user can mend, beside those that `fissura.files` has put into words already.
_MENDS = {
    errno.ENOSPC: "free the disk, or choose another --out",
    errno.EDQUOT: "free your quota, or choose another --out",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


class Verb(TyperCommand):
    """A command that ends every failure with one line on stderr and an exit status; never a traceback.

    With ``--debug`` before it, the traceback is shown besides.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the verb, whose arguments are parsed already."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except (KeyboardInterrupt, Exception) as error:
            if _stopped(error):
                notice(f"stopped; {_how_to_go_on(ctx.info_name, ctx.params.get('out'))}")
                raise typer.Exit(STOPPED) from None
            if ctx.find_root().params["debug"]:
                traceback.print_exc()
            fail(*_in_words(error))


def stop_on_sigterm() -> None:
    """Let SIGTERM end a command as Ctrl-C does: cleaning up, with a hint how to go on."""

    def stop(_signal: int, _frame: Any) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def say(text: str = "") -> None:
    """Print a result as one line on stdout."""
    typer.echo(_one_line(text))


def notice(text: str) -> None:
    """Print one line on stderr."""
    typer.echo(_one_line(text), err=True)


def fail(text: str, status: int = FAILED) -> NoReturn:
    """End the command with one line on stderr.

    Raises:
        typer.Exit: always.
    """
    colour = False if os.environ.get("NO_COLOR") else None
    typer.echo(f"{typer.style('error:', fg='red', bold=True)} {_one_line(text)}", err=True, color=colour)
    raise typer.Exit(status) from None


def name_skipped(reasons: Sequence[str], listed_in: str) -> None:
    """Count the photographs that were skipped and name the first of them, with the reason, on stderr.

    Args:
        reasons: one per photograph, beginning with its path.
        listed_in: where all of them stand, such as a file; empty if nowhere.
    """
    if not reasons:
        return
    notice(f"skipped: {len(reasons)} {'photograph' if len(reasons) == 1 else 'photographs'}")
    for reason in reasons[:MOST_NAMED]:
        notice(f"  {reason}")
    if len(reasons) > MOST_NAMED:
        notice(f"  and {len(reasons) - MOST_NAMED} more" + (f", all in {listed_in}" if listed_in else ""))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; its first column holds names, the others figures.

    Where it is wider than the terminal the columns of figures stand below one another, for no figure shall be broken.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[_one_line(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():  # which rich would not ask where FORCE_COLOR is set
        for line in (columns, *cells):
            typer.echo("\t".join(line))
        return
    console = Console()
    widths = [max(map(cell_len, column)) + 3 for column in zip(columns, *cells, strict=True)]  # with what parts them
    begin = 1
    while begin < len(columns):
        end = begin + 1
        while end < len(columns) and widths[0] + sum(widths[begin : end + 1]) < console.width:
            end += 1
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column(columns[0], overflow="fold")
        for column in columns[begin:end]:
            table.add_column(column, justify="right", no_wrap=True)
        for name, *figures in cells:
            # Text, for a name may hold what rich takes for markup
            table.add_row(Text(name), *map(Text, figures[begin - 1 : end - 1]))
        console.print(table)
        begin = end


@contextmanager
def progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar with the time left on stderr; nothing where that is no terminal.

    Args:
        doing: what is going on, such as ``"Segmenting"``.

    Yields:
        A function to call with how many are done and how many there are.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _stopped(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C or SIGTERM is behind an error, be it one of the clearing up that followed."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _in_words(error: BaseException) -> tuple[str, int]:
    """Put an error into one line, and choose the exit status."""
    if isinstance(error, FissuraError):
        return str(error), FAILED
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's own, unimported
        return "not enough memory; close other programs, give smaller photographs, or train with less --batch", FAILED
    if isinstance(error, OSError) and error.errno in _MENDS:
        return f"{error.filename or 'disk'}: {error.strerror}; {_MENDS[error.errno]}", FAILED
    detail = (str(error).strip().splitlines() or ["no message"])[0]
    return f"unexpected {type(error).__name__} ({detail}); run again with --debug and report what it shows", BUG


def _how_to_go_on(verb: str, out: str | Path | None) -> str:
    # Text where typer makes it a path only for the verb, as 0.24 does.
    if verb == "train" and out is not None and (Path(out) / "plan.json").exists():
        return f"continue with: fissura train --resume --out {shlex.quote(str(out))}"
    if verb in {"segment", "segment-raster"}:
        return "continue with the same command and --resume"
    return "nothing is left half-written; run the same command again"


def _one_line(text: str) -> str:
    """Keep text on one line and printable: file names may hold anything, and a terminal obeys."""
    line = " ".join(text.rstrip().splitlines())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
