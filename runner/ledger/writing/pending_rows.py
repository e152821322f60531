"""Pending rows: what a transaction inserts, kept until it is committed or reads something.

So all rows of a table are inserted at once, while a shared ledger's lock is held for less time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

Row = Sequence[object]  # in the order of the table's columns
_ORDER = ("attempt", "answer", "entry")  # an answer refers to its attempt


class PendingRows:
    """The rows that a store's open transaction has not inserted yet.

    Args:
        insert: inserts rows into a table.
    """

    def __init__(self, insert: Callable[[str, list[Row]], None]) -> None:
        self._insert = insert
        self._thread = 0
        self._rows: dict[str, list[Row]] = {table: [] for table in _ORDER}

    def begin(self) -> None:
        """Begin a transaction, in this thread."""
        self._thread = threading.get_ident()
        self.drop()

    def add(self, table: str, row: Row) -> None:
        """Add a row to those that are to be inserted."""
        self._rows[table].append(row)

    def flush(self) -> None:
        """Insert all of them; another thread than the transaction's inserts nothing."""
        if self._thread != threading.get_ident():
            return
        for table, rows in self._rows.items():
            if rows:
                self._rows[table] = []
                self._insert(table, rows)

    def drop(self) -> None:
        """Forget them: the transaction is rolled back."""
        for rows in self._rows.values():
            rows.clear()
