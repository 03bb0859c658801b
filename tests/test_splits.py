"""A split keeps groups whole and labels and sources in proportion."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fissura.errors import FissuraError
from fissura.photos import DataSet, Photo, split_by_group

photographs = st.lists(
    st.tuples(st.sampled_from(["cracked", "uncracked", None]), st.sampled_from(["CFD", "wall"]), st.integers(0, 12)),
    min_size=2,
    max_size=60,
).map(
    lambda rows: DataSet(
        tuple(
            Photo(Path(f"{place}.jpg"), label, source=source, group=f"g{group}" if group else "")
            for place, (label, source, group) in enumerate(rows)
        )
    )
)


def groups(data: DataSet) -> set[str]:
    return {photo.group or str(photo.path) for photo in data}


@settings(max_examples=200, deadline=None)
@given(data=photographs, held_out=st.floats(0.05, 0.9), seed=st.integers(0, 9))
def test_no_group_on_both_sides_and_none_lost(data: DataSet, held_out: float, seed: int) -> None:
    if len(groups(data)) < 2:
        with pytest.raises(FissuraError, match="cannot be split"):
            split_by_group(data, held_out, seed)
        return
    kept, held = split_by_group(data, held_out, seed)
    assert len(kept)
    assert len(held)
    assert not groups(kept) & groups(held)
    assert sorted(p.path for p in (*kept, *held)) == sorted(p.path for p in data)
    shuffled = DataSet(data.photos[::-1])
    assert set(split_by_group(shuffled, held_out, seed)[1]) == set(held)


@pytest.mark.parametrize("held_out", [0.1, 0.2, 0.5])
def test_labels_and_sources_keep_their_shares(held_out: float) -> None:
    photos = []
    for source, cracked, uncracked, tiles in (
        ("CFD", 60, 20, 1),
        ("CRACK500", 120, 120, 3),
        ("wall", 40, 400, 2),
    ):
        for place in range(cracked + uncracked):
            label = "cracked" if place < cracked else "uncracked"
            photos.append(Photo(Path(f"{source}{place}.jpg"), label, None, source, f"{source}/{place // tiles}"))
    kept, held = split_by_group(DataSet(tuple(photos)), held_out, seed=3)
    all_of = Counter((p.label, p.source) for p in photos)
    held_of = Counter((p.label, p.source) for p in held)
    for stratum, n in all_of.items():
        assert held_of[stratum] == pytest.approx(held_out * n, abs=2)
    assert len(kept) + len(held) == len(photos)


def test_many_small_sources_still_give_their_share_together() -> None:
    data = DataSet(tuple(Photo(Path(f"{i}.jpg"), "cracked", None, f"s{i // 3}") for i in range(90)))
    _, held = split_by_group(data, 0.1, seed=0)
    assert len(held) == 9


def test_few_photographs_still_have_both_labels_on_both_sides() -> None:
    labels = ["cracked"] * 2 + ["uncracked"] * 3
    data = DataSet(tuple(Photo(Path(f"{i}.jpg"), label) for i, label in enumerate(labels)))
    for side in split_by_group(data, 0.1, seed=0):
        side.require_both_labels()


def test_the_seed_decides() -> None:
    data = DataSet(tuple(Photo(Path(f"{i}.jpg"), "cracked") for i in range(40)))
    drawn = {tuple(p.path for p in split_by_group(data, 0.25, seed)[1]) for seed in range(5)}
    assert len(drawn) == 5
    assert split_by_group(data, 0.25, 1) == split_by_group(data, 0.25, 1)


@pytest.mark.parametrize("held_out", [0.0, 1.0, -0.2, 7.0])
def test_a_share_that_is_none(held_out: float) -> None:
    data = DataSet((Photo(Path("a.jpg"), "cracked"), Photo(Path("b.jpg"), "cracked")))
    with pytest.raises(FissuraError, match="held_out"):
        split_by_group(data, held_out, 0)
