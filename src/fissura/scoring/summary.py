"""From the table of photographs to the figures: overall, per source, and the mean of the sources.

A mean over photographs and the pooled Dice are both a ratio of two sums over photographs, so that one table
of numerators and one of denominators answers them all, for the data and for every bootstrap resample of it.
Only the AUROC is of another kind.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fissura.scoring.bootstrap import RESAMPLES, interval, resample
from fissura.scoring.metrics import auroc

Array = NDArray[np.float64]

OVERALL = "overall"
MEAN_OF_SOURCES = "mean of sources"
ALL_SOURCES = (OVERALL, MEAN_OF_SOURCES)  # scopes that no single source may be called

# Means over photographs: figure -> (column of the photographs' table, which photographs count).
_MEANS = {
    "dice_cracked": ("dice", "cracked with truth"),
    "dice_original": ("dice_original", "with truth"),
    "iou": ("iou", "cracked with truth"),
    "precision": ("precision", "cracked with truth"),
    "recall": ("recall", "cracked with truth"),
    "tolerance_f1_0px": ("tolerance_f1_0px", "cracked with truth"),
    "tolerance_f1_2px": ("tolerance_f1_2px", "cracked with truth"),
    "centreline_dice": ("centreline_dice", "cracked with truth"),
    "accuracy": ("verdict is label", "all"),
    "false_alarm_rate": ("any mask", "uncracked"),
}
METRICS = (*_MEANS, "dice_pooled", "auroc")


def summarise(photos: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Summarise the photographs' table, every figure with its 95 % interval.

    Args:
        photos: one row per photograph, as ``evaluate`` makes it, with at least one row.
        resamples: bootstrap resamples behind each interval.
        seed: of the bootstrap.

    Returns:
        One row per scope and metric: ``scope, metric, value, low95, high95, n``. Scopes are ``overall`` and,
        where there are several sources, each source and ``mean of sources`` (every source counts the same).
        ``n`` is the number of photographs the figure rests on; a figure that nothing in the data can answer
        has value NaN. An interval from fewer than two groups (of each label, for the AUROC) would be a point and
        is NaN instead.

        - ``dice_cracked``: mean per-image Dice over the cracked photographs, the headline; likewise ``iou``,
          ``precision``, ``recall``, ``tolerance_f1_0px``, ``tolerance_f1_2px``, ``centreline_dice``;
        - ``dice_original``: as the original system computes it, over all photographs with truth, uncracked included;
        - ``dice_pooled``: Dice of the pixels of the same photographs thrown together; NaN, and no 1 as of a single
          photograph, where neither truth nor masks hold crack. Both figures are NaN where there are cracked
          photographs and not one has truth: the uncracked alone would flatter;
        - ``accuracy``, ``auroc``: image-level verdict and score against the label;
        - ``false_alarm_rate``: share of uncracked photographs in which any pixel at all is called crack.
    """
    tables = [_scope_table(OVERALL, photos, _replicates(photos, resamples, [seed, 0]))]
    sources = [(str(name), rows) for name, rows in photos.groupby("source", sort=True)]
    if len(sources) > 1:
        # Each source is resampled on its own, so that none vanishes from a resample of the mean.
        replicates = [_replicates(rows, resamples, [seed, place]) for place, (_, rows) in enumerate(sources, start=1)]
        per_source = [
            _scope_table(name, rows, drawn) for (name, rows), drawn in zip(sources, replicates, strict=True)
        ]
        tables += [*per_source, _mean_of_sources(per_source, replicates)]
    return pd.concat(tables, ignore_index=True)


def _scope_table(scope: str, photos: pd.DataFrame, replicates: Array) -> pd.DataFrame:
    values = _statistic(photos)(np.ones((1, len(photos))))[0]
    return _table(scope, values, replicates, _numbers(photos))


def _mean_of_sources(per_source: list[pd.DataFrame], replicates: list[Array]) -> pd.DataFrame:
    """Take the mean over the sources that have an answer; a resample in which one of these has none is left out."""
    values = np.stack([table["value"].to_numpy() for table in per_source])  # (S, M)
    answered = ~np.isnan(values)
    numbers = np.where(answered, np.stack([table["n"].to_numpy() for table in per_source]), 0).sum(0)

    def mean(figures: Array, counting: NDArray[np.bool_]) -> Array:
        with np.errstate(invalid="ignore"):  # 0 / 0: no source has an answer
            return np.asarray(np.where(counting, figures, 0.0).sum(0) / answered.sum(0))

    drawn = mean(np.stack(replicates), answered[:, None])  # (R, M)
    return _table(MEAN_OF_SOURCES, mean(values, answered), drawn, numbers)


