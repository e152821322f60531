"""The status of a run: requests, money, and how it ended, read without the texts of its answers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from estimator.forecast import Stratum
from estimator.workload import StratumKey
from experiment.definition import SUBJECT
from pricing.money import Money
from runner.ledger import LedgerReader, StratumSums, is_running, read_ledger
from runner.results import (
    RunRecords,
    RunState,
    StrataTally,
    StratumActual,
    find_in_flight,
    judge_outcome,
    name_answer,
)
from runner.run_folder import RunFolder


def read_status(run_folder: RunFolder) -> RunState:
    """Read the status of a run, even while it is running; of its strata no tokens.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with read_ledger(run_folder.ledger_location) as reader:
        is_busy = is_running(run_folder.ledger_location)
        outcome, end = judge_outcome(reader, is_running=is_busy)
        away = tuple(reader.open_chunks())
        has_open = outcome == "partial" and (not end.how or bool(away))
        balance = reader.balance()
        held = reader.held_amounts() if balance.held else []
        plan_file = reader.plan_file()
        return RunState(
            run_folder,
            outcome,
            end.how,
            end.reason,
            balance,
            len(held),
            Money(sum(held)),
            _read_strata(run_folder, reader, is_busy=is_busy, has_crashed=has_open),
            Path(plan_file) if plan_file else None,
            away,
        )


def _read_strata(
    run_folder: RunFolder, reader: LedgerReader, *, is_busy: bool, has_crashed: bool
) -> tuple[tuple[Stratum, StratumActual], ...]:
    records = RunRecords(run_folder, reader)
    if not records.counts_all:
        return _add_up(run_folder, records, is_busy=is_busy, has_crashed=has_crashed)
    open_ = _count_open(reader) if has_crashed else Counter[StratumKey]()
    found = {
        StratumKey(*sums[:3]): _describe(sums, open_[StratumKey(*sums[:3])], is_busy=is_busy)
        for sums in reader.sum_strata()
    }
    return tuple((each, found.get(each.key, StratumActual())) for each in run_folder.plan.strata)


def _describe(sums: StratumSums, open_: int, *, is_busy: bool) -> StratumActual:
    unanswered = sums.requests - sums.answered
    in_flight = unanswered if is_busy else open_
    return StratumActual(
        requests=sums.answered,
        cost=Money(sums.settled),
        in_flight=in_flight,
        failed=unanswered - in_flight,
        turns=sums.calls if sums.stage == SUBJECT else 0,
    )


def _count_open(reader: LedgerReader) -> Counter[StratumKey]:
    """Return how many requests of each stratum were being sent when the last execution crashed."""
    found: Counter[StratumKey] = Counter()
    jobs = dict.fromkeys(each.attempt.job for each in reader.open_attempts())
    for records in reader.jobs_of(jobs):
        strata = {name_answer(a): StratumKey(a.stage, a.model, a.condition) for a, *_ in records}
        names = find_in_flight(records, is_running=False, has_crashed=True)
        found.update(strata[name] for name in names)
    return found


def _add_up(
    run_folder: RunFolder, records: RunRecords, *, is_busy: bool, has_crashed: bool
) -> tuple[tuple[Stratum, StratumActual], ...]:
    """Add up what the plan counts of a ledger that has had others, job by job."""
    tally = StrataTally()
    for job in records.read():
        in_flight = find_in_flight(job.current, is_running=is_busy, has_crashed=has_crashed)
        tally.add(job.current, in_flight)
    return tuple(tally.match(run_folder.plan.strata))
