"""What is kept beside a ledger is written by several processes, none of which stops the others."""

import time

import pytest
from filelock import FileLock

from pricing.money import Money
from runner.state import KnownLedger, Watermark

IDENTITY = "0123456789abcdef" * 2


@pytest.fixture
def known(monkeypatch, tmp_path):
    monkeypatch.setenv("AFCOST_HOME", str(tmp_path))
    return KnownLedger(IDENTITY)


def mark(seq):
    return Watermark(IDENTITY, seq, f"{seq:064x}", Money(seq))


def test_one_that_is_suspended_while_it_writes_does_not_slow_the_others(known, monkeypatch):
    patience = 1.0
    monkeypatch.setattr("runner.state.known_ledgers._LOCK_TIMEOUT", patience)
    with known.open_mark(known.new_turn()) as mine:
        mine.write(mark(1))
        with FileLock(known.folder / "known.lock"):  # of the one that was suspended
            began, marks = time.monotonic(), 20
            for seq in range(2, 2 + marks):
                with pytest.raises(OSError, match="lock"):
                    mine.write(mark(seq))
            assert time.monotonic() - began < patience * marks / 2
            assert known.newest == mark(1)
        mine.write(mark(30))
    assert known.newest == mark(30)
