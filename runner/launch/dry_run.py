"""A dry run: everything that a run checks, and its first jobs; nothing is sent or written."""

from __future__ import annotations

import shlex
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
from runner.launch.connectivity import ProviderCheck, check_providers, refuse_unreachable
from runner.launch.open_cost import find_open_cost
from runner.launch.preflight import CheckedPlan, check_plan
from runner.ledger import (
    EARLIER_PLAN_RUNS,
    Balance,
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
    plan_path: Path, now: datetime, folder: Path | None = None, ledger_url: str | None = None
) -> DryRun:
    """Check everything that a run checks, and return its first jobs; send and write nothing.

    The checks come in the order of `execute_plan`, so that the same one refuses.

    Raises:
        EstimatorError, RunnerError: what a run would refuse to begin for.
    """
    checked = check_plan(plan_path, now, folder, ledger_url)
    provider_checks = check_providers(checked.plan, checked.providers)
    refuse_unreachable(provider_checks)
    check_run_dir(checked.folder)
    requests = checked.verified.request_builder()
    if not check_ledger(checked.ledger_location):
        _check_binding(checked, plan_path, now, None)
        read_planned_files(checked.plan, checked.verified.experiment)
        balance = Balance(checked.approval.cap, Money(), Money(), Money(), Money())
        return _find_work(checked, provider_checks, requests, {}, ResumeState(), balance, "")
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
        answered = EarlierAnswers(reader, requests)
        found = _find_work(
            checked, provider_checks, requests, answered, resume, balance, first_work, shown
        )
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
        stops: of each model that a sequential test has stopped early, a sentence.
    """

    checked_plan: CheckedPlan
    provider_checks: list[ProviderCheck]
    jobs: list[tuple[Request, Money]]
    left: int
    cost: CostRange
    balance: Balance
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


def _find_work(  # noqa: PLR0913 - what is left of a run
    checked: CheckedPlan,
    provider_checks: list[ProviderCheck],
    requests: RequestBuilder,
    answered: KnownAnswers,
    resume: ResumeState,
    balance: Balance,
    first_work: str,
    shown: frozenset[str] = frozenset(),
) -> DryRun:
    """Return what is left to be asked, with the judges of the answers that are stored."""
    plan, verified = checked.plan, checked.verified
    rest = count_rest(requests, verified.models, answered)
    cost = forecast_rest(verified.experiment, verified.models, plan.strata, rest, plan.total).total
    worst_case = WorstCaseCost(requests, verified.models, resume.bound_excess, resume.repeats)
    jobs: list[tuple[Request, Money]] = []
    left = sum(tally.requests for tally in rest.tallies.values())
    for subject in requests.in_work_order(choose_order_seed(plan, first_work)):
        if len(jobs) == _DRY_RUN_JOBS or not left:
            break
        if subject.model in shown:
            continue
        if (amount := find_open_cost(requests, subject, answered, worst_case)) is not None:
            jobs.append((subject, amount))
    return DryRun(checked, provider_checks, jobs, left, cost, balance)
