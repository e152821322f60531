"""Run outcomes: what a complete run came to, beside its plan's forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from estimator.errors import EstimatorError
from estimator.forecast import Stratum, compare_with_range, join_bases
from experiment.errors import ExperimentError
from pricing.errors import PricingError
from pricing.money import Money
from runner.coverage.finished_run import FinishedRun, StratumOutcome
from runner.coverage.kept_runs import keep_run, read_kept_runs
from runner.errors import RunnerError
from runner.ledger import LedgerReader, is_running, read_ledger
from runner.results import RunRecords, find_unplanned_batches
from runner.run_folder import RunFolder, open_run_folder
from runner.state import list_known_ledgers

_COMPLETE = "complete"
_Key = tuple[str, str, str]


def read_finished_run(run_folder: RunFolder) -> FinishedRun | None:
    """Read what a run came to; None where it is not complete, or was forecast without a range.

    None as well where no line can hold it, and where batches took the place of calls that were
    planned: at their price it says nothing of the forecast.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    location = run_folder.ledger_location
    with read_ledger(location) as reader:
        if reader.end().how != _COMPLETE or is_running(location):
            return None
        if find_unplanned_batches(run_folder.plan, reader.chunks()):
            return None
        costs, ledger = _add_up_costs(run_folder, reader), reader.identity()
    plan = run_folder.plan
    strata = tuple(_compare(each, costs.get(each.key, Money())) for each in plan.strata)
    total = compare_with_range(
        plan.total, sum(costs.values(), Money()), join_bases({each.basis for each in plan.strata})
    )
    if not total.has_range:
        return None
    now = datetime.now(UTC).replace(microsecond=0)
    run = FinishedRun(ledger, plan.digest, plan.study or plan.name, now, total, strata)
    try:
        return FinishedRun.from_line(run.to_line().decode())  # rounded as it is kept
    except ValueError:  # a name, or an amount, is longer than a line may hold
        return None


def _add_up_costs(run_folder: RunFolder, reader: LedgerReader) -> dict[_Key, Money]:
    """Return what each stratum that the plan counts came to."""
    records = RunRecords(run_folder, reader)
    if records.counts_all:
        return reader.booked_by_stratum()
    pico: dict[_Key, int] = {}
    for job in records.read():
        for record in job.current:
            attempt = record.attempt
            key = (attempt.stage, attempt.model, attempt.condition)
            pico[key] = pico.get(key, 0) + record.settled.pico
    return {key: Money(amount) for key, amount in pico.items()}


def _compare(planned: Stratum, actual: Money) -> StratumOutcome:
    outcome = compare_with_range(planned.cost, actual, planned.basis)
    return StratumOutcome(planned.stage, planned.model, planned.condition, outcome)


def keep_finished_run(run_folder: RunFolder) -> FinishedRun | None:
    """Keep what a run came to, where it is complete and not kept already.

    Raises:
        RunnerError: the ledger, or the file of kept runs, cannot be read.
        OSError: it could not be written.
    """
    run = read_finished_run(run_folder)
    if run is not None and not _is_kept(run, read_kept_runs()):
        keep_run(run)
    return run


def _is_kept(run: FinishedRun, kept: Iterable[FinishedRun]) -> bool:
    return any((run.key, run.total, run.strata) == (k.key, k.total, k.strata) for k in kept)


def find_finished_runs(known: Iterable[FinishedRun]) -> Iterator[FinishedRun]:
    """Yield complete runs that are not known yet, of the ledger files that are known here.

    A run folder that is gone, or that cannot be read, is left out.

    Args:
        known: the runs that are kept.
    """
    kept = {run.key for run in known}
    for ledger in list_known_ledgers():
        if not ledger.location or "://" in ledger.location:
            continue  # shared: what ran on this machine was kept at its end
        if (ledger.identity, ledger.plan) in kept:
            continue
        with suppress(*_UNREADABLE):
            run = read_finished_run(open_run_folder(Path(ledger.location).parent))
            if run is not None and run.ledger == ledger.identity and run.key not in kept:
                yield run


_UNREADABLE = (RunnerError, EstimatorError, ExperimentError, PricingError, OSError)
