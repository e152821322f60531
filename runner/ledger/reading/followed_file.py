"""A followed file: a ledger file that this process has open for writing, read meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner.errors import LedgerError
from runner.ledger.schema import QueryResult, Row


class FollowedFile:
    """A ledger file that this process has open for writing; each query is as of when it is made.

    Between two queries nothing is kept open, so that what was written is checkpointed meanwhile.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None
        )

    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult:
        """Run a query.

        Raises:
            LedgerError: the file cannot be read any more; also by each row that is read later.
        """
        with _explaining(self._path):
            return _FollowedRows(self._db.execute(sql, values), self._path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class _FollowedRows:
    """What a query finds; each of its rows may be the first that cannot be read."""

    def __init__(self, found: sqlite3.Cursor, path: Path) -> None:
        self._found, self._path = found, path

    @property
    def description(self) -> Sequence[Any] | None:
        """The columns."""
        return self._found.description

    def fetchone(self) -> Row | None:
        """Return the next row; None after the last."""
        return next(iter(self), None)

    def fetchall(self) -> list[Row]:
        """Return the rows that are left."""
        return list(self)

    def __iter__(self) -> Iterator[Row]:
        with _explaining(self._path):
            yield from self._found


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Say of an error which file cannot be read."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(f"cannot read ledger {path}: {error}") from error
