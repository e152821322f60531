"""Binding: an approval is spent by one ledger, the newest copy of it, and by no other."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from runner.approval.approval import Approvable, Approval
from runner.approval.approval_file import (
    ApprovalFile,
    approval_path,
    lock_approval,
    read_approval_file,
    require_approval,
    write_approval_file,
)
from runner.approval.spent_approvals import record_spender, refuse_spent
from runner.approval.start_line import name_start
from runner.errors import NotApproved
from runner.state import Turn, Watermark

_PATIENCE = 2.0  # seconds to wait for what has the approval's lock for milliseconds


@dataclass(frozen=True, slots=True)
class BindableLedger:
    """A ledger to which an approval is to be bound; it is open for writing.

    Attributes:
        location: the name of its location.
        newest: its newest entry.
        was_empty: whether nothing was written to it before, by this process or another.
        check_watermark: raises where the ledger has not the entry of a watermark.
    """

    location: str
    newest: Watermark
    was_empty: bool
    check_watermark: Callable[[Watermark], None]


def bind_approval(
    plan: Approvable, plan_path: Path, now: datetime, ledger: BindableLedger
) -> Approval:
    """Bind a plan's approval to the one ledger that counts its money.

    Returns:
        the approval.

    Raises:
        NotApproved: it is not valid, or bound to another ledger already.
        RestoredLedger: the ledger is an older copy.
    """
    with lock_approval(plan_path):
        document = check_bindable(plan, plan_path, now, ledger)
        approval, mark, newest = document.approval, document.watermark, ledger.newest
        record_spender(approval, newest.ledger)
        joined = mark.join(newest) if mark else newest
        bound = replace(document, ledger=ledger.location, watermark=joined)
        write_approval_file(approval_path(plan_path), bound)
        return approval


def check_bindable(
    plan: Approvable, plan_path: Path, now: datetime, ledger: BindableLedger
) -> ApprovalFile:
    """Check that a plan's approval can be bound to a ledger, and return its file.

    Raises:
        NotApproved: it is not valid, or bound to another ledger already.
        RestoredLedger: the ledger is an older copy.
    """
    require_approval(plan, plan_path, now)
    check_ledger_binding(plan_path, ledger.location, lambda: True)
    require_unspent(plan, plan_path, now, ledger.newest.ledger)
    document = read_approval_file(approval_path(plan_path))
    if document.ledger is not None and _was_replaced(document.watermark, ledger):
        raise NotApproved(_describe_lost(ledger.location, "is another one now", plan_path))
    if document.watermark is not None:
        ledger.check_watermark(document.watermark)
    return document


def require_unspent(plan: Approvable, plan_path: Path, now: datetime, ledger: str) -> Approval:
    """Return a plan's approval, which may be newer than the one that stood there a moment ago.

    An approval that was read just before it was replaced is an old one; its successor counts.

    Args:
        plan: that is approved.
        plan_path: its file.
        now: the time by which the approval is judged.
        ledger: the identity of the ledger that is to spend it; empty where there is none yet.

    Raises:
        NotApproved: there is none, it is not valid, or another ledger has spent it.
    """
    approval = require_approval(plan, plan_path, now)
    try:
        refuse_spent(approval, plan_path, ledger)
    except NotApproved:
        if require_approval(plan, plan_path, now).spend_id == approval.spend_id:
            raise
        return require_unspent(plan, plan_path, now, ledger)
    return approval


def _was_replaced(mark: Watermark | None, ledger: BindableLedger) -> bool:
    return ledger.was_empty if mark is None else mark.ledger != ledger.newest.ledger


def check_ledger_binding(plan_path: Path, location: str, exists: Callable[[], bool]) -> None:
    """Check that the bound ledger is this one, and that it still exists.

    Args:
        plan_path: the approved plan.
        location: the name of the ledger's location.
        exists: whether there is a ledger at that location.

    Raises:
        NotApproved: with where it is counted, or that its ledger is gone.
    """
    bound = read_approval_file(approval_path(plan_path)).ledger
    if bound is None:
        return
    counted = f"this approval is bound to the ledger {bound}"
    if bound != location and "://" in bound:
        where = f"--ledger {shlex.quote(bound)}"
        raise NotApproved(f"{counted}; to resume:  {name_start(plan_path, where)}")
    if not (exists() if bound == location else Path(bound).exists()):
        raise NotApproved(_describe_lost(bound, "no longer exists", plan_path))
    if bound != location:
        where = f"--run-dir {shlex.quote(str(Path(bound).parent))}"
        raise NotApproved(f"{counted}; to resume:  {name_start(plan_path, where)}")


class WatermarkKeeper:
    """Keeps watermarks in the file of a plan's approval, while that is bound to their ledger.

    Args:
        plan: that runs.
        plan_path: its file.
        shared: whether other processes run it too.
    """

    def __init__(self, plan: Approvable, plan_path: Path, *, shared: bool) -> None:
        self._plan = plan
        self._path = approval_path(plan_path)
        self._shared = shared
        self._turn = Turn(lock_approval(plan_path), _PATIENCE)

    def keep(self, watermark: Watermark) -> None:
        """Keep a watermark.

        Raises:
            Timeout: another process keeps the file's lock.
            OSError: it cannot be written.
        """
        with self._turn.take():
            try:
                document = read_approval_file(self._path)
            except NotApproved:
                return
            before = document.watermark
            if document.approval.plan != self._plan.digest:
                return
            if (before and before.ledger) != watermark.ledger:
                return
            kept = watermark.join(before) if self._shared and before else watermark
            write_approval_file(self._path, replace(document, watermark=kept))


def _describe_lost(location: str, what: str, plan_path: Path) -> str:
    return (
        f"this approval is bound to the ledger {location}, which {what}, so the amount spent is "
        "unknown; put that ledger back. If it is lost, a new approval begins a new one and is a "
        f"new budget:  afcost approve {shlex.quote(str(plan_path))} --cap USD"
    )
