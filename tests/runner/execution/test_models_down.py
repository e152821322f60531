"""A model that is down or stops: the others go on, and nothing more is sent to it than probes."""

import time
from dataclasses import replace

import pytest
import yaml

from estimator.workload.model_resolution import resolve_models
from experiment.definition.loader import load_experiment
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources.user_prices import read_user_prices
from providers.failures import Billed, FailureMeaning, FailureScope
from runner.execution.retry import RetryPolicy
from runner.execution.scheduler import StopReason
from runner.transport.outcome import NotBilled, Unknown
from tests.runner import sample_experiment as labs
from tests.runner.sample_experiment import AMPLE, FakeProvider, always, execution, ledger_of

OTHER = "my-lab/llama-3.1-70b"
BRISK = RetryPolicy(base_delay=0.02, max_delay=0.4)


@pytest.fixture
def lab(tmp_path):
    path = labs.write(tmp_path / "e", queries=5, votes=0, models=[labs.MODEL, OTHER])
    price = {"input": "0.40", "output": "0.80"}
    prices = {"prices": {labs.MODEL: price, OTHER: price}}
    (tmp_path / "e" / "afcost.prices.yaml").write_text(yaml.safe_dump(prices), encoding="utf-8")
    experiment = load_experiment(str(path))
    return labs.Lab(
        experiment, resolve_models(experiment, PriceBook(labs.DAY, read_user_prices([path.parent])))
    )


class Unwell(FakeProvider):
    """A provider one of whose models fails until the other has given so many answers."""

    def __init__(self, lab, outcome, answers=10**6):
        super().__init__(lab, always())
        self.outcome, self.least = outcome, answers
        self.failed = []  # when

    async def send(self, name, request):
        if request.model == OTHER and len(self.answers) < self.least:
            self.failed.append(time.monotonic())
            return self.outcome
        return await super().send(name, request)


def overloaded():
    model = FailureScope.MODEL
    said = labs.failure("HTTP 503", FailureMeaning.OVERLOADED, model, retries=True)
    return Unknown(replace(said, billed=Billed.MAYBE))


@pytest.mark.parametrize("concurrency", [1, 10, 50, 200])
def test_an_outage_that_ends_after_the_other_models_work_holds_little_and_the_run_completes(
    lab, tmp_path, concurrency
):
    provider = Unwell(lab, overloaded(), answers=4 * 5)
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        running = execution(lab, ledger, provider, concurrency=concurrency, patience=BRISK)
        assert labs.finish(running).end is StopReason.COMPLETE
        assert len(ledger.held_attempts()) == len(provider.failed) <= 2 * concurrency
        assert ledger.balance.aside == ledger.balance.reserved == Money()
    assert len(provider.answers) == 2 * 4 * 5
    gaps = [b - a for a, b in zip(provider.failed, provider.failed[1:], strict=False)]
    assert all(gap >= BRISK.base_delay for gap in gaps)


@pytest.mark.parametrize("end", ["", "."])
@pytest.mark.parametrize("concurrency", [1, 10, 50])
def test_a_model_that_is_not_known_stops_alone_and_is_named(lab, tmp_path, concurrency, end):
    unknown = labs.failure(f"HTTP 404: no such model{end}", FailureMeaning.UNKNOWN_MODEL)
    provider = Unwell(lab, NotBilled(replace(unknown, scope=FailureScope.MODEL)))
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        progress = labs.finish(execution(lab, ledger, provider, concurrency=concurrency))
        assert ledger.balance.held == Money()
    assert progress.end is StopReason.STOPPED
    assert progress.reason.startswith(f"{OTHER}: HTTP 404: no such model; ")
    assert len(provider.answers) == 4 * 5
    assert len(provider.failed) == 1


def test_a_job_whose_subject_is_answered_keeps_its_model_from_no_other_probe(tmp_path):
    lab = labs.make(tmp_path / "e", queries=1)
    probing = []

    def look(_):
        asked = provider.sent[-1]
        if asked.subject:
            probing.append(asked.subject in running._probing)

    provider = FakeProvider(lab, always(), on_call=look)
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        running = execution(lab, ledger, provider)
        running._probing = {subject.id: "a model that is down" for subject in lab.subjects()}
        assert labs.finish(running).end is StopReason.COMPLETE
    assert probing == [False] * 4
