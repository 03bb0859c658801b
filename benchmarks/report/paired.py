"""How sure is it that two methods differ? Photograph by photograph, for both were scored on the same ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fissura.scoring.bootstrap import Array, interval, resample
from report.figures import Method

PLACE = ["photo", "source", "group"]
COLUMNS = ["dice", "tolerance_f1_2px"]  # of the cracked photographs, kept beside each result


@dataclass(frozen=True)
class Difference:
    """By how much one method's mean over photographs exceeds another's, with its 95 % bootstrap interval."""

    value: float
    low95: float
    high95: float

    def __str__(self) -> str:
        """Write it as a cell of a table."""
        return f"{self.value:+.3f} [{self.low95:+.3f}, {self.high95:+.3f}]"


def paired_difference(ours: Method, theirs: Method, source: str, column: str) -> Difference | None:
    """Compare two methods on the cracked photographs of a source.

    Each photograph counts by the mean over the seeds. Both are resampled together, whole groups of tiles at a time,
    so that what makes a photograph hard for both does not blur the difference (`fissura.scoring.bootstrap`). The
    interval tells about other photographs, not about other seeds.

    Args:
        ours: one method.
        theirs: another.
        source: the source.
        column: one of `COLUMNS`.

    Returns:
        The difference, ours less theirs; None where a result of either was written before photographs were kept.
    """
    means = [_means(method, column) for method in (ours, theirs)]
    if means[0] is None or means[1] is None:
        return None
    both = (means[0] - means[1]).dropna().xs(source, level="source")
    difference = both.to_numpy(float)  # (N,)

    def mean(weights: Array) -> Array:
        return np.asarray(weights @ difference / weights.sum(-1))  # (R,)

    low, high = interval(resample(mean, both.index.get_level_values("group").to_numpy(str)))
    return Difference(float(difference.mean()), float(low), float(high))


def _means(method: Method, column: str) -> pd.Series[float] | None:
    tables = [result.get("photos") for result in method.results]
    if any(table is None for table in tables):
        return None
    means: pd.Series[float] = pd.concat(tables).groupby(PLACE)[column].mean()
    return means
