"""How many cores this process may use, which in a container or a batch job is fewer than the machine has."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")  # "QUOTA PERIOD" in microseconds, or "max PERIOD"
_MOST_AT_ONCE = 4


def usable_cores() -> int:
    """Count the cores that the scheduler and the container leave to this process, at least 1."""
    scheduler_knows = hasattr(os, "sched_getaffinity")  # on Linux
    cores = len(os.sched_getaffinity(0)) if scheduler_knows else os.cpu_count() or 1
    try:
        quota, period = _CGROUP_LIMIT.read_text().split()
        cores = min(cores, int(quota) // int(period))
    except (OSError, ValueError):
        pass  # no container, or no limit set
    return max(cores, 1)


def runs_at_once(photos: int) -> int:
    """Tell how many photographs of a batch, or tiles of a raster, the network should take at the same time.

    A core for each is best, for threads that share a photograph wait for each other; but no more than four at a
    time, since one of 48 megapixels takes most of a gigabyte while it is worked on.
    """
    return max(1, min(usable_cores(), photos, _MOST_AT_ONCE))
