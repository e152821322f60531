"""Approval file: who approved spending how much on which plan, and until when; beside the plan.

It is bound to one place and, from the first run on, to one ledger (`binding`). Whatever reads it to
change it holds its lock, so that nothing that is written at the same moment is lost.
"""

from __future__ import annotations

import json
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from experiment.errors import RefusedFile
from runner.approval.approval import Approvable, Approval
from runner.approval.spent_approvals import record_successor
from runner.database_address import without_password
from runner.errors import NotApproved
from runner.state import Watermark

APPROVAL_SCHEMA = "afcost.approval/1"
_MOST_REPLACED = 1000  # names that an approval carries of those before it
_MAX_BYTES = 4 << 20
_LOCK_TIMEOUT = 10.0  # seconds; what is locked takes milliseconds
_DAMAGED = (
    *(OSError, RefusedFile),
    *(ValueError, KeyError, TypeError, AttributeError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class ApprovalFile:
    """What an approval's file says.

    Attributes:
        approval: the approval.
        place: the path of the plan that it is for.
        ledger: the name of the location of the ledger that counts its money; None before a run.
        watermark: how far that ledger had come at least; None before a run, or of before.
    """

    approval: Approval
    place: str
    ledger: str | None = None
    watermark: Watermark | None = None


def save_approval(approval: Approval, plan_path: Path, *, ledger_is_lost: bool = False) -> Path:
    """Write an approval beside its plan, under a random name if it has none.

    The ledger bound to an earlier approval stays bound. The file is written before it is recorded
    that the earlier one is old: so what finds that recorded finds the new one in the file.

    Args:
        approval: to write.
        plan_path: the plan's file.
        ledger_is_lost: the bound ledger is gone, so that this approval begins with another one.

    Returns:
        the approval's file.
    """
    path = approval_path(plan_path)
    approval = replace(approval, id=approval.id or secrets.token_hex(16))
    with lock_approval(plan_path):
        document, earlier = ApprovalFile(approval, str(plan_path.resolve())), None
        with suppress(NotApproved):  # there is none, or it is damaged
            earlier = read_approval_file(path)
            replaced = (*earlier.approval.replaces, earlier.approval.spend_id)[-_MOST_REPLACED:]
            document = replace(document, approval=replace(approval, replaces=replaced))
            same = earlier.place == document.place and earlier.approval.plan == approval.plan
            if same and not ledger_is_lost:
                document = replace(document, ledger=earlier.ledger, watermark=earlier.watermark)
        write_approval_file(path, document)
        if earlier is not None:
            record_successor(earlier.approval.spend_id, document.approval)
    return path


def require_approval(
    plan: Approvable, plan_path: Path, now: datetime, run_dir: Path | None = None
) -> Approval:
    """Return the valid approval of a plan.

    Args:
        plan: to run.
        plan_path: its file.
        now: the time.
        run_dir: the run folder, if the user named one: the next step names it too.

    Raises:
        NotApproved: there is none, it is for another plan or another place, or it has expired.
    """
    path = approval_path(plan_path)
    where = f" --run-dir {shlex.quote(str(run_dir))}" if run_dir else ""
    next_step = f"approve it:  afcost approve {shlex.quote(str(plan_path))} --cap USD{where}"
    if not path.exists():
        raise NotApproved(f"plan {plan_path} is not approved; {next_step}")
    document = read_approval_file(path)
    approval = document.approval
    if approval.plan != plan.digest:
        raise NotApproved(
            f"plan {plan_path} is not the approved one (plan {plan.digest[:12]}, "
            f"approved {approval.plan[:12]}); {next_step}"
        )
    if document.place != str(plan_path.resolve()):
        raise NotApproved(f"the approval is for {document.place}, not for this copy; {next_step}")
    if approval.until is not None and now >= approval.until:
        raise NotApproved(f"the approval expired at {approval.until:%Y-%m-%d %H:%M}; {next_step}")
    return approval


def approval_path(plan_path: Path) -> Path:
    """Return the file of a plan's approval."""
    return plan_path.with_suffix(".approval.json")


def lock_approval(plan_path: Path) -> FileLock:
    """Return the lock of a plan's approval; never wait for a ledger while you hold it."""
    path = approval_path(plan_path)
    lock = path.with_name(f".{path.stem}.lock")
    return FileLock(lock, timeout=_LOCK_TIMEOUT, mode=0o600, thread_local=False)


def write_approval_file(path: Path, document: ApprovalFile) -> None:
    """Write an approval's file; it survives a power cut."""
    content = {
        "schema": APPROVAL_SCHEMA,
        "approval": document.approval.to_json(),
        "place": document.place,
        "ledger": document.ledger,
        "watermark": document.watermark and document.watermark.to_json(),
    }
    write_atomically(path, json.dumps(content, indent=1) + "\n", durable=True)


def read_approval_file(path: Path) -> ApprovalFile:
    """Read an approval's file.

    Raises:
        NotApproved: it cannot be read.
    """
    try:
        data = read_json_file(path)
        mark = data.get("watermark")
        return ApprovalFile(
            approval=Approval.from_json(data["approval"]),
            place=data["place"],
            ledger=_show_ledger(data["ledger"]),
            watermark=mark and Watermark.from_json(mark),
        )
    except _DAMAGED as error:
        raise NotApproved(f"cannot read approval {path} ({error!r}); approve again") from error


def _show_ledger(ledger: str | None) -> str | None:
    """Return a ledger's name as it is shown now: earlier versions kept more of an address."""
    return without_password(ledger) if ledger and "://" in ledger else ledger
