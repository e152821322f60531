"""A run whose model is trusted: all would go at once, but for the first request of each prefix."""

from __future__ import annotations

from collections import Counter

import pytest

from experiment.prompts.request import CacheMark
from experiment.prompts.request_builder import RequestBuilder
from pricing.money import Money
from runner.execution import SlowStart, StopReason
from runner.state import Trust
from tests.runner import sample_experiment as labs
from tests.runner.sample_experiment import Call, FakeProvider, execution, finish, ledger_of

AMPLE, IN_FLIGHT = Money(10**15), 12


class MarkedLab(labs.Lab):
    """An experiment whose prompts share one prefix with `cot`, and another one without."""

    @property
    def requests(self) -> RequestBuilder:
        (model,) = self.models
        marks = {
            ("subject", model, each): CacheMark(each.split("/")[1], 1, "5m", 100)
            for each in self.conditions
        }
        return RequestBuilder(self.experiment, lambda *_: True, self._templates, marks=marks)


@pytest.fixture
def lab(tmp_path):
    plain = labs.make(tmp_path / "e", queries=8, votes=0)
    return MarkedLab(plain.experiment, plain.models)


def run(lab, path, script):
    starts = {name: SlowStart(IN_FLIGHT, Trust(answers=IN_FLIGHT), AMPLE) for name in lab.models}
    provider = FakeProvider(lab, script)
    with ledger_of(path, AMPLE) as ledger:
        running = execution(lab, ledger, provider, concurrency=IN_FLIGHT, slow_starts=starts)
        return provider, finish(running).end, ledger.balance


def first_of_each(provider):
    """Return how many requests of each prefix were sent before one of it was answered."""
    told = {}
    for request, _, sent_by_then in provider.told:
        told.setdefault(request.mark.key, sent_by_then)
    return {
        key: sum(1 for each in provider.sent[:by] if each.mark.key == key)
        for key, by in told.items()
    }


def test_one_request_of_each_prefix_goes_first(lab, tmp_path):
    provider, end, balance = run(lab, tmp_path / "l.sqlite", lambda *_: Call(output=2, turns=40))
    assert end is StopReason.COMPLETE
    assert first_of_each(provider) == {"cot": 1, "plain": 1}
    assert provider.most_in_flight > IN_FLIGHT // 2, "the others went together"
    assert balance.settled == provider.billed


def test_where_first_answers_are_lost_others_lead_and_nothing_is_lost_of_the_money(lab, tmp_path):
    calls = Counter()

    def script(request, _number):
        calls[request.mark.key] += 1
        is_first = calls[request.mark.key] == 1
        return Call(output=2, fate="lost" if is_first else "answered", turns=5)

    provider, end, balance = run(lab, tmp_path / "l.sqlite", script)
    assert end is StopReason.COMPLETE
    assert len({each.id for each in provider.answers}) == 4 * 8
    assert balance.settled <= provider.billed <= balance.settled + balance.held
