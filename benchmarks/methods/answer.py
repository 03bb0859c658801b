"""What every method gives: a way to segment, how it was trained, and what it chose."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fissura.learning.selection import Judged
from fissura.scoring import Evaluation
from fissura.segmenting import Cleaning, usable_cores


@dataclass(frozen=True)
class Answer:
    """A method that has learned what it learns.

    Attributes:
        evaluate: scores it on the test split.
        training: ``steps``, ``minutes``, ``cpu_minutes`` and the like; see `Clock.spent`.
        cleaning: its step from probability to mask.
        judged: how that did on held-out photographs; None where it is fixed.
        model: the model file, if it is one that this method made or brought.
    """

    evaluate: Callable[[], Evaluation]
    training: dict[str, Any]
    cleaning: Cleaning
    judged: Judged | None
    model: Path | None = None


@dataclass(frozen=True)
class Clock:
    """Time from now on, on the wall and on the processors (of this process and those it has waited for)."""

    began_s: float = field(default_factory=time.perf_counter)
    cpu_began_s: float = field(default_factory=lambda: _cpu_seconds())

    def spent(self) -> dict[str, Any]:
        """Give the minutes since then, and where they were spent."""
        return {
            "minutes": round((time.perf_counter() - self.began_s) / 60, 1),
            "cpu_minutes": round((_cpu_seconds() - self.cpu_began_s) / 60, 1),
            "cores": usable_cores(),
            "machine": platform.machine(),
        }


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
