"""The hash chain: each ledger entry carries a hash of itself and of the entry before it.

What was stored with it is in the digest too. Whatever was changed, added or removed between two
entries no longer fits. What it cannot find is a ledger that lost its newest entries, because what
is left fits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from runner.ledger.schema import Database, Row

GENESIS_HASH = "0" * 64
# Kind of entry -> the rows that were stored with such entries, in their order.
_SELECT_STORED_ROWS = {
    "approve": "SELECT approval.* FROM entry LEFT JOIN approval ON approval.at = entry.note "
    "WHERE kind = 'approve' ORDER BY seq",
    "reserve": "SELECT attempt.* FROM entry LEFT JOIN attempt ON attempt.id = entry.attempt "
    "WHERE kind = 'reserve' ORDER BY seq",
    "settle": "SELECT answer.* FROM entry LEFT JOIN answer ON answer.attempt = entry.attempt "
    "WHERE kind = 'settle' ORDER BY seq",
}
_TABLE_BY_KIND = {"approve": "approval", "reserve": "attempt", "settle": "answer"}


def entry_hash(previous_hash: str, entry: Sequence[object], stored: Sequence[object] = ()) -> str:
    """Return an entry's hash.

    Args:
        previous_hash: the digest of the entry before, `GENESIS_HASH` for the first.
        entry: its columns from `at` on, without the digest.
        stored: the columns of what is stored with it.
    """
    text = json.dumps([previous_hash, *entry, *stored], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def last_entry(database: Database) -> tuple[int, str]:
    """Return the newest entry's number and hash."""
    row = database.execute("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, GENESIS_HASH)


def find_tampering(database: Database) -> str | None:
    """Find the first place where the ledger was changed after it was written; None if none."""
    before, expected = GENESIS_HASH, 1
    stored: dict[str, Iterator[Row]] = {
        k: iter(database.execute(q)) for k, q in _SELECT_STORED_ROWS.items()
    }
    for row in database.execute("SELECT * FROM entry ORDER BY seq"):
        seq, *entry, digest = row
        if seq != expected:
            return f"entry {expected} is missing"
        kind, attempt = entry[1], entry[4]
        with_it = next(stored[kind]) if kind in stored else ()
        if with_it and with_it[0] is None:
            return f"the record of entry {seq} ({kind} {attempt or ''}) is missing"
        if entry_hash(before, entry, with_it) != digest:
            return f"entry {seq} ({kind} {attempt or ''}) or its record was changed"
        before, expected = digest, seq + 1
    return _find_surplus_rows(database)


def _find_surplus_rows(database: Database) -> str | None:
    for kind, table in _TABLE_BY_KIND.items():
        ((rows,),) = database.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - own
        ((entered,),) = database.execute("SELECT COUNT(*) FROM entry WHERE kind = ?", (kind,))
        if rows != entered:
            return f"the table {table} has rows without an entry"
    return None
