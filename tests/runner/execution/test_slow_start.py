"""The ramp: a provider that breaks the rules is caught when few requests are under way."""

from __future__ import annotations

import pytest

from pricing.money import Money
from runner.execution.scheduler import StopReason
from tests.runner import sample_experiment as labs
from tests.runner.sample_experiment import Call, FakeProvider, execution, finish, ledger_of

AMPLE = Money(10**15)


@pytest.fixture
def lab(tmp_path):
    return labs.make(tmp_path / "e", queries=40, votes=0)


def run(lab, path, script, concurrency=50):
    provider = FakeProvider(lab, script)
    with ledger_of(path, AMPLE) as ledger:
        end = finish(execution(lab, ledger, provider, concurrency=concurrency)).end
        return provider, end, ledger.balance


def test_a_provider_that_ignores_max_tokens_is_stopped_after_one_request(lab, tmp_path):
    limit = lab.subjects()[0].max_tokens
    too_long = lambda *_: Call(output=limit + 500, turns=3)  # noqa: E731
    provider, end, balance = run(lab, tmp_path / "ledger.sqlite", too_long)
    assert end is StopReason.STOPPED
    assert len(provider.sent) == 1
    assert balance.settled == provider.billed


@pytest.mark.parametrize("honest", [1, 3, 10, 30])
def test_a_breach_after_honest_answers_costs_at_most_one_step_of_the_ramp(lab, tmp_path, honest):
    limit, calls = lab.subjects()[0].max_tokens, []

    def later(request, _number):
        calls.append(request)
        return Call(output=limit + 500 if len(calls) > honest else 2, turns=3)

    provider, end, balance = run(lab, tmp_path / "ledger.sqlite", later)
    assert end is StopReason.STOPPED
    broken = len(provider.sent) - honest
    assert 1 <= broken <= honest + 1
    assert balance.settled == provider.billed


def test_one_more_request_than_was_answered_well_is_in_flight_up_to_the_concurrency(lab, tmp_path):
    seen = []

    def watched(*_):
        seen.append((provider.in_flight + 1, len(provider.answers)))
        return Call(output=2, until=labs.filled_up(16))

    provider = FakeProvider(lab, watched)
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        assert finish(execution(lab, ledger, provider, concurrency=16)).end is StopReason.COMPLETE
    assert all(in_flight <= answered + 1 for in_flight, answered in seen)
    assert max(in_flight for in_flight, _ in seen) == 16


def test_answers_whose_money_is_held_earn_no_trust(lab, tmp_path):
    lost = lambda *_: Call(fate="lost", output=2, turns=3)  # noqa: E731
    provider, end, balance = run(lab, tmp_path / "ledger.sqlite", lost)
    assert end is StopReason.STOPPED
    assert provider.most_in_flight == 1
    assert balance.held > Money()
