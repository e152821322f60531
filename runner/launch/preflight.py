"""Preflight: everything that can be checked before the first paid call is, and named at once.

The plan and its approval, every file, price and window (`estimator.stale`), every provider's key
and address, the room on the disk. What is asked of a provider is its free list of models: a key
that it refuses, or an address where nobody answers, stops the run; a provider without such a list
does not.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from estimator.plan import plan_file as plans
from estimator.plan import staleness as stale
from estimator.plan.plan import Plan
from estimator.plan.staleness import Fresh
from providers.provider import Provider
from providers.registry import providers
from runner.approval import approval_file as approvals
from runner.approval.approval import Approval
from runner.errors import CannotSend, NotApproved
from runner.launch.connectivity import used_providers
from runner.ledger.ledger import refuse_other_work
from runner.ledger.location import Location, locate
from runner.ledger.open import ledger_exists, read_ledger
from runner.ledger.schema import approvals as given_in
from runner.ledger.schema import work
from runner.run_folder import default_folder, refuse_other_plan, study_of
from runner.transport.sender import key_of

_PER_REQUEST = 20_000  # bytes of a ledger that a request may need, its answer among them
_LEAST = 50 << 20  # bytes that must be free on the disk in any case


@dataclass(frozen=True, slots=True)
class Ready:
    """A run that may begin.

    Attributes:
        plan: what was planned.
        approval: what was approved.
        fresh: the experiment as it is now, with the prices to reserve by.
        known: every provider by name.
        folder: of the run.
        ledger: where it is.
        beside: whether the approval beside the plan holds; it is not needed where the ledger has
            one.
    """

    plan: Plan
    approval: Approval
    fresh: Fresh
    known: dict[str, Provider]
    folder: Path
    ledger: Location
    beside: bool


def ready(plan_path: Path, now: datetime, folder: Path | None, ledger: str | None = None) -> Ready:
    """Check everything about a plan that no provider needs to be asked for.

    Args:
        plan_path: the plan file.
        now: the time by which approval and prices are judged.
        folder: the run folder; None takes the plan's own.
        ledger: the address of a PostgreSQL ledger; None takes the one in the folder.

    Raises:
        EstimatorError, RunnerError: the first thing that is in the way.
    """
    plan = plans.read(plan_path)
    folder = folder or default_folder(plan)
    place = locate(folder, study_of(plan), ledger)
    approval, beside = _approved(plan, plan_path, place, now)
    _check_work(plan, place)
    refuse_other_plan(folder, plan)
    fresh = stale.check(plan, now, approval.until)
    known = providers(fresh.experiment.spec.providers)
    check_endpoints(plan, known)
    check_disk(folder, 0 if place.is_shared else plan.requests_in_all)
    return Ready(plan, approval, fresh, known, folder, place, beside)


def _check_work(plan: Plan, ledger: Location) -> None:
    """Refuse a shared ledger that is for another plan's work.

    Raises:
        BadRun: it is.
    """
    if ledger.is_shared and ledger_exists(ledger):
        with read_ledger(ledger) as database:
            refuse_other_work(work(database), plan.work_digest)


def _approved(
    plan: Plan, plan_path: Path, ledger: Location, now: datetime
) -> tuple[Approval, bool]:
    """Give the newest approval: beside the plan, or in a ledger that others approved it in.

    Returns:
        the approval, and whether the one beside the plan holds.

    Raises:
        NotApproved: there is none.
    """
    shared = _in_ledger(plan, ledger, now) if ledger.is_shared else None
    try:
        approval = approvals.require(plan, plan_path, now)
        approvals.check_bound(plan_path, ledger.name, partial(ledger_exists, ledger))
    except NotApproved:
        if shared is None:
            raise
        return shared, False
    return (approval if shared is None or shared.at < approval.at else shared), True


def _in_ledger(plan: Plan, ledger: Location, now: datetime) -> Approval | None:
    if not ledger_exists(ledger):
        return None
    with read_ledger(ledger) as database:
        given = given_in(database)
    newest = given and Approval.from_json(given[-1])
    if (
        not newest
        or newest.plan != plan.digest
        or (newest.until is not None and now >= newest.until)
    ):
        return None
    return newest


def check_endpoints(plan: Plan, known: dict[str, Provider]) -> None:
    """See that every model's provider can be sent to, and has its key.

    Raises:
        CannotSend: names every provider that cannot be used.
    """
    problems = []
    for name in used_providers(plan):
        if known[name].kind == "none":
            problems.append(f"{name}: prices only; requests cannot be sent to it")
            continue
        try:
            key_of(known[name])
        except CannotSend as error:
            problems.append(str(error))
    if problems:
        raise CannotSend("\n".join(problems))


def check_disk(folder: Path, requests: int) -> None:
    """See that the answers will fit.

    Raises:
        CannotSend: they may not; nothing was sent.
    """
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    needed, free = max(_LEAST, requests * _PER_REQUEST), shutil.disk_usage(place).free
    if free < needed:
        raise CannotSend(
            f"{place}: {free >> 20:,} MiB free, but {requests:,} requests may need "
            f"{needed >> 20:,} MiB; nothing was sent. Free up space or choose another --run-dir"
        )
