"""Read rows from the files of a data set that are not plain lines: parquet and json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from experiment.definition.queries.text_rows import Row, choose_column
from experiment.errors import BadQueries

_ROWS_AT_A_TIME = 64  # a row may have megabytes


def read_parquet_rows(path: object, file: BinaryIO, column: str | None) -> Iterator[Row]:
    """Yield the rows of a parquet file; numbered from 1.

    Raises:
        BadQueries: it is none, pyarrow is missing, or it does not have the column.
    """
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise BadQueries(f"{path} requires pyarrow; run `pip install 'afcost[hub]'`") from error
    try:
        table = parquet.ParquetFile(file)
        choose_column(path, column, list(table.schema_arrow.names))
        number = 0
        for batch in table.iter_batches(batch_size=_ROWS_AT_A_TIME):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, {name: _make_plain(each) for name, each in values.items()})
    except (ArrowException, OSError) as error:
        raise BadQueries(f"{path} is not a parquet file that can be read: {error}") from error


def read_json_rows(path: object, file: BinaryIO, _: str | None) -> Iterator[Row]:
    """Yield the rows of a json file: a list of objects or texts, or one of them a line.

    Raises:
        BadQueries: it is neither.
    """
    content = file.read()
    try:
        rows: Any = json.loads(content)
    except (ValueError, RecursionError):
        try:
            rows = [json.loads(line) for line in content.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise BadQueries(f"{path}: not valid JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(each, str | dict) for each in rows):
        raise BadQueries(f"{path}: expected a list of objects or of texts")
    for number, row in enumerate(rows, start=1):
        yield Row(number, row)


def _make_plain(value: object) -> Any:  # noqa: ANN401 - as JSON has it
    """Return a value as JSON has it: times as text, and nothing in the place of bytes."""
    match value:
        case bytes():
            return None
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {str(name): _make_plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_make_plain(each) for each in value]
        case _:
            return str(value)
