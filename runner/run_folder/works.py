"""Works of a study: what a ledger's money was spent on, plan after plan, and which study it is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from estimator.errors import BadPlan
from estimator.plan import Plan, read_plan
from runner.errors import BadRun
from runner.ledger import Location, Work, locate_ledger
from runner.run_folder.files import PLAN_FILE, has_ledger


def default_run_dir(plan: Plan) -> Path:
    """Return the folder that a plan runs in by default."""
    return Path("runs") / (plan.study or f"{plan.name}-{plan.digest[:12]}")


def name_study(plan: Plan) -> str:
    """Return the name of a plan's study; a plan of before there were studies is its own."""
    return plan.study or plan.digest[:16]


def locate_plan_ledger(folder: Path, plan: Plan, url: str | None = None) -> Location:
    """Return the location of the ledger of a plan's study.

    Args:
        folder: of the run; it need not exist yet.
        plan: what is run.
        url: where the user says that the ledger is.

    Raises:
        LedgerError: the URL is not one of a PostgreSQL database, or another than before.
    """
    return locate_ledger(folder, name_study(plan), url)


def describe_work(plan: Plan) -> Work:
    """Return a plan's work as a ledger records it."""
    return Work(plan.work_digest, plan.subjects_digest, name_study(plan))


def read_kept_work(folder: Path) -> Work | None:
    """Return the work of the plan in a run folder; None where there is none that can be read."""
    with suppress(BadPlan):
        return describe_work(read_plan(folder / PLAN_FILE))
    return None


def choose_order_seed(plan: Plan, first_work: str) -> str:
    """Return the seed of the order of work in a ledger: of the plan that began it.

    Args:
        plan: that is run.
        first_work: the work that the ledger recorded first; empty where there is none.
    """
    return first_work if plan.study and first_work else plan.order_seed


def refuse_other_study(folder: Path, plan: Plan) -> None:
    """Refuse a run folder that belongs to another study.

    Any plan of the same study goes on there.

    Raises:
        BadRun: it does.
    """
    if not (folder / PLAN_FILE).exists() or not has_ledger(folder):
        return
    kept = read_plan(folder / PLAN_FILE)
    if (theirs := name_study(kept)) != (ours := name_study(plan)):
        raise BadRun(
            f"{folder} holds the answers of the study {theirs}, and this plan belongs to the study "
            f"{ours}; choose another --run-dir, or plan it with `afcost estimate --study {theirs}`"
        )
