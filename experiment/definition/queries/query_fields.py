"""The fields of `queries` in an experiment file: where they are from, and which are asked.

queries: {file: queries.csv, column: goal, where: {source: advbench}, limit: 100}
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

_NEWER = ("columns", "where")  # left out where they are not named, as earlier versions wrote them


def write_cell(value: object) -> str:
    """Return a value as text, by which a filter compares it: `true`, also of `True`, and `3`."""
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false")):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and math.isfinite(value):
        return str(int(value))
    return str(value)


def _read_values(given: object) -> object:
    """Return the values of a filter as texts; a single one needs no list."""
    values = given if isinstance(given, list | tuple) else [given]
    if any(isinstance(value, dict | list | tuple) for value in values):
        raise ValueError("expected a value, or a list of values")
    return [None if value is None else write_cell(value) for value in values]


_Values = Annotated[tuple[str | None, ...], BeforeValidator(_read_values), Field(min_length=1)]


class QueryFile(BaseModel):
    """The file of queries. Formats: csv, jsonl, txt (one query a line).

    `columns` are the other columns that are kept; by default all. `where` is column -> values:
    only rows that have one of them in each of these columns are asked; null is an empty cell.
    `limit` is applied last.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    column: str | None = None
    limit: int | None = Field(None, ge=1)
    columns: tuple[str, ...] | None = None
    where: dict[str, _Values] | None = None

    @model_serializer(mode="wrap")
    def _leave_out_default(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write queries that name no newer field as earlier versions did."""
        fields: dict[str, Any] = write(self)
        return {k: v for k, v in fields.items() if k not in _NEWER or v is not None}
