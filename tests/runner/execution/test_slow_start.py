"""Slow start: a provider that breaks the rules is caught when few requests are under way."""

from __future__ import annotations

import pytest

from pricing.money import Money
from runner.execution import SlowStart, StopReason
from runner.state import Trust
from tests.runner import sample_experiment as labs
from tests.runner.sample_experiment import Call, FakeProvider, execution, finish, ledger_of

AMPLE = Money(10**15)


@pytest.fixture
def lab(tmp_path):
    return labs.make(tmp_path / "e", queries=40, votes=0)


def run(lab, path, script, concurrency=50, **options):
    provider = FakeProvider(lab, script)
    with ledger_of(path, AMPLE) as ledger:
        end = finish(execution(lab, ledger, provider, concurrency=concurrency, **options)).end
        return provider, end, ledger.balance


def test_a_provider_that_ignores_max_tokens_is_stopped_after_one_request(lab, tmp_path):
    limit = lab.subjects()[0].max_tokens
    too_long = lambda *_: Call(output=limit + 500, turns=3)  # noqa: E731
    provider, end, balance = run(lab, tmp_path / "ledger.sqlite", too_long)
    assert end is StopReason.STOPPED
    assert len(provider.sent) == 1
    assert balance.settled == provider.billed


@pytest.mark.parametrize("honest", [1, 3, 10, 30])
def test_a_breach_after_honest_answers_costs_at_most_what_these_admitted(lab, tmp_path, honest):
    limit, calls = lab.subjects()[0].max_tokens, []

    def later(request, _number):
        calls.append(request)
        return Call(output=limit + 500 if len(calls) > honest else 2, turns=3)

    provider, end, balance = run(lab, tmp_path / "ledger.sqlite", later)
    assert end is StopReason.STOPPED
    broken = len(provider.sent) - honest
    assert 1 <= broken <= min(1 + 3 * honest, 50)
    assert balance.settled == provider.billed


@pytest.mark.parametrize(
    ("honest", "most"), [(1, 1 + 3), (5, 20), (30, 50)], ids=["square", "allowance", "three each"]
)
def test_a_breach_costs_no_more_than_what_the_allowance_pays_for(lab, tmp_path, honest, most):
    """A hundredth of the cap pays for 20 requests: so many may be in flight after few answers."""
    limit, calls = lab.subjects()[0].max_tokens, []
    allowance = Money(20 * max(map(lab.ceiling, lab.subjects())).pico)
    starts = {name: SlowStart(50, None, allowance) for name in lab.models}

    def later(request, _number):
        calls.append(request)
        return Call(output=limit + 500 if len(calls) > honest else 2, turns=3)

    provider, end, _ = run(lab, tmp_path / "ledger.sqlite", later, slow_starts=starts)
    assert end is StopReason.STOPPED
    assert 1 <= len(provider.sent) - honest <= most


def test_few_answers_admit_what_the_allowance_pays_for_until_something_went_wrong():
    start = SlowStart(50, None, Money(200))
    start.meet(Money(10))
    sizes = [start.size]
    for _ in range(8):
        start.increase()
        sizes.append(start.size)
    assert sizes == [1, 4, 9, 16, 20, 20, 20, 22, 25]
    start.meet(Money(100))  # the allowance pays for two of these
    assert start.size == 25
    start.restart()
    sizes = [start.size]
    for _ in range(4):
        start.increase()
        sizes.append(start.size)
    assert sizes == [1, 4, 7, 10, 13]


def test_each_good_answer_admits_three_more_requests_up_to_the_concurrency(lab, tmp_path):
    seen = []

    def watched(*_):
        seen.append((provider.in_flight + 1, len(provider.answers)))
        return Call(output=2, until=labs.filled_up(16))

    provider = FakeProvider(lab, watched)
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        assert finish(execution(lab, ledger, provider, concurrency=16)).end is StopReason.COMPLETE
    assert all(in_flight <= 1 + 3 * answered for in_flight, answered in seen)
    assert max(in_flight for in_flight, _ in seen) == 16


def test_answers_whose_money_is_held_earn_no_trust(lab, tmp_path):
    lost = lambda *_: Call(fate="lost", output=2, turns=3)  # noqa: E731
    provider, end, balance = run(lab, tmp_path / "ledger.sqlite", lost)
    assert end is StopReason.STOPPED
    assert provider.most_in_flight == 1
    assert balance.held > Money()


def test_trust_from_earlier_runs_puts_no_more_at_risk_than_its_allowance(lab, tmp_path):
    """A provider that begins to break its word is met by so many, and has no trust after that."""
    limit, most = lab.subjects()[0].max_tokens, max(map(lab.ceiling, lab.subjects()))
    trust, allowance = Trust(answers=1000), Money(7 * most.pico)
    starts = {name: SlowStart(50, trust, allowance) for name in lab.models}
    provider = FakeProvider(lab, lambda *_: Call(output=limit + 500, turns=3))
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        running = execution(lab, ledger, provider, concurrency=50, slow_starts=starts)
        assert finish(running).end is StopReason.STOPPED
        reserved = sum(map(lab.ceiling, provider.sent), Money())
    assert 5 <= len(provider.sent) <= 7
    assert reserved <= allowance
    assert all(start.size == 1 for start in starts.values())
