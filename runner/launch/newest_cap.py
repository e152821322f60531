"""The newest cap of a study: the one to which `--cap +5` adds, whichever command is given it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from estimator.errors import EstimatorError
from estimator.plan import Plan, read_plan
from pricing.money import Money
from runner.approval import Approval
from runner.errors import LedgerError
from runner.launch.earlier_spending import (
    find_earlier_spending,
    locate_study_ledger,
    read_earlier_approval,
)
from runner.ledger import ledger_exists, read_ledger
from runner.run_folder import name_study


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
    given = [document.approval] if document else []
    recorded: list[Approval] = []
    if ledger_exists(location):
        with read_ledger(location) as reader:
            recorded, last_run = reader.approvals(), reader.plan_file()
        given += _read_beside(Path(last_run), plan) if last_run else []
    elif (earlier := find_earlier_spending(plan, plan_path, run_dir)) and earlier.is_lost:
        raise LedgerError(
            f"the ledger {earlier.location} is gone, so the newest cap is not known; give the "
            "whole cap, such as --cap 5"
        )
    names = {each.spend_id for each in recorded}
    waiting = [each for each in given if each.spend_id not in names and _is_newer(each, recorded)]
    newest = max(waiting, key=lambda each: each.at, default=recorded[-1] if recorded else None)
    return newest.cap if newest else None


def _read_beside(path: Path, plan: Plan) -> list[Approval]:
    """Return the approval beside another plan's file, where that is of the same study."""
    with suppress(EstimatorError, OSError):
        other = read_plan(path)
        if name_study(other) == name_study(plan):
            document = read_earlier_approval(other, path)
            return [document.approval] if document else []
    return []


def _is_newer(approval: Approval, recorded: list[Approval]) -> bool:
    return not recorded or approval.at > recorded[-1].at
