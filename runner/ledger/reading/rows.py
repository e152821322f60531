"""Rows: the columns that a query returns, as the records that they stand for."""

from __future__ import annotations

from functools import lru_cache

from pricing.money import Money
from runner.ledger.records import Attempt, Entry, StoredAnswer
from runner.ledger.schema import Row

_NOTHING = Money()  # one for all, because most amounts of a long ledger are zero
# The columns of both tables in one row: an id, then the record's own.
ATTEMPT = slice(1, 1 + len(Attempt._fields))
ANSWERED = ATTEMPT.stop  # the answer's id; NULL where there is none
STATED = 1 + StoredAnswer._fields.index("stated_cost")  # in a row that begins with the answer's id
WHOLE_ANSWER = 1 + len(StoredAnswer._fields)
ENTRY = len(Entry.__slots__)


def read_entry(row: Row) -> Entry:
    """Return an entry of the ledger from its row."""
    seq, at, kind, worker, job, attempt, *changes, note, digest = row
    aside, reserved, settled, held = map(read_money, changes)
    return Entry(seq, at, kind, worker, job, attempt, aside, reserved, settled, held, note, digest)


def read_money(sum_of_entries: int | None) -> Money:
    """Return a sum as money; NULL where somebody deleted the entries of an attempt."""
    return _make_money(sum_of_entries) if sum_of_entries else _NOTHING


_make_money = lru_cache(maxsize=4096)(Money)  # answers of a length cost the same
