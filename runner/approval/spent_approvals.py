"""Spent approvals: what the user's state directory keeps of each approval, apart from its file.

An approval's file can be restored from a backup to what it was before its first run. Which ledger
has spent it, or that a later approval has replaced it, is therefore kept here too.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from contextlib import suppress
from pathlib import Path

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from estimator.user_dirs import state_folder
from runner.approval.approval import Approval
from runner.approval.start_line import name_start
from runner.errors import NotApproved
from runner.state import find_known_ledger


def record_spender(approval: Approval, ledger: str) -> None:
    """Record, over a power cut, which ledger spends an approval, and that the one before it is old.

    The latter is recorded when it is approved, unless that was cut short.

    Args:
        approval: the approval.
        ledger: the identity of the ledger.
    """
    for earlier in approval.replaces[-1:]:
        if "replaced_by" not in _read_record(earlier):
            record_successor(earlier, approval)
    if _read_record(approval.spend_id).get("ledger") != ledger:
        _write_record(approval.spend_id, {"plan": approval.plan, "ledger": ledger})


def record_successor(earlier: str, successor: Approval) -> None:
    """Record that an approval, of this name to spend it, was replaced by a later one."""
    if earlier != successor.spend_id:
        _write_record(earlier, {"replaced_by": successor.describe()})


def refuse_spent(approval: Approval, plan_path: Path, ledger: str) -> None:
    """Refuse an approval that another ledger has spent, or that was replaced.

    Args:
        approval: from the file beside the plan.
        plan_path: the plan's file.
        ledger: the identity of the ledger that is to spend it; empty where there is none yet.

    Raises:
        NotApproved: with what is known of the ledger that has spent it.
    """
    known = _read_record(approval.spend_id)
    if later := known.get("replaced_by"):
        raise NotApproved(
            f"the approval beside {plan_path} is an old one: it was replaced by the approval "
            f"{later}. To approve again:  afcost approve {shlex.quote(str(plan_path))} --cap USD"
        )
    if known.get("ledger", ledger) != ledger:
        raise NotApproved(_describe_spent(known["ledger"], plan_path))


def _describe_spent(ledger: str, plan_path: Path) -> str:
    known = find_known_ledger(ledger)
    place, newest = known.location or "a place that is not known here", known.newest
    amount = f" with {newest.committed} of its cap counted as spent" if newest else ""
    plan, folder = shlex.quote(str(plan_path)), shlex.quote(str(Path(place).parent))
    where = f"--run-dir {folder}" if "://" not in place else f"--ledger {shlex.quote(place)}"
    return (
        f"this approval is spent: it belongs to the ledger {ledger[:12]}, last seen at {place}"
        f"{amount}, and not to the one here. To go on, put the newest copy of that ledger back:  "
        f"{name_start(plan_path, where)}\n"
        f"If it is lost, a new approval is a new budget:  afcost approve {plan} --cap USD"
    )


def _record_path(spend_id: str) -> Path:
    name = hashlib.sha256(spend_id.encode()).hexdigest()[:32]
    return state_folder() / "approvals" / f"{name}.json"


def _read_record(spend_id: str) -> dict[str, str]:
    with suppress(OSError, ValueError):
        found = read_json_file(_record_path(spend_id))
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
    return {}


def _write_record(spend_id: str, facts: dict[str, str]) -> None:
    content = json.dumps(_read_record(spend_id) | facts, indent=1) + "\n"
    with suppress(OSError):  # without a state directory, the approval's file has to do
        write_atomically(_record_path(spend_id), content, durable=True)
