"""A worker of a crew: joins a ledger with a plan that was checked by the process that started it.

It ends with its work, when it is told to, and when the process that started it is gone: then it
finishes what is in flight.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from estimator.errors import EstimatorError
from estimator.user_dirs import state_folder
from experiment.errors import ExperimentError
from experiment.prompts import RequestBuilder
from providers.errors import ProvidersError
from providers.provider import Provider
from providers.registry import load_providers
from runner.approval import WatermarkKeeper, approval_path
from runner.cluster.handover import Handover
from runner.cluster.lead_follower import FollowedEnd, LeadFollower
from runner.cluster.life import LifeEnd
from runner.cluster.own_folders import OF_WORKERS, open_own_folder
from runner.control import open_notes, read_wishes
from runner.errors import CannotSend, LedgerError, RunnerError
from runner.execution import StopReason, join_workers
from runner.launch import Control, OpenWork, RunOptions, check_endpoints, run_worker
from runner.ledger import CheckedEntry, Ledger, ledger_exists, open_ledger, remember_location
from runner.run_folder import RunFolder, choose_order_seed, describe_work, open_run_folder
from runner.versions import list_versions


def work_as_told(
    handover: Handover, worker: str, is_abandoned: Callable[[], bool] = lambda: False
) -> LifeEnd:
    """Do a plan's work in this process until it ends, and return how.

    Args:
        handover: the checked plan.
        worker: the name under which to write.
        is_abandoned: whether it is known here that the lead is gone; its lease tells it too.
    """
    try:
        with _unpack(handover) as run:
            return _join(handover, run, worker, is_abandoned)
    except (RunnerError, EstimatorError, ExperimentError, ProvidersError) as error:
        return LifeEnd("", str(error))


@contextmanager
def _unpack(handover: Handover) -> Iterator[RunFolder]:
    """Write a run folder of this worker's own, which is removed at its end."""
    with open_own_folder(OF_WORKERS) as folder:
        for file, text in handover.files.items():
            (folder / file).write_text(text, encoding="utf-8")
        remember_location(handover.location, folder)
        yield replace(open_run_folder(folder), location=handover.location)


def _join(
    handover: Handover, run: RunFolder, worker: str, is_abandoned: Callable[[], bool]
) -> LifeEnd:
    location, providers = handover.location, load_providers(run.spec.providers)
    check_endpoints(run.plan, providers)
    requests = run.request_builder()
    if not ledger_exists(location):
        raise LedgerError(f"{location}: this machine reaches a database without this ledger")
    checked = CheckedEntry(handover.checked_seq, handover.checked_hash)
    folder = _choose_spool_folder(handover)
    with open_notes(location) as notes:
        control = Control(notes, read_wishes(notes))
        with open_ledger(location, folder, worker=worker, checked=checked) as ledger:
            work = _begin_work(handover, run, providers, requests, ledger)
            return _execute(handover, work, control, is_abandoned)


def _begin_work(
    handover: Handover,
    run: RunFolder,
    providers: dict[str, Provider],
    requests: RequestBuilder,
    ledger: Ledger,
) -> OpenWork:
    """Return the work, once it is sure to be that of the handover."""
    _refuse_another(handover, ledger)
    _keep_promises(handover, run, ledger)
    ledger.begin_work(describe_work(run.plan))
    seed = choose_order_seed(run.plan, ledger.first_work)
    _refuse_other_requests(handover, run, requests, seed)
    models = dict(run.plan.models)
    for name, card in handover.read_reserves().items():
        models[name] = replace(models[name], reserve=card)
    return OpenWork(run.plan, models, providers, run, requests, ledger, seed)


def _execute(
    handover: Handover, work: OpenWork, control: Control, is_abandoned: Callable[[], bool]
) -> LifeEnd:
    ledger, lease = work.ledger, handover.lease_seconds
    with join_workers(handover.location, ledger, work.requests, work.seed, lease) as queue:
        end = FollowedEnd(handover.ends_at)
        follow = LeadFollower(handover, queue, control.notes, end, is_abandoned)
        options = RunOptions(
            concurrency=handover.concurrency,
            timeout=handover.timeout,
            lease_seconds=lease,
            beside=follow.follow,
        )
        progress = asyncio.run(run_worker(work, queue, options, end, control))
        was_evicted = not queue.is_living(ledger.worker)
        how, reason = progress.end or StopReason.STOPPED, follow.reason or progress.reason
        ledger.record_end(how.value, reason)  # the lead records the end of all, if it lives
    return LifeEnd(how.value, reason, tuple(progress.failed), progress.cap_held, was_evicted)


def _choose_spool_folder(handover: Handover) -> Path:
    """Return where answers are kept that the ledger does not take: where a later run finds them."""
    folder = Path(handover.folder)
    return folder if all((folder / name).exists() for name in handover.files) else state_folder()


def _keep_promises(handover: Handover, run: RunFolder, ledger: Ledger) -> None:
    """Have what this worker may spend promised beside the plan too, where that is on its machine.

    The lead alone does so twice a second only, and more may be spent in between.
    """
    plan_path = Path(handover.plan_file)
    # Asked of the system, which raises nothing where this user may not look.
    is_there = os.path.exists(approval_path(plan_path))  # noqa: PTH110
    if is_there and os.access(plan_path.parent, os.W_OK):
        ledger.witness.also_promise(WatermarkKeeper(run.plan, plan_path, shared=True).keep)


def _refuse_another(handover: Handover, ledger: Ledger) -> None:
    if ledger.witness.identity != handover.identity:
        raise LedgerError(
            f"{handover.location}: this machine reaches another ledger than the one that was "
            "checked; nothing was sent from here"
        )


def _refuse_other_requests(
    handover: Handover, run: RunFolder, requests: RequestBuilder, seed: str
) -> None:
    """Refuse to send what would have other ids than it was planned with, and be paid again."""
    if any(requests.request_at(seed, place).id != known for place, known in handover.requests):
        ours = list_versions()
        differ = [
            f"{name} {theirs} there, {ours.get(name, 'none')} here"
            for name, theirs in run.versions.items()
            if ours.get(name) != theirs
        ]
        raise CannotSend(
            "this machine builds other requests than the one that checked the plan"
            f" ({'; '.join(differ) or 'of the same versions'}); nothing was sent from here. "
            "Install the same versions on both"
        )
