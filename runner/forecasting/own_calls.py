"""Own calls: what the answered calls of a run say of the lengths of those that are left.

A call is all that a request took: an answer that was written in several turns is one, and so is a
request that was asked again because its first answer was none.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from estimator.forecast import MeasuredCalls, limit_of_use
from estimator.workload import StratumKey
from experiment.definition import SUBJECT, list_uses
from experiment.scoring import LENGTH
from pricing.money import Money
from runner.errors import BadRun
from runner.forecasting.blank_prompts import BlankPrompts
from runner.forecasting.call_tokens import CallReader, CountBlank
from runner.ledger import Attempt, BilledCall, LedgerReader
from runner.results import RunRecords
from runner.run_folder import RunFolder

BASIS = "pilot"  # of what is the study's own

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
    records, gathered = RunRecords(run_folder, reader), _Gathered(run_folder)
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


class _Columns:
    """The calls of a stratum, column by column."""

    def __init__(self) -> None:
        self.done = array("q")  # the query of each answered request
        self.queries, self.output = array("q"), array("q")
        self.answer_input, self.is_cut = array("d"), array("b")


class _Gathered:
    """The calls of a run, gathered job by job.

    Args:
        run_folder: of the run.
    """

    def __init__(self, run_folder: RunFolder) -> None:
        self._path, self._size = run_folder.path, len(run_folder.queries)
        self._reader = CallReader(run_folder.plan.models, _make_blank_count(run_folder))
        self.strata: defaultdict[StratumKey, _Columns] = defaultdict(_Columns)

    def add_job(self, calls: Iterable[BilledCall]) -> None:
        """Add the answered calls of a job.

        Raises:
            BadRun: they are of a query that the run does not have.
        """
        requests: dict[tuple[str, int], list[BilledCall]] = {}
        for call in calls:
            vote = 0 if call.stage == SUBJECT else call.vote
            requests.setdefault((call.stage, vote), []).append(call)
        for tries in requests.values():
            self._add_request(tries)

    def _add_request(self, tries: list[BilledCall]) -> None:
        first = tries[0]
        if not 0 <= first.query < self._size:
            raise BadRun(
                f"{self._path}: its ledger has an answer to query {first.query} of {self._size}; "
                "it was changed by something else"
            )
        columns = self.strata[StratumKey(first.stage, first.model, first.condition)]
        columns.done.append(first.query)
        read = ((each, self._reader.read(each)) for each in tries)
        measured = [(each, tokens) for each, tokens in read if tokens is not None]
        if not measured:
            return
        columns.queries.append(first.query)
        columns.output.append(sum(tokens.output for _, tokens in measured))
        columns.answer_input.append(sum(tokens.answer_input for _, tokens in measured))
        # One that was cut off may go on in another turn, and end there.
        columns.is_cut.append(measured[-1][0].finish == LENGTH)


def _finish(
    run_folder: RunFolder,
    gathered: _Gathered,
    paid: Money,
    in_flight: Iterable[tuple[Attempt, str]],
) -> OwnCalls:
    limits = {
        StratumKey(use.stage, use.model, use.condition.name): limit_of_use(run_folder.spec, use)
        for use in list_uses(run_folder.spec)
    }
    size = len(run_folder.queries)
    return OwnCalls(
        calls={
            key: _measure(columns, limits.get(key, 0))
            for key, columns in gathered.strata.items()
            if columns.queries
        },
        answered={
            key: np.bincount(_to_ints(columns.done), minlength=size)
            for key, columns in gathered.strata.items()
        },
        paid=paid,
        in_flight=tuple(_list_in_flight(in_flight)),
    )


def _list_in_flight(open_: Iterable[tuple[Attempt, str]]) -> Iterator[CallInFlight]:
    for attempt, since in open_:
        key = StratumKey(attempt.stage, attempt.model, attempt.condition)
        yield CallInFlight(attempt.id, key, attempt.query, datetime.fromisoformat(since))


def _make_blank_count(run_folder: RunFolder) -> CountBlank:
    """Return what counts a judge's blank prompt; where an earlier version kept no texts, none."""
    known: list[BlankPrompts | None] = []

    def count_blank(key: StratumKey, query: int) -> float:
        if not known:
            try:
                known.append(BlankPrompts(run_folder.request_builder(), run_folder.plan.models))
            except BadRun:
                known.append(None)
        return known[0].count(key, query) if known[0] is not None else float("inf")

    return count_blank


def _measure(columns: _Columns, limit: int) -> MeasuredCalls:
    number = len(columns.queries)
    return MeasuredCalls(
        queries=_to_ints(columns.queries),
        output=_to_ints(columns.output),
        answer_input=np.array(columns.answer_input, dtype=np.float64),
        limits=np.full(number, limit),
        is_cut=np.array(columns.is_cut, dtype=np.bool_),
        basis=BASIS,
        source=f"{number:,} answer{'s' * (number != 1)} of this study",
    )


def _to_ints(values: array[int]) -> Ints:
    return np.array(values, dtype=np.int64)
