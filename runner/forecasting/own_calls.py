"""Own calls: what the answered calls of a run say of the lengths of those that are left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from estimator.forecast import MeasuredCalls, limit_of_use
from estimator.workload import StratumKey
from experiment.definition import list_uses
from pricing.money import Money
from runner.forecasting.gathered_calls import GatheredCalls
from runner.ledger import Attempt, BilledCall, LedgerReader
from runner.results import RunRecords
from runner.run_folder import RunFolder

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CallInFlight:
    """A call whose outcome is not known.

    Attributes:
        attempt: its id.
        stratum: that it is of.
        query: that it is of, from 0.
        since: when its money was reserved.
    """

    attempt: str
    stratum: StratumKey
    query: int
    since: datetime


@dataclass(frozen=True, slots=True)
class OwnCalls:
    """What of a run's plan is answered, paid and in flight.

    Attributes:
        calls: stratum -> its calls that say how long an answer is; no stratum without one.
        answered: stratum -> how many requests of each query are answered, also those that say
            nothing of lengths; shape (P,), for the P queries of the experiment.
        paid: what the plan's calls were settled at.
        in_flight: what is being sent; after a crash, what was.
    """

    calls: dict[StratumKey, MeasuredCalls] = field(default_factory=dict)
    answered: dict[StratumKey, Ints] = field(default_factory=dict)
    paid: Money = Money()  # noqa: RUF009 - frozen
    in_flight: tuple[CallInFlight, ...] = ()


def read_own_calls(run_folder: RunFolder, reader: LedgerReader) -> OwnCalls:
    """Read what the newest plan of a run counts, without the texts of its answers.

    A ledger that has had the work of several plans is read with its texts, job by job, to find what
    the newest one counts.

    Args:
        run_folder: of the run.
        reader: of its ledger.

    Raises:
        BadRun: the ledger has answers to queries that the run does not have.
        LedgerError: it cannot be read.
    """
    records, gathered = RunRecords(run_folder, reader), GatheredCalls(run_folder)
    if records.counts_all:
        for calls in reader.billed_calls():
            gathered.add_job(calls)
        paid = reader.balance().settled
        in_flight = [(each.attempt, each.since) for each in reader.open_attempts()]
        return _finish(run_folder, gathered, paid, in_flight)
    pico, in_flight = 0, []
    for job in records.read():
        gathered.add_job(
            BilledCall.from_answer(r.attempt, r.answer, r.settled)
            for r in job.current
            if r.answer is not None and not r.answer.has_failed
        )
        pico += sum(record.settled.pico for record in job.current)
        in_flight += [(r.attempt, r.last_at) for r in job.current if r.last_kind == "reserve"]
    return _finish(run_folder, gathered, Money(pico), in_flight)


def _finish(
    run_folder: RunFolder,
    gathered: GatheredCalls,
    paid: Money,
    in_flight: Iterable[tuple[Attempt, str]],
) -> OwnCalls:
    limits = {
        StratumKey(use.stage, use.model, use.condition.name): limit_of_use(run_folder.spec, use)
        for use in list_uses(run_folder.spec)
    }
    found = {key: calls.measure(limits.get(key, 0)) for key, calls in gathered.strata.items()}
    size = len(run_folder.queries)
    return OwnCalls(
        calls={key: calls for key, calls in found.items() if calls is not None},
        answered={key: calls.count_answered(size) for key, calls in gathered.strata.items()},
        paid=paid,
        in_flight=tuple(_list_in_flight(in_flight)),
    )


def _list_in_flight(open_: Iterable[tuple[Attempt, str]]) -> Iterator[CallInFlight]:
    for attempt, since in open_:
        key = StratumKey(attempt.stage, attempt.model, attempt.condition)
        yield CallInFlight(attempt.id, key, attempt.query, datetime.fromisoformat(since))
