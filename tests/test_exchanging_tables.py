"""Tables of cracks: what a spreadsheet or a data frame of another program finds in them."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from fissura.errors import FissuraError
from fissura.exchanging import EXPORT_FORMATS, PhotoCracks, export
from fissura.measuring import CRACK_COLUMNS
from small_cracks import cracked_photo, measured, some_masks

PHOTOS = [cracked_photo(name, mask, 0.25) for name, mask in some_masks().items()]
ROWS = [(photo.name, crack) for photo in PHOTOS for crack in photo.measurement.cracks]


def test_csv_has_a_row_per_crack_with_units_in_the_header(tmp_path: Path) -> None:
    assert export(PHOTOS, "csv", tmp_path / "cracks.csv") == len(PHOTOS)
    with (tmp_path / "cracks.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["photo", *CRACK_COLUMNS]
    assert [(row[0], row[1]) for row in rows] == [(name, str(crack.number)) for name, crack in ROWS]
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    for column in ("length_px", "length_mm", "width_max_mm", "area_mm2"):
        expected = [getattr(crack, column) for _, crack in ROWS]
        np.testing.assert_allclose([float(cell) for cell in columns[column]], expected, rtol=1e-6)


def test_what_is_not_known_is_an_empty_cell(tmp_path: Path) -> None:
    export([PhotoCracks(Path("a,b.png"), measured(np.eye(5, dtype=bool)))], "csv", tmp_path / "cracks.csv")
    with (tmp_path / "cracks.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["photo"] == "a,b.png"
    unknown = {column for column, cell in row.items() if cell == ""}
    assert unknown == {"confidence", "severity", "mm_per_px", *(c for c in CRACK_COLUMNS if "_mm" in c)}


@pytest.mark.parametrize("mm_per_px", [None, 0.25])
def test_parquet_has_the_same_rows_and_types_with_and_without_a_scale(
    tmp_path: Path, mm_per_px: float | None
) -> None:
    photos = [cracked_photo(f"{index}.png", np.eye(5, dtype=bool), mm_per_px) for index in range(300)]
    export([*photos, cracked_photo("clean.png", np.zeros((4, 4), bool))], "parquet", tmp_path / "cracks.parquet")
    table = parquet.read_table(tmp_path / "cracks.parquet")
    assert table.column_names == ["photo", *CRACK_COLUMNS]
    assert table["photo"].to_pylist() == [photo.name for photo in photos]
    assert table["length_px"].to_pylist() == pytest.approx([np.hypot(4, 4)] * 300)
    assert set(table["length_mm"].to_pylist()) == {None if mm_per_px is None else np.hypot(4, 4) * 0.25}
    types = {name: str(table.schema.field(name).type) for name in ("number", "length_mm", "severity")}
    assert types == {"number": "int64", "length_mm": "double", "severity": types["severity"]}
    assert "string" in types["severity"]


@pytest.mark.parametrize("format", ["csv", "parquet", "coco", "cvat", "label-studio"])
def test_photographs_are_drawn_and_let_go_one_at_a_time(tmp_path: Path, format: str) -> None:
    mask = np.zeros((500, 1000), bool)
    mask[100, 50:900] = True
    one = cracked_photo("0.png", mask)  # 2 MB of labels; 60 of them are 120 MB

    def photos() -> Iterator[PhotoCracks]:
        for index in range(60):
            yield cracked_photo(f"{index}.png", mask)

    export([one], format, tmp_path / "warm-up")
    tracemalloc.start()
    try:
        export(photos(), format, tmp_path / "cracks")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40e6


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_a_failure_half_way_leaves_no_file(tmp_path: Path, format: str) -> None:
    def photos() -> Iterator[PhotoCracks]:
        raise FissuraError("b.png: is damaged; remove it")
        yield

    with pytest.raises(FissuraError, match=r"b\.png"):
        export(photos(), format, tmp_path / "cracks.gpkg")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_no_photographs_are_refused(tmp_path: Path, format: str) -> None:
    with pytest.raises(FissuraError, match="no photograph given"):
        export([], format, tmp_path / "cracks.gpkg")
    assert list(tmp_path.rglob("*")) == []


def test_an_unknown_format_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(FissuraError, match="choose csv, parquet, coco"):
        export(PHOTOS, "xlsx", tmp_path / "cracks.xlsx")


def test_two_photographs_of_one_name_are_refused(tmp_path: Path) -> None:
    mask = np.eye(4, dtype=bool)
    with pytest.raises(FissuraError, match="two photographs go by this name"):
        export([cracked_photo("1.png", mask), cracked_photo("1.png", mask)], "coco", tmp_path / "cracks.json")
    with pytest.raises(FissuraError, match="two photographs go by this name"):  # CVAT knows no suffixes
        export([cracked_photo("1.png", mask), cracked_photo("1.jpg", mask)], "cvat", tmp_path / "cracks.zip")


@pytest.mark.parametrize("name", ["../1.png", "/etc/1.png", "a/../../1.png", "a\\1.png", ".", ".."])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(FissuraError, match="is no name for a photograph"):
        PhotoCracks(Path("1.png"), measured(np.eye(4, dtype=bool)), name)


def test_a_file_name_that_is_no_text_is_spelt_out(tmp_path: Path) -> None:
    photo = PhotoCracks(Path("caf\udce9.png"), measured(np.eye(4, dtype=bool), 0.5))
    for format in ("csv", "parquet", "coco", "cvat", "label-studio", "svg", "dxf"):
        export([photo], format, tmp_path / format)
    assert "caf\\udce9.png" in (tmp_path / "csv").read_text("utf-8")
