"""A dry run: everything that a run checks, and its first jobs; nothing is sent or written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from experiment.prompts.request import Request
from experiment.prompts.request_builder import Requests
from pricing.money import Money
from runner.billing.worst_case import Ceilings
from runner.errors import LedgerError
from runner.launch.connectivity import Reached, reach, refuse_unreachable
from runner.launch.preflight import Ready, ready
from runner.ledger.hash_chain import flaw
from runner.ledger.open import ledger_exists, read_ledger

_SHOWN = 8  # jobs of a dry run

_ANSWERED = "SELECT request FROM answer JOIN attempt ON attempt.id = answer.attempt"


def dry_run(
    plan_path: Path, now: datetime, folder: Path | None = None, ledger: str | None = None
) -> DryRun:
    """Check everything that a run checks, and give its first jobs; nothing is sent or written.

    Raises:
        EstimatorError, RunnerError: what a run would refuse to begin for.
    """
    checked = ready(plan_path, now, folder, ledger)
    reached = reach(checked.plan, checked.known)
    refuse_unreachable(reached)
    models, place = checked.fresh.models, checked.ledger
    requests = Requests(checked.fresh.experiment, lambda name: models[name].prefill)
    answered: set[str] = set()
    if ledger_exists(place):
        with read_ledger(place) as connection:
            if changed := flaw(connection):
                raise LedgerError(f"ledger {place}: {changed}")
            answered = {row[0] for row in connection.execute(_ANSWERED)}
    ceilings = Ceilings(requests, models, {})
    waiting = (s for s in requests.interleaved(checked.plan.work_digest) if s.id not in answered)
    jobs = [(subject, ceilings.of_job(subject)) for subject in islice(waiting, _SHOWN)]
    return DryRun(checked, reached, jobs, len(answered))


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would begin with.

    Attributes:
        checked: the plan, its approval and the rest.
        reached: what each provider answered.
        jobs: the first subject requests that are not answered yet, in the order of work, each with
            the most that it and its judges can cost.
        answered: how many requests are answered already.
    """

    checked: Ready
    reached: list[Reached]
    jobs: list[tuple[Request, Money]]
    answered: int
