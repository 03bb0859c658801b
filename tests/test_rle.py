"""Run-length codes agree with another implementation and survive the round trip."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from fissura.errors import FissuraError
from fissura.reporting.rle import decode, encode, write_submission

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30))


def code_from_coco(mask: np.ndarray) -> str:
    """Build the code from pycocotools' run lengths: background and foreground by turns, column by column."""
    compressed = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    counts = uncompressed(compressed["counts"])
    pairs, pixel = [], 1
    for index, count in enumerate(counts):
        if index % 2:
            pairs += [pixel, count]
        pixel += count
    return " ".join(map(str, pairs))


def uncompressed(counts: bytes) -> list[int]:
    """Undo COCO's compression of counts: 5 bits per byte, from the third on as differences."""
    found: list[int] = []
    letters = iter(counts)
    for first in letters:
        value, shift, letter = 0, 0, first - 48
        while True:
            value |= (letter & 31) << shift
            shift += 5
            if not letter & 32:
                break
            letter = next(letters) - 48
        if letter & 16:
            value -= 1 << shift
        found.append(value + (found[-2] if len(found) > 2 else 0))
    return found


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_code_agrees_with_pycocotools(mask: np.ndarray) -> None:
    assert encode(mask) == code_from_coco(mask)


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_mask_survives_the_round_trip(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(encode(mask), mask.shape), mask)


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_pycocotools_reads_our_mask_back(mask: np.ndarray) -> None:
    ours = decode(code_from_coco(mask), mask.shape)
    assert coco.area(coco.encode(np.asfortranarray(ours.astype(np.uint8)))) == mask.sum()
    np.testing.assert_array_equal(ours, mask)


def test_code_counts_from_one_down_the_columns() -> None:
    mask = np.zeros((4, 5), bool)
    mask[1:3, 0] = True
    mask[3, 1] = mask[0, 2] = True  # one run across the foot of a column and the head of the next
    assert encode(mask) == "2 2 8 2"
    assert encode(np.zeros((4, 5), bool)) == ""
    assert encode(np.ones((4, 5), bool)) == "1 20"


@pytest.mark.parametrize("code", ["1", "0 3", "1 0", "15 7", "one two", "-3 2", "1.5 2"])
def test_codes_that_are_none_are_refused(code: str) -> None:
    with pytest.raises(FissuraError, match="run-length code: "):
        decode(code, (4, 5))


def test_submission_has_the_columns_of_the_original(tmp_path: Path) -> None:
    masks = {"a,b.jpg": np.eye(3, dtype=bool), "clean.jpg": np.zeros((2, 2), bool)}
    write_submission(tmp_path / "submission.csv", masks.items())
    with (tmp_path / "submission.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["file", "crack"], ["a,b.jpg", "1 1 5 1 9 1"], ["clean.jpg", ""]]
