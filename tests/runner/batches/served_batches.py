"""Runs with batches at the test provider, over HTTP, which are killed at a step and run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from estimator.workload.model_resolution import resolve_models
from experiment.definition.loader import load_experiment
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources.user_prices import read_user_prices
from providers.batches import find_batch_limits
from providers.provider import Provider
from providers.registry import load_providers
from runner.execution import StopReason
from runner.transport.batches import BatchClient
from tests.runner.batches.fake_batches import Crash, Killer, Run
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import DAY, FakeProvider, Lab, always, ledger_of, write
from tests.support.provider.batches.batch_behaviour import BatchBehaviour, BatchFault
from tests.support.provider.batches.served_forms import FORMS
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.bill import Bill
from tests.support.provider.server import ProviderHandle

# What a provider has done and never tells is held, and asked for again.
UNTOLD = {"missing", "not_json", "results_short"}
# Google gives no results of a batch that ran out of time, though it may bill what was done.
UNTOLD_BY_FORM = {("google", "expired"), ("google", "cancelled")}
_FIRST = (1, 2)
FAULTS = {
    "none": (),
    **{
        kind: (BatchFault(kind, calls=_FIRST),)  # type: ignore[arg-type]
        for kind in (
            "upload_429", "upload_500", "upload_cut", "upload_lost",
            "create_429", "create_500", "create_cut", "create_lost", "create_lost_500",
            "create_malformed", "token_limit", "expired", "cancelled", "all_failed", "some_failed",
            "goes_back", "poll_404", "poll_429", "poll_500", "poll_cut", "results_404",
            "results_500", "results_cut", "results_short", "duplicated", "unsorted", "missing",
            "unknown_ids", "not_json",
        )
    },
    "create_lost, listed_late": (
        BatchFault("create_lost", calls=_FIRST),
        BatchFault("listed_late", calls=_FIRST),
    ),
}  # fmt: skip
# Each judge's prompt is its own, so that the provider's account tells requests apart.
_JUDGE = "{{ query }} ({{ tier }}: {{ how }}) Was this refused? Answer: {{ output }}"
_PRICES = ("0.40", "0.80")
_CAP_IN_JOBS = 12
_MOST_RUNS = 15


@dataclass(frozen=True)
class Outcome:
    """What came of a run that was killed at a step, and of those after it, at the provider.

    Attributes:
        was_killed: whether it came as far as the step.
        share: what was billed of the cap.
        paid_twice: requests that were billed more than once.
        lost: requests without an answer in the end.
        end: how the last run ended.
        reason: why.
    """

    was_killed: bool
    share: float
    paid_twice: int
    lost: int
    end: StopReason | None
    reason: str


@dataclass(frozen=True)
class Served:
    """An experiment at a form's address, with all that its runs share.

    Attributes:
        form: as in `FORMS`.
        lab: the experiment.
        server: the test provider.
        providers: the registry of it.
        cap: of each run.
        requests: how many are answered in the end.
    """

    form: str
    lab: Lab
    server: ProviderHandle
    providers: dict[str, Provider]
    cap: Money
    requests: int


def make_served(folder: Path, form: str, server: ProviderHandle, queries: int = 2) -> Served:
    """Write an experiment at a form's address at the test provider, at the price of batches.

    A chunk is one block, for no more is a tenth of the cap: as many chunks a stage as queries.
    """
    model, path = FORMS[form].model, FORMS[form].path
    providers = {form: {"base_url": f"{server.url}{path}"}}
    source = write(folder, queries=queries, model=model, providers=providers, judge_prompt=_JUDGE)
    price = dict(zip(("input", "output"), ("0.20", "0.40"), strict=True))
    (folder / "afcost.prices.yaml").write_text(yaml.safe_dump({"prices": {model: price}}))
    experiment = load_experiment(str(source))
    lab = Lab(experiment, resolve_models(experiment, PriceBook(DAY, read_user_prices([folder]))))
    known = load_providers(experiment.spec.providers)
    cap = lab.dearest_job() * _CAP_IN_JOBS
    return Served(form, lab, server, dict(known), cap, 2 * len(lab.subjects()))


def kill_served(served: Served, folder: Path, fault: str, step: int) -> Outcome:
    """Kill a run at a step, run it until it ends, and check its books after each run."""
    folder.mkdir()
    server = served.server
    batches = BatchBehaviour(faults=FAULTS[fault])
    server.reset(Behaviour(text="yes", input_tokens=12, output_tokens=2, batches=batches))
    run = _prepare(served, folder)
    run.kill, was_killed = Killer(step).step, True
    try:
        run.go()
        was_killed = False
    except* Crash:
        pass
    run.kill = lambda: None
    progress = None
    for _ in range(_MOST_RUNS):
        _check_books(run, server.bill())
        progress, _ = run.go()
        if progress.end is StopReason.COMPLETE:
            break
    server.finish_batches()
    bill = server.bill()
    billed = _check_books(run, bill)
    assert progress is not None
    with ledger_of(run.path) as ledger:
        lost = served.requests - len(answered_texts(ledger))
    return Outcome(
        was_killed,
        billed.pico / run.cap.pico,
        _count_paid_twice(bill),
        lost,
        progress.end,
        progress.reason,
    )


def _prepare(served: Served, folder: Path) -> Run:
    """Return runs in a folder, with nothing in it yet."""
    lab, providers = served.lab, served.providers
    limits = find_batch_limits(providers[served.form])
    assert limits is not None
    return Run(
        lab,
        folder / "ledger.sqlite",
        served.cap,
        None,  # type: ignore[arg-type]
        FakeProvider(lab, always()),
        frozenset(lab.models),
        limits,
        client=lambda: BatchClient(providers),
        providers=providers,
        let_time_pass=served.server.finish_batches,
    )


def _check_books(run: Run, bill: Bill) -> Money:
    """Check that whatever was billed is accounted for, within the cap; return it."""
    billed = Money.from_usd(bill.cost(dict.fromkeys({each.model for each in bill.calls}, _PRICES)))
    with ledger_of(run.path, run.cap) as ledger:
        now = ledger.balance
        assert billed <= now.settled + now.held + now.reserved <= run.cap
    return billed


def _count_paid_twice(bill: Bill) -> int:
    prompts = Counter(each.prompt for each in bill.billed)
    return sum(times > 1 for times in prompts.values())


@contextmanager
def with_keys(monkeypatch) -> Iterator[None]:
    """Have a key for each form."""
    with monkeypatch.context() as patched:
        for form in FORMS.values():
            patched.setenv(form.key, "sk-test")
        yield
