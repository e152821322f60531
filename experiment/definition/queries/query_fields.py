"""The fields of `queries` in an experiment file: where they are from, and which are asked.

queries: {file: queries.csv, column: goal, where: {source: advbench}, limit: 100}
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

# Left out where they are not named, as earlier versions wrote them.
_NEWER = ("file", "dataset", "config", "split", "revision", "columns", "where")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DATA_SET = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")

_NEEDS_COMMIT = (
    "expected a commit, 40 hexadecimal digits, because a branch or a tag may change: it stands on "
    "the data set's page under `Files and versions`, and in `git ls-remote`; quote it"
)


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

    `dataset` is a data set on the Hugging Face hub instead, at the commit `revision`; `config` and
    `split` choose among its parts, or `file` names one of its files, parquet and json too.
    `columns` are the other columns that are kept; by default all. `where` is column -> values:
    only rows that have one of them in each of these columns are asked; null is an empty cell.
    `limit` is applied last.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    file: str | None = None
    dataset: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    column: str | None = None
    limit: int | None = Field(None, ge=1)
    columns: tuple[str, ...] | None = None
    where: dict[str, _Values] | None = None

    @field_validator("dataset")
    @classmethod
    def _check_data_set(cls, name: str | None) -> str | None:
        if name is not None and not _DATA_SET.fullmatch(name):
            raise ValueError("expected the name of a data set on the hub, as organisation/name")
        return name

    @field_validator("revision", mode="before")
    @classmethod
    def _check_commit(cls, revision: object) -> object:
        if revision is not None and not _COMMIT.fullmatch(str(revision)):
            raise ValueError(_NEEDS_COMMIT)
        return revision

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.dataset is None:
            named = [name for name in ("config", "split", "revision") if getattr(self, name)]
            if named:
                raise ValueError(f"{', '.join(named)} belong to a `dataset`, and none is named")
            if self.file is None:
                raise ValueError("name a `file` of queries, or a `dataset` on the hub")
        elif self.revision is None:
            raise ValueError(f"dataset {self.dataset} needs a `revision`; {_NEEDS_COMMIT}")
        elif self.file is not None and (self.config or self.split):
            raise ValueError("name a `file` of the data set, or its `config` and `split`; not both")
        return self

    @model_serializer(mode="wrap")
    def _leave_out_default(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write queries that name no newer field as earlier versions did."""
        fields: dict[str, Any] = write(self)
        return {k: v for k, v in fields.items() if k not in _NEWER or v is not None}
