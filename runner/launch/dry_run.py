"""A dry run: everything that a run checks, and its first jobs; nothing is sent or written."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from estimator.forecast import CostRange, forecast_rest
from estimator.workload import count_rest
from experiment.prompts import KnownAnswers, Request, RequestBuilder
from pricing.money import Money
from runner.approval import BindableLedger, check_bindable
from runner.billing import WorstCaseCost
from runner.errors import LedgerBusy
from runner.execution import LEASE_SECONDS, EarlierAnswers, ResumeState
from runner.launch.batch_run import ChosenBatches, price_batched
from runner.launch.connectivity import ProviderCheck, check_providers, refuse_unreachable
from runner.launch.open_cost import find_open_cost
from runner.launch.preflight import CheckedPlan, check_plan
from runner.launch.run_options import RunOptions
from runner.ledger import (
    EARLIER_PLAN_RUNS,
    Balance,
    ChunkNote,
    LedgerReader,
    check_ledger,
    is_running,
    read_ledger,
    refuse_superseded,
)
from runner.run_folder import (
    check_run_dir,
    choose_order_seed,
    match_ids_of_before,
    read_planned_files,
)
from runner.sequential import find_looks
from runner.state import Watermark

_DRY_RUN_JOBS = 8  # jobs of a dry run


def prepare_dry_run(
    plan_path: Path,
    now: datetime,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
) -> DryRun:
    """Check everything that a run checks, and return its first jobs; send and write nothing.

    The checks come in the order of `execute_plan`, so that the same one refuses.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        options: of the run.

    Raises:
        EstimatorError, RunnerError: what a run would refuse to begin for.
    """
    checked = check_plan(plan_path, now, options.folder, options.ledger_url)
    provider_checks = check_providers(checked.plan, checked.providers)
    refuse_unreachable(provider_checks)
    check_run_dir(checked.folder)
    requests = checked.verified.request_builder()
    if not check_ledger(checked.ledger_location):
        _check_binding(checked, plan_path, now, None)
        read_planned_files(checked.plan, checked.verified.experiment)
        balance = Balance(checked.approval.cap, Money(), Money(), Money(), Money())
        batches = price_batched(checked, (), options, checked.approval.until)
        begun = _Begun({}, ResumeState(), balance)
        return _find_work(checked, provider_checks, requests, begun, batches)
    with read_ledger(checked.ledger_location) as reader:
        match_ids_of_before(checked.folder, requests, reader.jobs_of_before())
        _check_binding(checked, plan_path, now, reader)
        refuse_superseded(reader.approvals(), checked.approval)
        _refuse_running_plan(checked, reader)
        read_planned_files(checked.plan, checked.verified.experiment)
        resume, works = ResumeState.from_ledger(reader), reader.works()
        balance = _foresee_balance(checked, reader)
        experiment = requests.experiment
        looks = find_looks(reader, experiment.spec, len(experiment.queries))
        first_work = works[0].digest if works else ""
        shown = frozenset(looks.shown if looks else ())
        away = reader.open_chunks()
        batches = price_batched(checked, away, options, checked.approval.until)
        begun = _Begun(EarlierAnswers(reader, requests), resume, balance, first_work, shown, away)
        found = _find_work(checked, provider_checks, requests, begun, batches)
    return replace(found, stops=tuple(looks.describe_stops() if looks else ()))


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would start with.

    Attributes:
        checked_plan: the plan, its approval and the rest.
        provider_checks: what each provider answered.
        jobs: the first jobs with a request that is not answered yet, in the order of work: the
            subject request of each, with the most that what is left of it can cost.
        left: how many requests are not answered yet: subjects, and their judges, also those that
            may turn out not to read an answer.
        cost: what these may cost.
        balance: of the ledger, as it will be once the approval is recorded in it.
        batches: the models by which it asks, and which of them in batches.
        away: batches that are at their providers, or may be.
        stops: of each model that a sequential test has stopped early, a sentence.
    """

    checked_plan: CheckedPlan
    provider_checks: list[ProviderCheck]
    jobs: list[tuple[Request, Money]]
    left: int
    cost: CostRange
    balance: Balance
    batches: ChosenBatches
    away: Sequence[ChunkNote] = ()
    stops: tuple[str, ...] = ()

    @property
    def is_stopped(self) -> bool:
        """Whether a sequential test has stopped all that is left."""
        return bool(self.stops) and not self.jobs and self.left > 0

    @property
    def is_complete(self) -> bool:
        """Whether every request is answered."""
        return self.left == 0

    @property
    def is_at_cap(self) -> bool:
        """Whether what is free does not pay for the next job, so that a run sends nothing."""
        return bool(self.jobs) and self.jobs[0][1] > self.balance.free


