"""What an execution begins with is what earlier ones left in the ledger."""

import pytest

from pricing.money import Money
from runner.execution.resume_state import ResumeState
from tests.runner.sample_experiment import MODEL, an_answer, an_attempt, ledger_of


@pytest.fixture
def ledger(tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", Money(1000)) as opened:
        yield opened


def test_a_first_execution_begins_with_nothing(ledger):
    assert ResumeState.from_ledger(ledger) == ResumeState()


def test_a_later_one_knows_the_excess(ledger):
    ledger.allocate("job", Money(300))
    answered = an_attempt(number=1)
    ledger.reserve(answered, Money(100))
    ledger.settle(answered, Money(60), an_answer("yes")._replace(input=17, cache_read=0))
    assert ResumeState.from_ledger(ledger) == ResumeState(bound_excess={MODEL: 17 + 1 - 12})
