"""The chain: whatever was written is found to be changed when it was."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger import schema as tables
from runner.ledger.hash_chain import CheckedEntry, entry_hash, find_tampering
from runner.ledger.location import FileLocation
from runner.ledger.open import open_ledger
from tests.runner.sample_experiment import STEADY, an_answer, an_attempt, approval

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, 2**64, -(2**64), 10**40]),
    st.floats(),
    st.text(),
    st.text(st.characters(categories=["Cs", "Cc", "Ll"])),  # lone surrogates too
    st.decimals(allow_nan=False).map(str),
)
TABLES = ("approval", "attempt", "answer", "entry")


@pytest.fixture
def path(tmp_path):
    """Return a ledger with every kind of entry."""
    path = tmp_path / "ledger.sqlite"
    with open_ledger(FileLocation(path)) as ledger:
        ledger.record_approval(approval(Money(10_000)))
        ledger.allocate("job", Money(900))
        for number in (1, 2, 3):
            ledger.reserve(an_attempt(number=number), Money(300))
        ledger.settle(an_attempt(number=1), Money(200), an_answer(), "a note")
        ledger.release(an_attempt(number=2), "HTTP 429")
        ledger.hold(an_attempt(number=3), "HTTP 500")
        ledger.resolve(an_attempt(number=3).id, Money(100), "the invoice")
        ledger.deallocate("job")
        ledger.record_end("complete")
    return path


def forge(path, *statements: str) -> str | None:
    """Change a ledger behind its back, as somebody with the file can; say what is found."""
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER entry_stays")
    connection.execute("DROP TRIGGER entry_remains")
    for statement in statements:
        assert connection.execute(statement).rowcount > 0, statement
    connection.commit()
    found = find_tampering(connection)
    connection.close()
    return found


def columns() -> list[tuple[str, str]]:
    memory = sqlite3.connect(":memory:")
    memory.executescript(tables.CREATE_TABLES)
    named = [(t, row[1]) for t in TABLES for row in memory.execute(f"PRAGMA table_info({t})")]
    memory.close()
    return [pair for pair in named if pair != ("entry", "seq")]


def test_what_was_written_is_found_to_be_so(path):
    connection = sqlite3.connect(path)
    assert find_tampering(connection) is None
    assert connection.execute("SELECT COUNT(DISTINCT kind) FROM entry").fetchone() == (9,)
    connection.close()


@settings(STEADY, max_examples=300)
@given(entry=st.lists(VALUES, max_size=8), stored=st.lists(VALUES, max_size=8))
def test_the_hash_is_that_of_the_text_that_every_version_has_written(entry, stored):
    whole = ["before", *entry, *stored]
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    content = text.encode("utf-8", "surrogatepass")
    assert entry_hash("before", entry, stored) == hashlib.sha256(content).hexdigest()
    keyed = hmac.new(b"key", content, "sha256").hexdigest()
    assert entry_hash("before", entry, stored, b"key") == keyed


@pytest.mark.parametrize(("table", "column"), columns())
def test_a_change_of_any_value_is_found(path, table, column):
    first = f"(SELECT rowid FROM {table} LIMIT 1)"
    change = f"UPDATE {table} SET {column} = COALESCE({column}, '') || '7' WHERE rowid = {first}"
    assert forge(path, change)


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_is_gone_is_found(path, table):
    assert forge(path, f"DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} LIMIT 1)")


def test_a_row_that_was_slipped_in_is_found(path):
    extra = "INSERT INTO answer (attempt, text) VALUES ('another', 'cheap')"
    assert forge(path, extra) == "the table answer has rows without an entry"


def test_entries_that_changed_places_are_found(path):
    swap = [
        f"UPDATE entry SET seq = {to} WHERE seq = {at}" for at, to in ((2, 99), (3, 2), (99, 3))
    ]
    assert forge(path, *swap)


def test_a_changed_ledger_is_not_opened_and_is_named(path):
    forge(path, "UPDATE entry SET settled = 1 WHERE kind = 'settle'")
    changed = pytest.raises(LedgerError, match=r"entry 6 \(settle .*was changed; nothing was sent")
    with changed, open_ledger(FileLocation(path)):
        pass


def test_from_an_entry_that_was_checked_only_what_follows_is(path):
    connection = sqlite3.connect(path)
    hashes = dict(connection.execute("SELECT seq, hash FROM entry").fetchall())
    for seq in (0, 1, 4, max(hashes)):
        known = CheckedEntry(seq, hashes.get(seq, ""))
        assert find_tampering(connection, checked=known) is None
    said = "entry 4 is not the one that was checked"
    assert find_tampering(connection, checked=CheckedEntry(4, hashes[5])) == said
    late = CheckedEntry(max(hashes) + 1, hashes[5])
    assert "is not the one that was checked" in find_tampering(connection, checked=late)
    connection.execute("DROP TRIGGER entry_stays")
    for seq, is_found in ((2, False), (4, True), (5, True)):
        with_change = "UPDATE entry SET note = note || '7' WHERE seq = ?"
        connection.execute(with_change, (seq,))
        found = find_tampering(connection, checked=CheckedEntry(4, hashes[4]))
        assert (found is not None) is is_found, found
        connection.rollback()
        connection.execute("DROP TRIGGER IF EXISTS entry_stays")
    connection.close()
