"""Rows as a text of JSON, of which a database makes many rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.json import Encoder

_LONGEST = 16 * 2**20  # bytes; a database refuses a text of a gigabyte
_encode = Encoder().encode


def write_records(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield JSON arrays of the rows as objects, in their order, none of them much too long.

    Args:
        columns: the names of the rows' values.
        rows: to write.
    """
    records: list[bytes] = []
    length = 0
    for row in rows:
        record = _encode(dict(zip(columns, row, strict=True)))
        if records and length + len(record) > _LONGEST:
            yield _join(records)
            records, length = [], 0
        records.append(record)
        length += len(record)
    if records:
        yield _join(records)


def _join(records: list[bytes]) -> str:
    return f"[{b','.join(records).decode()}]"
