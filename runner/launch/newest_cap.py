"""The newest cap of a study: the one to which `--cap +5` adds, whichever command is given it.

An approval counts in the ledger once a run has begun with it. Until then it stands beside its plan,
and is looked for there.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from estimator.errors import EstimatorError
from estimator.plan import Plan, read_plan
from pricing.money import Money
from runner.approval import Approval, approval_path, read_approval_file
from runner.errors import LedgerError, NotApproved
from runner.launch.earlier_spending import (
    find_earlier_spending,
    locate_study_ledger,
    read_earlier_approval,
)
from runner.ledger import ledger_exists, read_ledger
from runner.run_folder import RunFolder, name_study

_MOST_PLANS = 100  # in the folder of the plan that was run last


@dataclass(frozen=True, slots=True)
class WaitingApproval:
    """An approval that counts from the next run on.

    Attributes:
        approval: itself.
        plan_file: of the plan that it is of.
    """

    approval: Approval
    plan_file: Path


def find_newest_cap(plan: Plan, plan_path: Path, run_dir: Path | None = None) -> Money | None:
    """Return the cap that counts now in a plan's study; None where nothing was approved.

    It is the newest that the ledger has or, where one was given later and not run yet, the one
    beside this plan or beside the plan that was run last.

    Args:
        plan: that is to be approved.
        plan_path: its file; an earlier approval may stand beside it.
        run_dir: the study's run folder; None for the one that is bound, or the default.

    Raises:
        LedgerError: the ledger cannot be read, or is gone, so the cap is not known.
    """
    document = read_earlier_approval(plan, plan_path)
    location = locate_study_ledger(plan, document, run_dir)
    given = [WaitingApproval(document.approval, plan_path)] if document else []
    recorded: list[Approval] = []
    if ledger_exists(location):
        with read_ledger(location) as reader:
            recorded, last_run = reader.approvals(), reader.plan_file()
        given += _list_beside(Path(last_run), plan) if last_run else []
    elif (earlier := find_earlier_spending(plan, plan_path, run_dir)) and earlier.is_lost:
        raise LedgerError(
            f"the ledger {earlier.location} is gone, so the newest cap is not known; give the "
            "whole cap, such as --cap 5"
        )
    if waiting := _find_newest(given, recorded):
        return waiting.approval.cap
    return recorded[-1].cap if recorded else None


def find_waiting_approval(run: RunFolder, now: datetime) -> WaitingApproval | None:
    """Return the approval that counts from a study's next run on; None where none waits.

    It stands beside the plan that was run last, or beside another plan of the study in the same
    folder, as a pilot's does.

    Args:
        run: of the study.
        now: an approval that has expired by then is none.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with read_ledger(run.ledger_location) as reader:
        recorded, last_run = reader.approvals(), reader.plan_file()
    given = _list_beside(Path(last_run), run.plan) if last_run else []
    valid = [each for each in given if each.approval.until is None or now < each.approval.until]
    return _find_newest(valid, recorded)


def _find_newest(given: list[WaitingApproval], recorded: list[Approval]) -> WaitingApproval | None:
    """Return the newest of some approvals that is newer than all that a ledger has."""
    names = {each.spend_id for each in recorded}
    waiting = [
        each
        for each in given
        if each.approval.spend_id not in names and _is_newer(each.approval, recorded)
    ]
    return max(waiting, key=lambda each: each.approval.at, default=None)


def _list_beside(path: Path, plan: Plan) -> list[WaitingApproval]:
    """Return the approvals of a plan's study in the folder of one of its plans."""
    files = islice(path.parent.glob(approval_path(Path("*")).name), _MOST_PLANS)
    return [found for file in files if (found := _read_approval(file, plan))]


def _read_approval(file: Path, plan: Plan) -> WaitingApproval | None:
    """Read the approval of a plan of the same study; None where it is anything else."""
    with suppress(EstimatorError, NotApproved, OSError):
        place = Path(read_approval_file(file).place)
        other = read_plan(place)
        document = read_earlier_approval(other, place)
        if document and name_study(other) == name_study(plan):
            return WaitingApproval(document.approval, place)
    return None


def _is_newer(approval: Approval, recorded: list[Approval]) -> bool:
    return not recorded or approval.at > recorded[-1].at
