"""Figures of a method over its seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from row import Row

MEAN = "mean of sources"
NOT_SOURCES = ("overall", MEAN)
TRAINED_ELSEWHERE = ("box", "tuned", "seen")  # methods whose row takes a model that is there already
_ARITHMETIC = {"32-true": "float32", "bf16-mixed": "bfloat16", "64-true": "float64"}


@dataclass(frozen=True)
class Figure:
    """One figure of one method.

    Attributes:
        value: mean over the seeds.
        spread: standard deviation over the seeds; None with one seed.
        low95: lower end of the 95 % bootstrap interval over parent photographs, mean over the seeds.
        high95: upper end.
        seeds: how many.
    """

    value: float
    spread: float | None
    low95: float
    high95: float
    seeds: int

    @property
    def reach(self) -> tuple[float, float]:
        """How far its error bar reaches down and up, from 0 on: spread over seeds, of one seed its interval."""
        if self.spread is not None:
            return self.spread, self.spread
        if np.isnan(self.low95):
            return 0.0, 0.0
        return max(0.0, self.value - self.low95), max(0.0, self.high95 - self.value)

    def __str__(self) -> str:
        """Write it as a cell of a table."""
        if self.spread is not None:
            return f"{self.value:.3f} ± {self.spread:.3f} ({self.seeds})"
        if np.isnan(self.low95):
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low95:.3f}, {self.high95:.3f}]"


@dataclass(frozen=True)
class Method:
    """A row of the tables: the results of all seeds.

    Attributes:
        row: the row of the first seed.
        results: a result per seed, all current or all stale.
        is_stale: whether they were measured with settings that the row no longer has.
    """

    row: Row
    results: tuple[dict[str, Any], ...]
    is_stale: bool

    @property
    def is_cost_known(self) -> bool:
        """Whether its minutes are of a whole training: not of resumed runs' last parts, nor of none at all."""
        return not self._trainings()[0].get("is_resumed") and self.row.method not in TRAINED_ELSEWHERE

    @property
    def title(self) -> str:
        """Its name, marked if it is stale."""
        return self.row.name + (" \\*" if self.is_stale else "")

    @property
    def first(self) -> dict[str, Any]:
        """The result of the first seed."""
        return self.results[0]

    @property
    def arithmetic(self) -> str:
        """What the trainings whose minutes count computed in, and on which graphics card if on one."""
        training = self._trainings()[0]
        return _ARITHMETIC[training["precision"]] + (f", {training['gpu']}" if training.get("gpu") else "")

    def costs_like(self, other: Method) -> bool:
        """Tell whether minutes compare: the same kind of processor, which alone decides what a recipe computes in."""
        are_recipes = "recipe" in self.first and "recipe" in other.first
        return not are_recipes or self.arithmetic == other.arithmetic

    def figure(self, scope: str, metric: str) -> Figure | None:
        """Give a figure; None if a result does not have it.

        Args:
            scope: a source, ``overall`` or ``mean of sources``.
            metric: see `fissura.scoring.summary.summarise`.
        """
        found = [
            line
            for result in self.results
            for line in result["summary"]
            if (line["scope"], line["metric"]) == (scope, metric) and line["value"] is not None
        ]
        if not found:
            return None
        value, low95, high95 = (
            np.array([np.nan if line[key] is None else line[key] for line in found], float)
            for key in ("value", "low95", "high95")
        )
        spread = float(value.std(ddof=1)) if len(found) > 1 else None
        return Figure(float(value.mean()), spread, float(low95.mean()), float(high95.mean()), len(found))

    def number(self, scope: str, metric: str) -> int:
        """Tell on how many photographs a figure rests; 0 if there is none."""
        found = (line["n"] for line in self.first["summary"] if (line["scope"], line["metric"]) == (scope, metric))
        return int(next(found, 0))

    def value(self, scope: str, metric: str) -> float:
        """Give a figure's value; NaN if there is none."""
        figure = self.figure(scope, metric)
        return float("nan") if figure is None else figure.value

    @property
    def minutes(self) -> float:
        """Wall minutes of the quickest training, for others may have had to share the machine."""
        return min(training["minutes"] for training in self._trainings())

    @property
    def cpu_minutes(self) -> float:
        """CPU minutes of training, mean over the seeds."""
        return float(np.mean([training["cpu_minutes"] for training in self._trainings()]))

    @property
    def cores(self) -> int:
        """How many cores the trainings had whose minutes count."""
        return int(self._trainings()[0]["cores"])

    def _trainings(self) -> list[dict[str, Any]]:
        """Give the trainings that were never stopped, of which alone all minutes are known; all if there is none.

        Of those on different processors, the ones on a plain CPU.
        """
        trainings = [result["training"] for result in self.results]
        trainings = [training for training in trainings if not training.get("gpu")] or trainings
        return [training for training in trainings if not training.get("is_resumed")] or trainings


def methods_of(results: list[tuple[Row, dict[str, Any]]]) -> list[Method]:
    """Put the results of a method together, in the order given; stale ones only where there is no current one."""
    names = list(dict.fromkeys(row.name for row, _ in results))
    methods = []
    for name in names:
        own = [(row, result) for row, result in results if row.name == name]
        current = [(row, result) for row, result in own if row.is_answered_by(result)]
        chosen = current or own
        methods.append(Method(chosen[0][0], tuple(result for _, result in chosen), not current))
    return methods


def sources_of(methods: list[Method]) -> list[str]:
    """Name the sources that were scored."""
    scopes = dict.fromkeys(line["scope"] for method in methods for line in method.first["summary"])
    return [scope for scope in scopes if scope not in NOT_SOURCES]
