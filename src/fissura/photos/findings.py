"""What in a data set would mislead training or scoring, said in plain language with the mend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

RARE = 0.1  # a source where fewer photographs than this carry its rarer label nearly tells the label
TELLING = 0.3  # Cramér's V of 0.3 is a "medium" effect (Cohen, Statistical Power Analysis, 1988)


def association(one: pd.Series, other: pd.Series) -> float:
    """Measure how well one column tells another: Cramér's V with Bergsma's correction of its bias.

    The correction matters where a column has many values, each seen a few times (sizes, mostly): without
    it, chance alone reads as association.

    Args:
        one: N values; missing ones are left out.
        other: N values.

    Returns:
        0 (independent, or a column that has one value only) to 1 (each tells the other).

    Source:
        W. Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean Statistical
        Society 42 (2013), equations 4 to 7.
    """
    table = pd.crosstab(one, other).to_numpy()  # (r, k)
    rows, columns = table.shape
    total = int(table.sum())
    if min(rows, columns) < 2 or total < 2:
        return 0.0
    from scipy.stats import chi2_contingency  # half a second that most verbs need not spend

    phi2 = chi2_contingency(table, correction=False).statistic / total
    phi2 = max(0.0, phi2 - (rows - 1) * (columns - 1) / (total - 1))
    rows_left = rows - (rows - 1) ** 2 / (total - 1)
    columns_left = columns - (columns - 1) ** 2 / (total - 1)
    smaller = min(rows_left, columns_left) - 1
    return float(np.sqrt(min(1.0, phi2 / smaller))) if smaller > 1e-9 else 0.0


def findings(
    table: pd.DataFrame,
    exact: Sequence[Sequence[int]],
    near: Sequence[Sequence[int]],
    told: dict[str, float],
) -> Iterator[str]:
    """Yield one sentence or two for each thing amiss.

    Args:
        table: one row per photograph, as in `fissura.photos.inspection.Inspection.photos`.
        exact: groups of rows with the same bytes.
        near: pairs of rows that show the same picture.
        told: `association` of the label with ``"source"`` and with ``"size"``.
    """
    table = table.fillna({"split": "train"})  # as `DataSet.with_split` takes it
    yield from _unreadable(table)
    yield from _labels(table)
    yield from _duplicates(table, exact, "are copies of one file")
    yield from _duplicates(table, near, "show the same picture")
    yield from _leaking_groups(table)
    yield from _confounded(table, told)
    yield from _masks(table)


def _unreadable(table: pd.DataFrame) -> Iterator[str]:
    broken = table[table["problem"] != ""]
    if len(broken):
        yield (
            f"{len(broken)} of {len(table)} photographs cannot be read and will be left out: "
            f"{_some(broken)}. Copy them again or remove them."
        )


def _labels(table: pd.DataFrame) -> Iterator[str]:
    for label in ("cracked", "uncracked"):
        if not (table["label"] == label).any():
            yield f"No photograph is labelled {label}: training needs both labels. Add such photographs."
    unlabelled = table[table["label"].isna()]
    if len(unlabelled):
        yield (
            f"Photographs without a label: {len(unlabelled)} ({_some(unlabelled)}). "
            "Nothing is learned from or scored on them but masks, where they have any: add the labels."
        )


def _duplicates(table: pd.DataFrame, groups: Sequence[Sequence[int]], what: str) -> Iterator[str]:
    """Name duplicates once, with the worst that they do."""
    contradicting = [list(g) for g in groups if table["label"].iloc[list(g)].nunique() > 1]
    leaking = [list(g) for g in groups if table["split"].iloc[list(g)].nunique() > 1]
    if contradicting:
        yield (
            f"{_groups(contradicting)} of photographs {what} but have different labels, "
            f"e.g. {_some(table.iloc[contradicting[0]])}. Keep the right one of each."
        )
    if leaking:
        yield (
            f"{_groups(leaking)} of photographs {what} and stand on both sides of the train/test split, "
            f"e.g. {_some(table.iloc[leaking[0]])}. Scores will be too good; remove them from one side."
        )
    if groups and not contradicting and not leaking:
        example = _some(table.iloc[list(groups[0])])
        yield f"{_groups(groups)} of photographs {what}, e.g. {example}. One would do."


def _leaking_groups(table: pd.DataFrame) -> Iterator[str]:
    sides = table[table["group"] != ""].groupby("group")["split"].nunique()
    leaking = sides.index[sides > 1]
    if len(leaking):
        yield (
            "Parent photographs, by names or manifest, with tiles on both sides of the train/test split: "
            f"{len(leaking)}, e.g. {leaking[0]}. If they are tiles of one, scores will be too good; keep all tiles "
            "of a photograph on one side."
        )


def _confounded(table: pd.DataFrame, told: dict[str, float]) -> Iterator[str]:
    if table["source"].nunique() > 1 and table["label"].nunique() > 1:
        shares = pd.crosstab(table["source"], table["label"], normalize="index")
        for source, share in shares.iterrows():
            if share.min() < RARE:
                yield (
                    f"In source {source} {share.max():.0%} of the photographs are {share.idxmax()}: a "
                    "network may learn to know the source instead of the crack. "
                    f"Add {share.idxmin()} photographs of it."
                )
    for name, value in told.items():
        if value >= TELLING:
            yield (
                f"The {name} of a photograph tells its label (Cramér's V {value:.2f} of 1): "
                f"a network may learn the {name} instead of the crack. Balance the labels within each {name}."
            )


def _masks(table: pd.DataFrame) -> Iterator[str]:
    masks = table[table["two_tone"]]
    if len(masks):
        yield (
            f"Photographs of two grey values only, as masks are: {len(masks)} ({_some(masks)}). "
            "Masks are no photographs; move them elsewhere."
        )
    broken = table[table["mask_problem"] != ""]
    if len(broken):
        yield f"Masks that cannot be used: {len(broken)}. The first: {broken['mask_problem'].iloc[0]}."
    is_cracked = table["label"] == "cracked"
    unmasked = table[is_cracked & ~table["has_mask"]]
    if 0 < len(unmasked) <= is_cracked.sum() / 2:  # where most have none, a person has corrected a few
        yield (
            f"{len(unmasked)} of {is_cracked.sum()} cracked photographs have no mask: {_some(unmasked)}. "
            "They are scored by their label alone; if there are masks of them, name these as the photographs."
        )
    empty = table[is_cracked & (table["crack_fraction"] == 0)]
    if len(empty):
        yield (
            f"Cracked photographs with an empty mask: {len(empty)} ({_some(empty)}). "
            "Masks must hold values above 127 where there is crack (0 and 255, not 0 and 1)."
        )
    drawn = table[(table["label"] == "uncracked") & (table["crack_fraction"] > 0)]
    if len(drawn):
        yield f"Uncracked photographs with crack in their mask: {len(drawn)} ({_some(drawn)}). Check them."


def _groups(groups: Sequence[Sequence[int]]) -> str:
    word = "pair" if all(len(group) == 2 for group in groups) else "group"
    return f"{len(groups)} {word}{'s' if len(groups) > 1 else ''}"


def _some(rows: pd.DataFrame) -> str:
    """Name the first three photographs by folder and file, and count the rest."""
    names = ["/".join(Path(photo).parts[-2:]) for photo in rows["photo"].head(3)]
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    return ", ".join(names) + more
