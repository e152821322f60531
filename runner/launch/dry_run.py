"""A dry run: everything that a run checks, and its first jobs; nothing is sent or written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from estimator.workload import make_request_builder
from experiment.prompts import Request
from pricing.money import Money
from runner.billing import WorstCaseCost
from runner.errors import LedgerError
from runner.launch.connectivity import ProviderCheck, check_providers, refuse_unreachable
from runner.launch.preflight import CheckedPlan, check_plan
from runner.ledger import ledger_exists, read_ledger

_DRY_RUN_JOBS = 8  # jobs of a dry run


def prepare_dry_run(
    plan_path: Path, now: datetime, folder: Path | None = None, ledger_url: str | None = None
) -> DryRun:
    """Check everything that a run checks, and return its first jobs; send and write nothing.

    Raises:
        EstimatorError, RunnerError: what a run would refuse to begin for.
    """
    checked = check_plan(plan_path, now, folder, ledger_url)
    provider_checks = check_providers(checked.plan, checked.providers)
    refuse_unreachable(provider_checks)
    models, location = checked.verified.models, checked.ledger_location
    requests = make_request_builder(checked.verified.experiment, models)
    answered: set[str] = set()
    if ledger_exists(location):
        with read_ledger(location) as reader:
            if changed := reader.find_tampering():
                raise LedgerError(f"ledger {location}: {changed}")
            accept = f"afcost ledger {checked.folder} accept-restored"
            reader.refuse_older_copy(str(location), accept)
            answered = reader.answered_requests()
    worst_case = WorstCaseCost(requests, models, {})
    waiting = (s for s in requests.in_work_order(checked.plan.order_seed) if s.id not in answered)
    jobs = [(subject, worst_case.of_job(subject)) for subject in islice(waiting, _DRY_RUN_JOBS)]
    return DryRun(checked, provider_checks, jobs, len(answered))


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would start with.

    Attributes:
        checked_plan: the plan, its approval and the rest.
        provider_checks: what each provider answered.
        jobs: the first subject requests that are not answered yet, in the order of work, each with
            the most that it and its judges can cost.
        answered: how many requests are answered already.
    """

    checked_plan: CheckedPlan
    provider_checks: list[ProviderCheck]
    jobs: list[tuple[Request, Money]]
    answered: int
