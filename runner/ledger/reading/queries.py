"""What all queries of a ledger have in common."""

from __future__ import annotations

from runner.ledger.schema import Database


class Queries:
    """Queries of a ledger's tables.

    Args:
        database: its tables.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
