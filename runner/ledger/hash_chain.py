"""The hash chain: each ledger entry carries a hash of itself and of the entry before it.

What was stored with it is in the digest too. Whatever was changed, added or removed between two
entries no longer fits. What it cannot find is a ledger that lost its newest entries, because what
is left fits; watermarks outside of the ledger find that (`witness`).

Who can write the ledger could write a whole chain that fits. With a key, `AFCOST_LEDGER_KEY`, whose
chain is made by HMAC, he would need the key. The key is never stored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from msgspec.json import Encoder

from runner.ledger.schema import Database, Row, has_names

GENESIS_HASH = "0" * 64
# Kind of entry -> the rows that were stored with such entries, in their order.
_SELECT_STORED_ROWS = {
    "approve": "SELECT approval.* FROM entry LEFT JOIN approval "
    "ON COALESCE(approval.id, approval.at) = note WHERE kind = 'approve' AND seq >= ? ORDER BY seq",
    "reserve": "SELECT attempt.* FROM entry LEFT JOIN attempt ON attempt.id = entry.attempt "
    "WHERE kind = 'reserve' AND seq >= ? ORDER BY seq",
    "settle": "SELECT answer.* FROM entry LEFT JOIN answer ON answer.attempt = entry.attempt "
    "WHERE kind = 'settle' AND seq >= ? ORDER BY seq",
    "import": "SELECT attempt.*, answer.* FROM entry "
    "LEFT JOIN attempt ON attempt.id = entry.attempt "
    "LEFT JOIN answer ON answer.attempt = entry.attempt "
    "WHERE kind = 'import' AND seq >= ? ORDER BY seq",
}
_SELECT_UNNAMED_APPROVALS = (  # in the ledgers of earlier versions
    "SELECT approval.*, NULL, NULL, NULL FROM entry LEFT JOIN approval ON approval.at = note "
    "WHERE kind = 'approve' AND seq >= ? ORDER BY seq"
)
_encode = Encoder().encode  # ten times as fast as `json`
_PLAIN = frozenset({str, int, type(None)})  # types that both write alike, whatever the values
_ID_OF_APPROVAL = 5  # the column; what follows was stored only where there is one
_REFUSAL_OF_ANSWER = 14  # the column, as above
_KINDS_BY_TABLE = {
    "approval": ("approve",),
    "attempt": ("reserve", "import"),
    "answer": ("settle", "import"),
}


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """An entry up to which a chain was checked: its number, and its hash."""

    seq: int
    hash: str


def entry_hash(
    previous_hash: str, entry: Sequence[object], stored: Sequence[object] = (), key: bytes = b""
) -> str:
    """Return an entry's hash.

    Args:
        previous_hash: the digest of the entry before, `GENESIS_HASH` for the first.
        entry: its columns from `at` on, without the digest.
        stored: the columns of what is stored with it.
        key: of the chain; empty where it has none.
    """
    content = _write_content([previous_hash, *entry, *stored])
    if key:
        return hmac.digest(key, content, "sha256").hex()
    return hashlib.sha256(content).hexdigest()


def _write_content(values: list[object]) -> bytes:
    """Return values as one line of JSON, byte for byte as `json` writes it."""
    if _PLAIN.issuperset(map(type, values)):
        with suppress(UnicodeEncodeError):  # a lone surrogate
            return _encode(values)
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def new_identity(key: bytes) -> tuple[str, int]:
    """Return the row of a new ledger's identity: a random name, and whether its chain has a key."""
    return secrets.token_hex(16), int(bool(key))


def read_identity(database: Database) -> tuple[str, bool]:
    """Return a ledger's identity, and whether its chain has a key; empty before there were any."""
    if not has_names(database):
        return "", False
    row = database.execute("SELECT id, keyed FROM identity").fetchone()
    return (str(row[0]), bool(row[1])) if row else ("", False)


