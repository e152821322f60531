"""The long table as parquet, in parts that fit in memory. Needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from runner.results.reading.long_table import Row

_ROWS = 20_000  # of a group
_TYPES: dict[str, Any] = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64()}


def write_parquet(path: Path, columns: Mapping[str, str], rows: Iterable[Row]) -> None:
    """Write rows to a parquet file that pandas reads as the same table.

    Args:
        path: of the file.
        columns: name -> `text`, `whole` or `number`, in their order.
        rows: each with every column.
    """
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
    source = iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(source, _ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
