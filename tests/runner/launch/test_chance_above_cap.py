"""How likely a plan costs more than its study's cap, with what is spent."""

import pytest

from estimator.forecast import CostRange, Forecast
from pricing.money import Money
from runner.launch.study_progress import StudyProgress
from runner.ledger import Balance

REST = CostRange(10, 6, 10, 15, Money.from_usd("40"))
SPENT = Money.from_usd("5")


@pytest.mark.parametrize(("cap", "chance"), [("15", 0.5), ("20", 0.05), ("11", 0.95), ("45", 0.0)])
def test_what_is_spent_counts_towards_the_cap(cap, chance):
    balance = Balance(Money.from_usd(cap), SPENT, Money(), Money(), Money())
    progress = StudyProgress("s", "here", balance, 1, {}, (), Forecast((), {}, REST))
    assert progress.chance_above_cap == pytest.approx(chance)
    assert progress.to_json()["chance_above_cap"] == pytest.approx(chance, abs=1e-4)


def test_without_a_cap_nothing_is_said():
    balance = Balance(Money(), SPENT, Money(), Money(), Money())
    progress = StudyProgress("s", "here", balance, 1, {}, (), Forecast((), {}, REST))
    assert progress.chance_above_cap is None
    assert progress.to_json()["chance_above_cap"] is None
