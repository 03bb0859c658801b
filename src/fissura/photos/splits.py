"""Splitting a data set so that no photograph is known on one side through its neighbour on the other."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

from fissura.errors import FissuraError
from fissura.photos.dataset import DataSet, Photo

COARSE = ("cracked", "uncracked", "None", "all")  # strata that are not of one source; None: not labelled


def split_by_group(data: DataSet, held_out: float, seed: int) -> tuple[DataSet, DataSet]:
    """Hold out a share of the photographs, whole groups at a time, label by label and source by source.

    Groups are taken in an order drawn from ``seed``, the larger first; one is held out when that brings the
    counts held out nearer (in least squares) to their share: in a first pass the counts per label and source,
    in a second the counts per label too, which many small sources together may still miss.

    Args:
        data: the photographs; one without a group is a group of its own.
        held_out: the share to hold out, between 0 and 1.
        seed: the same seed gives the same split, whatever the order of the photographs.

    Returns:
        (kept, held out), each in the order of ``data``, neither empty. A label that has at least two groups
        stands on both sides, as far as whole groups allow.

    Raises:
        FissuraError: if the share is not between 0 and 1, or there are fewer than two groups.

    Example:
        >>> from pathlib import Path
        >>> data = DataSet(tuple(Photo(Path(f"{i}.jpg"), "cracked", group=str(i // 2)) for i in range(10)))
        >>> kept, held = split_by_group(data, held_out=0.2, seed=0)
        >>> len(kept), len(held)
        (8, 2)
    """
    if not 0 < held_out < 1:
        raise FissuraError(f"held_out: {held_out:g} is no share; give one between 0 and 1, e.g. 0.1")
    groups: defaultdict[str, list[Photo]] = defaultdict(list)
    for photo in data:
        groups[_group(photo)].append(photo)
    if len(groups) < 2:
        raise FissuraError(
            f"data: {len(data)} photographs in {len(groups)} group(s) cannot be split; "
            "add photographs, or name the groups in a CSV manifest"
        )
    counts = {name: _counts(photos) for name, photos in groups.items()}
    target = {stratum: held_out * n for stratum, n in _counts(data.photos).items()}

    order = sorted(groups)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda name: -len(groups[name]))  # a stable sort: the drawn order stays among equals
    held: set[str] = set()
    missing = dict(target)
    for strata in (set(target).difference(COARSE), set(target)):
        for name in order:
            gain = sum(missing[s] ** 2 - (missing[s] - n) ** 2 for s, n in counts[name].items() if s in strata)
            if name not in held and gain > 0:
                held.add(name)
                for stratum, n in counts[name].items():
                    missing[stratum] -= n
    _fill_empty_sides(order, counts, held)
    return (
        DataSet(tuple(photo for photo in data if _group(photo) not in held)),
        DataSet(tuple(photo for photo in data if _group(photo) in held)),
    )


def _fill_empty_sides(order: list[str], counts: dict[str, Counter[str]], held: set[str]) -> None:
    """Move a small group over for each label (and for all together) that stands on one side only."""
    for stratum in COARSE:
        having = [name for name in reversed(order) if counts[name][stratum]]  # the smallest first
        if len(having) >= 2 and held.isdisjoint(having):
            held.add(having[0])
        elif len(having) >= 2 and held.issuperset(having):
            held.discard(having[0])


def _group(photo: Photo) -> str:
    return photo.group or str(photo.path)


def _counts(photos: list[Photo] | tuple[Photo, ...]) -> Counter[str]:
    """Count the photographs in all, per label, and per label and source."""
    strata = [str(photo.label) for photo in photos]
    strata += [f"{photo.label} of {photo.source}" for photo in photos]
    return Counter(strata + ["all"] * len(photos))
