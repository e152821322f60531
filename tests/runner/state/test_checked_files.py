"""A ledger file is looked through once; one that was changed since is looked through again."""

from __future__ import annotations

import sqlite3

import pytest

from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger import FileLocation, open_ledger, read_ledger, sqlite_check
from runner.state import find_file_state, is_checked
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
