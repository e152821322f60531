"""A ledger file is looked through once; one that was changed since is looked through again."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger import FileLocation, hash_chain, open_ledger, read_ledger, sqlite, sqlite_check
from runner.state import find_checked_end, find_file_state, is_checked
from tests.runner.sample_experiment import approval


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr("runner.state.checked_files._LEAST_BYTES", 0)
    monkeypatch.setattr("runner.state.checked_files._SETTLED_SECONDS", -1.0)
    with open_ledger(FileLocation(tmp_path / "ledger.sqlite")) as ledger:
        ledger.record_approval(approval(Money(100)))
    return tmp_path / "ledger.sqlite"


def read(path):
    with read_ledger(FileLocation(path)) as reader:
        return reader.cap()


def test_a_file_is_looked_through_once(path, monkeypatch):
    looked = []
    look = sqlite_check._refuse_foreign_values
    monkeypatch.setattr(
        sqlite_check, "_refuse_foreign_values", lambda *of: (looked.append(of[1]), look(*of))
    )
    monkeypatch.setattr("runner.state.checked_files._closed", {})  # another process wrote it
    assert read(path) == read(path) == Money(100)
    assert len(looked) == len(set(looked)) > 3
    assert is_checked(find_file_state(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE approval SET cap = 'much'", "a value of another type"),
        ("CREATE VIEW endless AS SELECT 1", "which afcost did not make"),
    ],
)
def test_a_file_that_was_changed_is_looked_through_again(path, change, said):
    read(path)
    connection = sqlite3.connect(path)
    connection.execute(change)
    connection.commit()
    connection.close()
    assert not is_checked(find_file_state(path))
    with pytest.raises(LedgerError, match=said):
        read(path)


def test_what_is_short_or_was_just_written_is_not_kept(path, monkeypatch):
    monkeypatch.setattr("runner.state.checked_files._SETTLED_SECONDS", 1e9)
    read(path)
    assert not is_checked(find_file_state(path))


def count_checked(monkeypatch):
    """Count the entries whose hashes are computed."""
    counted, compute = [], hash_chain.entry_hash
    monkeypatch.setattr(hash_chain, "entry_hash", lambda *of: (counted.append(1), compute(*of))[1])
    return counted


def work(path, jobs=20):
    with open_ledger(FileLocation(path)) as ledger:
        for number in range(jobs):
            ledger.allocate(f"job {number}", Money(1))
            ledger.deallocate(f"job {number}")


def test_a_chain_that_this_machine_checked_is_checked_from_there_on(path, monkeypatch):
    work(path)
    read(path)  # when a clock tells the next write from the last one
    counted = count_checked(monkeypatch)
    with open_ledger(FileLocation(path)):
        assert len(counted) == 1, "the entry up to which it was checked"


def test_a_chain_is_checked_whole_where_its_file_was_changed_since(path):
    work(path)
    read(path)
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER entry_stays")
    connection.execute("UPDATE entry SET aside = 0 WHERE seq = 4")
    connection.execute(
        "CREATE TRIGGER entry_stays BEFORE UPDATE ON entry "
        "BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END"
    )
    connection.commit()
    connection.close()
    with (
        pytest.raises(LedgerError, match=r"entry 4 .* was changed"),
        open_ledger(FileLocation(path)),
    ):
        pass


def test_where_another_key_is_given_a_chain_that_was_checked_is_refused(path, monkeypatch):
    work(path)
    read(path)
    monkeypatch.setenv("AFCOST_LEDGER_KEY", "a key")
    with pytest.raises(LedgerError, match="begun without a key"), open_ledger(FileLocation(path)):
        pass


def test_what_was_not_read_since_it_was_written_is_checked_whole(path, monkeypatch):
    work(path)
    counted = count_checked(monkeypatch)
    with open_ledger(FileLocation(path)):
        assert len(counted) > 20


def change_an_approval(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE approval SET \"by\" = 'somebody else'")


def refuse_a_changed_approval(path):
    with (
        pytest.raises(LedgerError, match=r"entry 1 \(approve .* was changed"),
        open_ledger(FileLocation(path)),
    ):
        pass


def test_a_chain_that_others_changed_while_it_was_written_is_checked_whole(path):
    with open_ledger(FileLocation(path)) as ledger:
        ledger.allocate("a job", Money(1))
        change_an_approval(path)
        ledger.deallocate("a job")
    read(path)
    refuse_a_changed_approval(path)


def test_a_chain_that_is_changed_while_it_is_opened_is_checked_whole(path, monkeypatch):
    """As by SQLite itself, of a journal that somebody has put beside it."""
    work(path)
    read(path)
    check = sqlite._check_file
    monkeypatch.setattr(
        sqlite, "_check_file", lambda db, path: (change_an_approval(path), check(db, path))[1]
    )
    refuse_a_changed_approval(path)


def edit(path):
    """Change it, and set back when it was written to."""
    was = path.stat()
    change_an_approval(path)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def replace(path):
    copy = path.with_name("copy.sqlite")
    shutil.copy2(path, copy)
    edit(copy)
    copy.replace(path)


def restore(path):
    """Put a copy back over it that was made by what keeps all that can be kept."""
    copy = path.with_name("copy.sqlite")
    shutil.copy2(path, copy)
    shutil.copy2(copy, path)


def truncate(path):
    os.truncate(path, path.stat().st_size - 4096)


@pytest.mark.parametrize("change", [edit, replace, restore, truncate])
def test_nothing_is_known_of_a_file_that_is_another_now(path, change):
    work(path)
    read(path)
    assert find_checked_end(find_file_state(path)) is not None
    change(path)
    assert find_checked_end(find_file_state(path)) is None


def test_a_chain_is_not_known_where_the_clock_was_set_back_since_it_was_written(path, monkeypatch):
    """Or where the disk has another clock: the next write could have the time of the last."""
    work(path)
    newest = find_file_state(path).newest
    monkeypatch.setattr("runner.state.checked_files._SETTLED_SECONDS", 2.0)
    for now in (newest - 3600, newest + 1):
        monkeypatch.setattr("runner.state.checked_files.time.time", lambda now=now: now)
        read(path)
        assert find_checked_end(find_file_state(path)) is None
