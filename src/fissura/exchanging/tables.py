"""Cracks as a table, one row each, in CSV or Parquet; every column that is a quantity has its unit in its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pandas as pd

from fissura.errors import FissuraError
from fissura.exchanging.photo_cracks import PhotoCracks
from fissura.files import written_whole
from fissura.measuring import Crack, crack_table

# Rows of this many photographs go to the file at once: few enough for memory, enough for a Parquet row group.
_PHOTOS_AT_ONCE = 256


def write_csv(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Write one row per crack as CSV in UTF-8: the column ``photo``, then those of `fissura.measuring.crack_table`.

    Numbers have seven significant digits; what is not known is an empty cell. A photograph without cracks
    has no row.

    Raises:
        FissuraError: if the file cannot be written.
    """
    with written_whole(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        _table([]).to_csv(file, index=False)
        for table in _tables(photos):
            table.to_csv(file, index=False, header=False, float_format="%.7g")


def write_parquet(out: Path, photos: Iterable[PhotoCracks]) -> None:
    """Write the same table as `write_csv`, with full precision and typed columns, as Parquet.

    Raises:
        FissuraError: if the extra ``parquet`` is not installed, or the file cannot be written.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise FissuraError("parquet: pyarrow is not installed; run: pip install 'fissura[parquet]'") from error
    schema = pa.Schema.from_pandas(_table([]), preserve_index=False)
    with written_whole(out) as temporary, parquet.ParquetWriter(temporary, schema) as file:
        for table in _tables(photos):
            file.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def _tables(photos: Iterable[PhotoCracks]) -> Iterator[pd.DataFrame]:
    # Each photograph's pixels are let go before the next is asked for.
    named = ((photo.name, photo.measurement.cracks) for photo in photos)
    while some := list(islice(named, _PHOTOS_AT_ONCE)):
        yield _table(some)


def _table(named: Sequence[tuple[str, tuple[Crack, ...]]]) -> pd.DataFrame:
    table = crack_table([crack for _, cracks in named for crack in cracks])
    names = [name for name, cracks in named for _ in cracks]
    table.insert(0, "photo", pd.Series(names, dtype=table["pattern"].dtype))
    return table
