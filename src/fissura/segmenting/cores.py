"""How many cores this process may use, which in a container or a batch job is fewer than the machine has."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")  # "QUOTA PERIOD" in microseconds, or "max PERIOD"


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
