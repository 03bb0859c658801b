"""Run-length codes are those that another implementation reads."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from fissura.reporting.rle import encode, write_submission

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30))


def read_by_coco(code: str, shape: tuple[int, int]) -> np.ndarray:
    """Read a code with pycocotools, which counts background and foreground by turns, column by column."""
    starts, lengths = np.array(code.split(), int).reshape(-1, 2).T
    turns = np.stack([starts - 1, starts - 1 + lengths], axis=1).ravel()
    counts = np.diff(turns, prepend=0, append=shape[0] * shape[1]).tolist()
    return coco.decode(coco.frPyObjects({"size": [*shape], "counts": counts}, *shape)).astype(bool)


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_pycocotools_reads_the_mask_back(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(read_by_coco(encode(mask), mask.shape), mask)


def test_code_counts_from_one_down_the_columns() -> None:
    mask = np.zeros((4, 5), bool)
    mask[1:3, 0] = True
    mask[3, 1] = mask[0, 2] = True  # one run across the foot of a column and the head of the next
    assert encode(mask) == "2 2 8 2"
    assert encode(np.zeros((4, 5), bool)) == ""
    assert encode(np.ones((4, 5), bool)) == "1 20"


def test_submission_has_the_columns_of_the_original(tmp_path: Path) -> None:
    masks = {"a,b.jpg": np.eye(3, dtype=bool), "clean.jpg": np.zeros((2, 2), bool)}
    write_submission(tmp_path / "submission.csv", masks.items())
    with (tmp_path / "submission.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["file", "crack"], ["a,b.jpg", "1 1 5 1 9 1"], ["clean.jpg", ""]]