def _check_binding(
    checked: CheckedPlan, plan_path: Path, now: datetime, reader: LedgerReader | None
) -> None:
    """Check that the approval can be bound to the ledger, where it is not recorded there.

    Raises:
        NotApproved: it is spent by another ledger.
        RestoredLedger: the ledger is an older copy.
    """
    location = checked.ledger_location
    newest = reader.newest() if reader else Watermark("", 0, "", Money())
    if not checked.approval_file_holds or (reader and not newest.ledger):
        return  # an earlier version made the ledger, and it gets its name when it is opened
    accept = f"afcost ledger {shlex.quote(str(checked.folder))} accept-restored"

    def check_watermark(mark: Watermark) -> None:
        if reader is not None:
            reader.refuse_without(mark, str(location), accept)

    was_empty = newest.seq == 0 and not location.is_shared
    ledger = BindableLedger(location.name, newest, was_empty, check_watermark)
    check_bindable(checked.plan, plan_path, now, ledger)


def _refuse_running_plan(checked: CheckedPlan, reader: LedgerReader) -> None:
    """Refuse a shared ledger on which processes run an earlier plan of the study.

    Raises:
        LedgerBusy: they do.
    """
    works, location = reader.works(), checked.ledger_location
    if works and works[-1].digest != checked.plan.work_digest and is_running(location):
        raise LedgerBusy(EARLIER_PLAN_RUNS.format(place=location, lease=LEASE_SECONDS))


def _foresee_balance(checked: CheckedPlan, reader: LedgerReader) -> Balance:
    """Return the balance that a run begins with: what a crash left open is held, or free again."""
    now = reader.balance()
    if checked.ledger_location.is_shared:
        return Balance(checked.approval.cap, now.settled, now.held, now.reserved, now.aside)
    return Balance(checked.approval.cap, now.settled, now.held + now.reserved, Money(), Money())


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a ledger has of a study.

    Attributes:
        answered: what is answered.
        resume: what was learned.
        balance: as of `DryRun`.
        first_work: the digest of the work that was begun first; empty for none.
        shown: models that a sequential test has stopped.
        away: as of `DryRun`.
    """

    answered: KnownAnswers
    resume: ResumeState
    balance: Balance
    first_work: str = ""
    shown: frozenset[str] = frozenset()
    away: Sequence[ChunkNote] = ()


def _find_work(
    checked: CheckedPlan,
    provider_checks: list[ProviderCheck],
    requests: RequestBuilder,
    begun: _Begun,
    batches: ChosenBatches,
) -> DryRun:
    """Return what is left to be asked, with the judges of the answers that are stored."""
    plan, verified, answered = checked.plan, checked.verified, begun.answered
    models, resume = batches.models, begun.resume
    rest = count_rest(requests, models, answered)
    cost = forecast_rest(verified.experiment, models, plan.strata, rest, plan.total).total
    worst_case = WorstCaseCost(requests, models, resume.bound_excess, resume.repeats)
    jobs: list[tuple[Request, Money]] = []
    left = sum(tally.requests for tally in rest.tallies.values())
    for subject in requests.in_work_order(choose_order_seed(plan, begun.first_work)):
        if len(jobs) == _DRY_RUN_JOBS or not left:
            break
        if subject.model in begun.shown:
            continue
        if (amount := find_open_cost(requests, subject, answered, worst_case)) is not None:
            jobs.append((subject, amount))
    return DryRun(checked, provider_checks, jobs, left, cost, begun.balance, batches, begun.away)
