"""The progress bar of a training run."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar:
    """One bar for the whole run, on stderr: steps, time left, and a word about the last epoch.

    Args:
        steps: of the whole run.
        shown: whether to draw it; it is not drawn either where nobody watches.
    """

    def __init__(self, steps: int, *, shown: bool) -> None:
        self._bar = Progress(
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=not (shown and sys.stderr.isatty()),
        )
        self._task = self._bar.add_task("", total=steps)

    def advance(self, step: int) -> None:
        """Show that ``step`` is done."""
        self._bar.update(self._task, completed=step)

    def say(self, text: str) -> None:
        """Show a few words beside the bar."""
        self._bar.update(self._task, description=text)

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
