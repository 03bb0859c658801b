"""Stopping a run between two steps, where nothing is half done."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = signal.SIGINT, signal.SIGTERM  # Ctrl-C, and what schedulers send before they kill


@contextmanager
def stopping_between_steps() -> Iterator[Callable[[], None]]:
    """Hold back Ctrl-C and SIGTERM until the run asks for them.

    An exception out of a signal may come while processes are forked or locks held, and be lost there. A second
    signal does not wait.

    Yields:
        A function that raises KeyboardInterrupt if the run was asked to stop; call it where stopping is safe.
    """
    asked: list[int] = []

    def ask(number: int, _frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    def stop_if_asked() -> None:
        if asked:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread hears signals
        yield stop_if_asked
        return
    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield stop_if_asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave_signals_to_parent(is_over: Any) -> None:
    """Let a loading process ignore the signals, which often reach the whole group; it ends when its parent does.

    Args:
        is_over: a shared value, true when the parent needs it no more: SIGTERM is then Python's own, which ends at
            exit what an error left.
    """

    def end(_number: int, _frame: Any) -> None:
        if is_over.value:
            os._exit(0)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
