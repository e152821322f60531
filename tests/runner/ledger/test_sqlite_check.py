"""A stranger's ledger file is refused before its rows are read, and names what is foreign."""

import os
import sqlite3

import pytest

from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger.location import FileLocation
from runner.ledger.open import open_ledger, read_ledger
from tests.runner.sample_experiment import approval

UNLOCK = "DROP TRIGGER entry_stays"
ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with open_ledger(FileLocation(path)) as ledger:
        ledger.record_approval(approval(Money(1000)))
    return path


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (
            ["CREATE TRIGGER evil AFTER INSERT ON entry BEGIN DELETE FROM answer; END"],
            "trigger 'evil'",
        ),
        (
            [UNLOCK, "CREATE TRIGGER entry_stays BEFORE UPDATE ON entry BEGIN SELECT 1; END"],
            "stays",
        ),
        (
            [
                "ALTER TABLE answer RENAME TO other",
                f"CREATE VIEW answer AS {ENDLESS} SELECT * FROM n",
            ],
            "(view 'answer'|table 'other')",
        ),
        (["CREATE VIEW more AS SELECT 1"], "view 'more'"),
        (["CREATE TABLE more (a TEXT)"], "table 'more'"),
        (["CREATE INDEX evil ON entry (length(note))"], "index 'evil'"),
        (["ALTER TABLE answer ADD COLUMN more TEXT"], "answer has other columns"),
        (
            [
                "ALTER TABLE answer DROP COLUMN usage",
                "ALTER TABLE answer ADD COLUMN usage TEXT AS (hex(zeroblob(9)))",
            ],
            "answer has other columns",
        ),
        ([UNLOCK, "UPDATE entry SET settled = 'much'"], "entry holds a value of another type"),
        (["UPDATE approval SET cap = 'much'"], "approval holds a value of another type"),
        (["UPDATE approval SET by = x'ff'"], "approval holds a value of another type"),
        (["UPDATE approval SET by = hex(zeroblob(20000000))"], "too big"),
    ],
)
def test_what_afcost_did_not_make_is_refused(path, statements, named):
    with sqlite3.connect(path, isolation_level=None) as database:
        for statement in statements:
            database.execute(statement)
    database.close()
    with pytest.raises(LedgerError, match=named), read_ledger(FileLocation(path)) as reader:
        reader.approvals()
    with pytest.raises(LedgerError, match=named), open_ledger(FileLocation(path)):
        pass


def test_a_ledger_of_ones_own_is_read_as_it_is(path):
    with open_ledger(FileLocation(path)) as ledger:
        assert ledger.balance.cap == Money(1000)
    with read_ledger(FileLocation(path)) as reader:
        assert reader.find_tampering() is None


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_fifo_in_the_place_of_a_ledger_is_not_waited_for(path, suffix):
    place = path.with_name(path.name + suffix)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    with pytest.raises(LedgerError, match="not a regular file"), read_ledger(FileLocation(path)):
        pass
    with pytest.raises(LedgerError, match="not a regular file"), open_ledger(FileLocation(path)):
        pass
