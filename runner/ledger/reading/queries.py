"""What all queries of a ledger have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from runner.ledger.schema import Database

T = TypeVar("T")


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


def split(values: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield some values at a time."""
    source = iter(values)
    while chunk := list(islice(source, most)):
        yield chunk
