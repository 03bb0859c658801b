"""Doing a job for one item after the other, some ahead of whoever takes the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def ahead(
    job: Callable[[Item], Answer], items: Iterable[Item], *, workers: int, waiting: int = 0
) -> Iterator[Answer]:
    """Do a job for each item in threads, and give the answers in the order of the items.

    Items are taken, and answers kept, only a few at a time, however many there are.

    Args:
        job: what to do; called from several threads at a time.
        items: what to do it for; taken in the caller's thread.
        workers: how many threads work.
        waiting: how many more items may be begun with, for a slow one before them or for the caller.

    Yields:
        One answer per item. What a job raises is raised in its turn, and ends the others.

    Example:
        >>> list(ahead(len, ["a", "bcd", ""], workers=2))
        [1, 3, 0]
    """
    remaining = iter(items)
    begun: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="ahead") as pool:

        def begin(count: int) -> None:
            begun.extend(pool.submit(job, item) for item in islice(remaining, count))

        try:
            begin(workers + waiting)
            while begun:
                answer = begun.popleft().result()
                begin(1)
                yield answer
        finally:  # on Ctrl-C, or where the caller has seen enough
            pool.shutdown(wait=False, cancel_futures=True)