def _table(scope: str, values: Array, replicates: Array, numbers: NDArray[np.int64]) -> pd.DataFrame:
    low, high = interval(replicates)
    unanswered = np.isnan(values)
    return pd.DataFrame(
        {
            "scope": scope,
            "metric": METRICS,
            "value": values,
            "low95": np.where(unanswered, np.nan, low),
            "high95": np.where(unanswered, np.nan, high),
            "n": numbers,
        }
    )


def _replicates(photos: pd.DataFrame, resamples: int, seed: list[int]) -> Array:
    """Bootstrap replicates of all figures, (R, figures); NaN for a figure that rests on fewer than two groups."""
    groups, uncracked = _groups(photos), _counting(photos)["uncracked"]
    resting_on = [len(np.unique(groups[counts])) for counts in (*(_ratios(photos)[1].T > 0), uncracked, ~uncracked)]
    resting_on[-2:] = [min(resting_on[-2:])]  # the AUROC takes both labels
    replicates = resample(_statistic(photos), groups, resamples=resamples, seed=seed)
    return np.where(np.array(resting_on) < 2, np.nan, replicates)


def _groups(photos: pd.DataFrame) -> NDArray[np.int64]:
    """Number the groups, (N,); a photograph without one is a group of its own."""
    names = [("group", name) if name else ("photo", str(row)) for row, name in enumerate(photos["group"])]
    return np.asarray(pd.factorize(pd.Index(names, tupleize_cols=False))[0], np.int64)


def _statistic(photos: pd.DataFrame) -> Callable[[Array], Array]:
    """Give the function from weights (R, N) to all figures (R, figures), in the order of ``METRICS``."""
    numerators, denominators = _ratios(photos)  # (N, figures - 1) each
    scores, cracked = photos["score"].to_numpy(np.float64), (photos["label"] == "cracked").to_numpy()

    def statistic(weights: Array) -> Array:
        with np.errstate(invalid="ignore"):  # 0 / 0: the resample holds no photograph that counts
            ratios = (weights @ numerators) / (weights @ denominators)
        return np.column_stack([ratios, auroc(scores, cracked, weights)])

    return statistic


def _ratios(photos: pd.DataFrame) -> tuple[Array, Array]:
    """Numerators and denominators of every figure but the AUROC, one row per photograph."""
    right, alarm = photos["verdict"] == photos["label"], photos["verdict"] == "cracked"
    columns = photos.assign(**{"verdict is label": right, "any mask": alarm})
    counting = _counting(photos)
    numerators = [
        np.where(counting[who], columns[column].to_numpy(np.float64), 0.0) for column, who in _MEANS.values()
    ]
    denominators = [counting[who].astype(np.float64) for _, who in _MEANS.values()]
    with_truth = counting["with truth"]
    tp, fp, fn = (photos[f"{kind}_px"].where(with_truth, 0).to_numpy(np.float64) for kind in ("tp", "fp", "fn"))
    numerators.append(2 * tp)
    denominators.append(2 * tp + fp + fn)
    return np.column_stack(numerators), np.column_stack(denominators)


def _counting(photos: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    with_truth = photos["has_truth"].to_numpy(bool)
    cracked = (photos["label"] == "cracked").to_numpy()
    if cracked.any() and not (with_truth & cracked).any():
        with_truth = np.zeros_like(with_truth)
    return {
        "all": np.ones(len(photos), bool),
        "with truth": with_truth,
        "cracked with truth": with_truth & cracked,
        "uncracked": ~cracked,
    }


def _numbers(photos: pd.DataFrame) -> NDArray[np.int64]:
    """How many photographs each figure rests on, in the order of ``METRICS``."""
    counting = {who: int(members.sum()) for who, members in _counting(photos).items()}
    means = [counting[who] for _, who in _MEANS.values()]
    return np.array([*means, counting["with truth"], counting["all"]], np.int64)
