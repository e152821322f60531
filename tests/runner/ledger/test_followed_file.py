"""A ledger file is read while this process writes to it."""

from contextlib import closing

import pytest

from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger.reading import FollowedFile
from tests.runner.sample_experiment import ledger_of

COUNT = "SELECT COUNT(*) FROM entry"
LATE_ERROR = "SELECT 1 UNION ALL SELECT abs(-9223372036854775808)"  # by its second row


def test_each_query_finds_what_was_written_before_it(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with ledger_of(path, Money(100)) as ledger, closing(FollowedFile(path)) as followed:
        ((before,),) = followed.execute(COUNT)
        ledger.allocate("a job", Money(1))
        assert followed.execute(COUNT).fetchone() == (before + 1,)


def test_a_row_that_cannot_be_read_is_an_error_of_the_ledger(tmp_path):
    """So that a run lets what is in flight come in, and ends, instead of holding its money."""
    path = tmp_path / "ledger.sqlite"
    with (
        ledger_of(path, Money(100)),
        closing(FollowedFile(path)) as followed,
        pytest.raises(LedgerError, match=r"cannot read ledger .*overflow"),
    ):
        followed.execute(LATE_ERROR).fetchall()
