"""Approval: who approved spending how much on which plan, and until when.

An approval stands in a file beside the plan. It is bound to one place and, from the first run on,
to one ledger: a copied folder or a second run folder cannot spend the same approval twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from estimator.atomic_write import write_atomically
from estimator.plan import Plan
from runner.approval.approval import Approval
from runner.database_address import without_password
from runner.errors import NotApproved

APPROVAL_SCHEMA = "afcost.approval/1"


def save_approval(approval: Approval, plan_path: Path) -> Path:
    """Write an approval beside its plan; the ledger bound to an earlier approval stays bound.

    Returns:
        the approval's file.
    """
    path = _approval_path(plan_path)
    earlier = _read_approval_file(path) if path.exists() else {}
    here = str(plan_path.resolve())
    bound = earlier.get("ledger") if earlier.get("place") == here else None
    same = earlier.get("approval", {}).get("plan") == approval.plan
    _write_approval_file(path, approval, here, bound if same else None)
    return path


def require_approval(plan: Plan, plan_path: Path, now: datetime) -> Approval:
    """Return the valid approval of a plan.

    Raises:
        NotApproved: there is none, it is for another plan or another place, or it has expired.
    """
    path = _approval_path(plan_path)
    next_step = f"approve it:  afcost approve {plan_path} --cap USD"
    if not path.exists():
        raise NotApproved(f"plan {plan_path} is not approved; {next_step}")
    data = _read_approval_file(path)
    approval = Approval.from_json(data["approval"])
    if approval.plan != plan.digest:
        raise NotApproved(
            f"plan {plan_path} is not the approved one (plan {plan.digest[:12]}, "
            f"approved {approval.plan[:12]}); {next_step}"
        )
    if data["place"] != str(plan_path.resolve()):
        raise NotApproved(f"the approval is for {data['place']}, not for this copy; {next_step}")
    if approval.until is not None and now >= approval.until:
        raise NotApproved(f"the approval expired at {approval.until:%Y-%m-%d %H:%M}; {next_step}")
    return approval


def bind_ledger(plan_path: Path, location: str, exists: Callable[[], bool]) -> None:
    """Bind an approval to the one ledger that counts its money.

    Args:
        plan_path: the approved plan.
        location: the name of the ledger's location.
        exists: whether there is a ledger at that location.

    Raises:
        NotApproved: it is bound to another ledger already.
    """
    path = _approval_path(plan_path)
    with FileLock(
        path.with_name(f".{path.stem}.lock"), mode=0o600
    ):  # two first runs at the same moment
        check_ledger_binding(plan_path, location, exists)
        data = _read_approval_file(path)
        if data["ledger"] is None:
            approval = Approval.from_json(data["approval"])
            _write_approval_file(path, approval, data["place"], location)


def check_ledger_not_replaced(plan_path: Path, location: str) -> None:
    """Check that the ledger bound to an approval was not replaced by an empty one.

    Raises:
        NotApproved: it was.
    """
    if _read_approval_file(_approval_path(plan_path))["ledger"] is not None:
        raise NotApproved(
            f"this approval is bound to the ledger {location}, which is now empty, so the "
            f"amount spent is unknown; to start over, delete {_approval_path(plan_path)} "
            "and approve again"
        )


def check_ledger_binding(plan_path: Path, location: str, exists: Callable[[], bool]) -> None:
    """Check that the bound ledger is this one, and that it still exists.

    Raises:
        NotApproved: with where it is counted, or that its ledger is gone.
    """
    data = _read_approval_file(_approval_path(plan_path))
    if data["ledger"] is None:
        return
    bound, counted = data["ledger"], f"this approval is bound to the ledger {data['ledger']}"
    if bound != location and "://" in bound:
        raise NotApproved(f"{counted}; to resume:  afcost run {plan_path} --ledger {bound}")
    if not (exists() if bound == location else Path(bound).exists()):
        raise NotApproved(
            f"{counted}, which no longer exists, so the amount spent is unknown; "
            f"to start over, delete {_approval_path(plan_path)} and approve again"
        )
    if bound != location:
        again = f"afcost run {plan_path} --run-dir {Path(bound).parent}"
        raise NotApproved(f"{counted}; to resume:  {again}")


def _approval_path(plan_path: Path) -> Path:
    return plan_path.with_suffix(".approval.json")


def _write_approval_file(
    path: Path, approval: Approval, plan_location: str, ledger: str | None
) -> None:
    document = {
        "schema": APPROVAL_SCHEMA,
        "approval": approval.to_json(),
        "place": plan_location,
        "ledger": ledger,
    }
    write_atomically(path, json.dumps(document, indent=1) + "\n")


def _read_approval_file(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        Approval.from_json(data["approval"])
        return {
            "place": data["place"],
            "ledger": _shown(data["ledger"]),
            "approval": data["approval"],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotApproved(f"cannot read approval {path} ({error!r}); approve again") from error


def _shown(ledger: str | None) -> str | None:
    """Return a ledger's name as it is shown now: earlier versions kept more of an address."""
    return without_password(ledger) if ledger and "://" in ledger else ledger
