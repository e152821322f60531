"""Preflight: everything that can be checked before the first paid call.

The plan, its approval and what that confirms, every file, price and context window (`verify_plan`),
every provider's key, and the free space on the disk. What needs a provider is checked in
`connectivity`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from estimator.errors import StalePlan
from estimator.plan import Plan, VerifiedPlan, read_plan, verify_plan
from experiment.definition import Experiment
from pricing.errors import Disputed
from providers.provider import Provider
from providers.registry import describe_unsent, load_providers
from runner.approval import (
    Approval,
    check_ledger_binding,
    list_confirmations,
    refuse_unconfirmed,
    require_approval,
    require_unspent,
)
from runner.errors import CannotSend, LedgerError, NotApproved
from runner.launch.connectivity import used_providers
from runner.ledger import (
    Location,
    PostgresLocation,
    ledger_exists,
    read_ledger,
    refuse_other_work,
)
from runner.run_folder import (
    default_run_dir,
    describe_work,
    locate_plan_ledger,
    read_kept_work,
    refuse_other_study,
)
from runner.transport import require_api_key, require_proxy

_BYTES_PER_REQUEST = 20_000  # bytes of a ledger that a request may need, its answer among them
_MIN_FREE_BYTES = 50 << 20  # bytes that must be free on the disk in any case


@dataclass(frozen=True, slots=True)
class CheckedPlan:
    """A plan that passed preflight and may run.

    Attributes:
        plan: as it was saved.
        approval: the newest one.
        verified: the experiment as it is now, with the prices to reserve by.
        providers: every provider by name.
        folder: of the run.
        ledger_location: where the ledger is.
        approval_file_holds: whether the approval beside the plan is valid; it need not be where
            the ledger has one.
        risen: why nothing of it may be sent, where its prices rose while batches of it are away,
            which are collected all the same; empty where it may.
    """

    plan: Plan
    approval: Approval
    verified: VerifiedPlan
    providers: dict[str, Provider]
    folder: Path
    ledger_location: Location
    approval_file_holds: bool
    risen: str = ""


def check_plan(  # noqa: PLR0913 - what a check depends on
    plan_path: Path,
    now: datetime,
    folder: Path | None,
    ledger_url: str | None = None,
    *,
    answered_only: bool = False,
    collects: bool = False,
) -> CheckedPlan:
    """Check everything about a plan that needs no provider.

    Args:
        plan_path: the plan file.
        now: the time by which approval and prices are judged.
        folder: the run folder; None takes the plan's own.
        ledger_url: the address of a PostgreSQL ledger; None takes the one in the folder.
        answered_only: nothing is sent to the subject models, so their providers need no key.
        collects: let prices have risen where batches are away, and say so in `risen`; then
            nothing may be sent.

    Raises:
        EstimatorError, RunnerError: the first check that failed.
    """
    plan = read_plan(plan_path)
    run_dir, folder = folder, folder or default_run_dir(plan)
    location = locate_plan_ledger(folder, plan, ledger_url)
    approval, file_holds = _find_approval(plan, plan_path, location, now, run_dir)
    refuse_other_study(folder, plan)
    _check_work(plan, location, folder)
    verified, risen = _verify(plan, now, approval, location, collects=collects)
    if not answered_only:
        refuse_shared_test(location, verified.experiment)
    providers = load_providers(verified.experiment.spec.providers)
    needed = list_confirmations(verified, providers, answered_only=answered_only)
    refuse_unconfirmed(needed, approval.confirmed, plan_path, run_dir)
    check_endpoints(plan, providers, answered_only=answered_only)
    check_disk_space(folder, 0 if location.is_shared else plan.request_count)
    return CheckedPlan(plan, approval, verified, providers, folder, location, file_holds, risen)


def _verify(
    plan: Plan, now: datetime, approval: Approval, location: Location, *, collects: bool
) -> tuple[VerifiedPlan, str]:
    """Verify a plan; where its prices rose while batches of it are away, say so instead.

    Raises:
        StalePlan: something else changed, or nothing is away.
    """
    try:
        return verify_plan(plan, now, approval.until), ""
    except (StalePlan, Disputed) as error:
        if not collects or not _has_batches_away(plan, location):
            raise
        risen = str(error)
    return verify_plan(plan, now, approval.until, at_any_price=True), risen


def _has_batches_away(plan: Plan, location: Location) -> bool:
    if not ledger_exists(location):
        return False
    work = describe_work(plan).digest
    with read_ledger(location) as reader:
        return any(each.work == work for each in reader.open_chunks())


def _check_work(plan: Plan, location: Location, folder: Path) -> None:
    """Check that a ledger is not for another study.

    Raises:
        BadRun: it is.
    """
    if not ledger_exists(location):
        return
    try:
        with read_ledger(location) as reader:
            known = reader.work(read_kept_work(folder))
    except LedgerError:
        if location.is_shared:
            raise
        return  # opening it for writing says why
    refuse_other_work(known, describe_work(plan))


def _find_approval(
    plan: Plan, plan_path: Path, location: Location, now: datetime, run_dir: Path | None
) -> tuple[Approval, bool]:
    """Return the newest approval: the one beside the plan, or one in a shared ledger.

    Returns:
        the approval, and whether the one beside the plan is valid.

    Raises:
        NotApproved: there is none, or a ledger that is not here has spent it.
    """
    recorded, identity = _read_recorded(location)
    shared = recorded[-1] if recorded and location.is_shared else None
    if shared is not None and (shared.plan != plan.digest or _has_expired(shared, now)):
        shared = None
    try:
        approval = require_approval(plan, plan_path, now, run_dir)
        check_ledger_binding(plan_path, location.name, lambda: identity is not None)
        if identity != "":
            approval = require_unspent(plan, plan_path, now, identity or "")
    except NotApproved:
        if shared is None:
            raise
        return shared, False
    if shared is not None and approval.spend_id in {each.spend_id for each in recorded[:-1]}:
        return shared, False
    return approval, True


def _read_recorded(location: Location) -> tuple[list[Approval], str | None]:
    """Return the approvals in a ledger, and its identity; None where there is no ledger.

    The identity is empty in a ledger of an earlier version, and in a file that cannot be read:
    opening it for writing says why.
    """
    if not ledger_exists(location):
        return [], None
    try:
        with read_ledger(location) as reader:
            return reader.approvals(), reader.identity()
    except LedgerError as error:
        if location.is_shared:
            raise
        # An empty file must stay as it is: the file beside it that holds its entries may come back.
        return [], (None if "no such table" in str(error) else "")


def _has_expired(approval: Approval, now: datetime) -> bool:
    return approval.until is not None and now >= approval.until


def check_endpoints(
    plan: Plan, providers: dict[str, Provider], *, answered_only: bool = False
) -> None:
    """Check that every provider that is sent to can be, and has a key.

    Raises:
        CannotSend: names every provider that cannot be used.
    """
    problems = []
    for name in used_providers(plan, answered_only=answered_only):
        if providers[name].kind == "none":
            planned = [m.name for m in plan.models.values() if m.name.provider == name]
            problems.append(describe_unsent(providers[name], planned))
            continue
        try:
            require_proxy(providers[name])
            require_api_key(providers[name])
        except CannotSend as error:
            problems.append(str(error))
    if problems:
        raise CannotSend("\n".join(problems))


def check_disk_space(folder: Path, requests: int) -> None:
    """Check that there is disk space for the answers.

    Raises:
        CannotSend: there may be too little.
    """
    folder = folder.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    needed = max(_MIN_FREE_BYTES, requests * _BYTES_PER_REQUEST)
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise CannotSend(
            f"{existing}: {free >> 20:,} MiB free, but {requests:,} requests may need "
            f"{needed >> 20:,} MiB; nothing was sent. Free up space or choose another --run-dir"
        )


def refuse_shared_test(location: Location, experiment: Experiment) -> None:
    """Refuse a sequential test on a ledger that several processes share.

    Raises:
        CannotSend: it is asked for.
    """
    if experiment.spec.sequential and isinstance(location, PostgresLocation):
        raise CannotSend(
            "sequential: a look waits until everything that was sent is answered, and one process "
            "does not know that of the others that share a PostgreSQL ledger; nothing was sent. "
            "Run it with a ledger of its own (without --ledger), or leave `sequential` out of the "
            "experiment file and plan again"
        )
