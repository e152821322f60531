"""What all queries of a ledger have in common."""

from __future__ import annotations

from collections.abc import Sequence

from runner.ledger.schema import Database


class Queries:
    """Queries of a ledger's tables.

    Args:
        database: its tables.
    """

    def __init__(self, database: Database) -> None:
        self._database = database


def list_marks(values: Sequence[object]) -> str:
    """Return as many placeholders as there are values."""
    return ", ".join("?" * len(values))
