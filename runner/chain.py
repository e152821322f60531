"""The chain: every entry of a ledger carries a digest of itself and of the entry before.

What was stored with it is in the digest too. Whatever was changed, added or removed between two
entries no longer fits. What it cannot find is a ledger that lost its newest entries, because what
is left fits.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence

START = "0" * 64
_STORED = {  # kind of entry -> the row that was stored with it, by the entry's attempt or time
    "approve": "SELECT * FROM approval WHERE at = ?",
    "reserve": "SELECT * FROM attempt WHERE id = ?",
    "settle": "SELECT * FROM answer WHERE attempt = ?",
}
_COUNTS = {"approve": "approval", "reserve": "attempt", "settle": "answer"}


def link(before: str, entry: Sequence[object], stored: Sequence[object] = ()) -> str:
    """Give an entry's digest.

    Args:
        before: the digest of the entry before, `START` for the first.
        entry: its columns from `at` on, without the digest.
        stored: the columns of what is stored with it.
    """
    text = json.dumps([before, *entry, *stored], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def tip(connection: sqlite3.Connection) -> str:
    """Give the newest entry's digest."""
    row = connection.execute("SELECT hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return str(row[0]) if row else START


def flaw(connection: sqlite3.Connection) -> str | None:
    """Find the first place where a ledger is not what was written; None where it is."""
    before, expected = START, 1
    for row in connection.execute("SELECT * FROM entry ORDER BY seq"):
        seq, *entry, digest = tuple(row)
        if seq != expected:
            return f"entry {expected} is missing"
        kind, attempt, note = entry[1], entry[3], entry[-1]
        stored: Sequence[object] = ()
        if kind in _STORED:
            key = note if kind == "approve" else attempt
            found = connection.execute(_STORED[kind], (key,)).fetchone()
            if found is None:
                return f"what was stored with entry {seq} ({kind} {key}) is missing"
            stored = tuple(found)
        if link(before, entry, stored) != digest:
            return f"entry {seq} ({kind} {attempt or ''}), or what was stored with it, was changed"
        before, expected = digest, seq + 1
    return _surplus(connection)


def _surplus(connection: sqlite3.Connection) -> str | None:
    for kind, table in _COUNTS.items():
        count = f"SELECT COUNT(*) FROM {table}"  # noqa: S608 - own names
        rows = connection.execute(count).fetchone()[0]
        entered = "SELECT COUNT(*) FROM entry WHERE kind = ?"
        if rows != connection.execute(entered, (kind,)).fetchone()[0]:
            return f"the table {table} has rows that no entry speaks of"
    return None