def find_wrong_key(*, keyed: bool, key: bytes) -> str | None:
    """Say why a ledger can be neither checked nor continued with a key, or without one."""
    if keyed and not key:
        return "its chain was made with a key; to check and continue it, set AFCOST_LEDGER_KEY"
    if key and not keyed:
        return "it was begun without a key; to check and continue it so, unset AFCOST_LEDGER_KEY"
    return None


def last_entry(database: Database) -> tuple[int, str]:
    """Return the newest entry's number and hash."""
    row = database.execute("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, GENESIS_HASH)


def find_tampering(
    database: Database, key: bytes = b"", checked: CheckedEntry | None = None
) -> str | None:
    """Find the first place where the ledger was changed after it was written; None if none.

    Args:
        database: the ledger.
        key: of the chain; empty where it has none.
        checked: an entry up to which all was checked before: it is checked again, which also shows
            that the key is the chain's, and what follows it; None for all entries.
    """
    first = checked.seq if checked is not None and checked.seq > 0 else 1
    return (
        find_wrong_key(keyed=read_identity(database)[1], key=key)
        or (_find_other_entry(database, checked) if checked is not None else None)
        or _find_changed_entry(database, key, first)
        or _find_surplus_rows(database)
    )


def _find_other_entry(database: Database, checked: CheckedEntry) -> str | None:
    if checked.seq == 0 or _read_hash(database, checked.seq) == checked.hash:
        return None
    return f"entry {checked.seq} is not the one that was checked"


def _find_changed_entry(database: Database, key: bytes, first: int) -> str | None:
    """Find the first entry from one on that does not fit; None if all do."""
    before = _read_hash(database, first - 1) if first > 1 else GENESIS_HASH
    expected, stored = first, _read_stored_rows(database, first)
    for row in database.execute("SELECT * FROM entry WHERE seq >= ? ORDER BY seq", (first,)):
        seq, *entry, digest = row
        if seq != expected:
            return f"entry {expected} is missing"
        kind, attempt = entry[1], entry[4]
        with_it = next(stored[kind]) if kind in stored else ()
        if with_it and with_it[0] is None:
            return f"the record of entry {seq} ({kind} {attempt or ''}) is missing"
        with_it = _drop_newer_columns(kind, with_it)
        if entry_hash(before, entry, with_it, key) != digest:
            or_key = ", or AFCOST_LEDGER_KEY is not its key" if key and seq == first else ""
            return f"entry {seq} ({kind} {attempt or ''}) or its record was changed{or_key}"
        before, expected = digest, seq + 1
    return None


def _read_hash(database: Database, seq: int) -> str:
    row = database.execute("SELECT hash FROM entry WHERE seq = ?", (seq,)).fetchone()
    return str(row[0]) if row else ""


def _drop_newer_columns(kind: str, stored: Row) -> Row:
    """Return what was stored, without the columns that an earlier version did not have."""
    first = {"approve": _ID_OF_APPROVAL, "settle": _REFUSAL_OF_ANSWER}.get(kind)
    is_older = first is not None and stored[first : first + 1] in ((None,), ())
    return stored[:first] if is_older else stored


def _read_stored_rows(database: Database, first: int) -> dict[str, Iterator[Row]]:
    """Return the rows that were stored with each kind of entry, from an entry on."""
    queries = dict(_SELECT_STORED_ROWS)
    if not has_names(database):
        queries["approve"] = _SELECT_UNNAMED_APPROVALS
    return {kind: iter(database.execute(query, (first,))) for kind, query in queries.items()}


def _find_surplus_rows(database: Database) -> str | None:
    counts: dict[str, int] = dict(
        database.execute("SELECT kind, COUNT(*) FROM entry GROUP BY kind").fetchall()
    )
    for table, kinds in _KINDS_BY_TABLE.items():
        ((rows,),) = database.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - own
        entered = sum(counts.get(kind, 0) for kind in kinds)
        if rows != entered:
            return f"the table {table} has rows without an entry"
    return None
