"""Earlier spending: what the ledger of a plan has counted, before the plan is approved again."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from estimator.plan import Plan
from pricing.money import Money
from runner.approval import (
    Approval,
    ApprovalFile,
    approval_path,
    read_approval_file,
    save_approval,
)
from runner.errors import BadRun, LedgerError, NotApproved, RestoredLedger
from runner.ledger import (
    FileLocation,
    LedgerReader,
    Location,
    PostgresLocation,
    ledger_exists,
    open_ledger,
    read_ledger,
    refuse_other_work,
)
from runner.run_folder import (
    default_run_dir,
    describe_work,
    locate_plan_ledger,
    name_study,
    read_kept_work,
)
from runner.state import KnownLedger, find_known_ledger, list_known_ledgers


@dataclass(frozen=True, slots=True)
class EarlierSpending:
    """What earlier approvals of a plan have spent.

    Attributes:
        location: where the ledger is, or was.
        spent: settled, held and reserved; None where that is not known.
        is_lost: the ledger is gone, so a new approval does not count what it had spent.
        refusal: why a run will refuse the ledger as it is, and the next step; empty if it will not.
        subject_answers: how many answers of subjects are taken over because only judges differ.
    """

    location: str
    spent: Money | None
    is_lost: bool = False
    refusal: str = ""
    subject_answers: int = 0

    def describe(self, cap: Money) -> str:
        """Say, before an approval, what matters of it; empty if nothing does."""
        if problem := self.describe_problem(cap):
            return problem
        said = f"{self.location} counts {self.spent} as spent already" if self.spent else ""
        if said and self.subject_answers:
            said += (
                f"; its {self.subject_answers:,} answers of the subjects are taken over, and only "
                "the judges are asked about them"
            )
        return said

    def describe_problem(self, cap: Money) -> str:
        """Say why a cap would not be spent as one may think; empty if it would."""
        spent = "an unknown amount" if self.spent is None else str(self.spent)
        if self.is_lost:
            return (
                f"the ledger of an earlier approval is gone: {self.location} had counted {spent} "
                "as spent. This approval is a new budget and does not count it"
            )
        if self.refusal:
            return f"{self.location} {self.refusal}"
        if self.spent is not None and cap < self.spent:
            return (
                f"the cap is below what is spent already: {self.location} counts {spent}. "
                "Nothing more will be sent"
            )
        return ""


def find_earlier_spending(
    plan: Plan, plan_path: Path, run_dir: Path | None = None
) -> EarlierSpending | None:
    """Return what earlier approvals of a plan's study have spent; None where none was run.

    Args:
        plan: that is to be approved.
        plan_path: its file; an earlier approval may stand beside it.
        run_dir: the study's run folder; None for the one that is bound, or the default.
    """
    document = read_earlier_approval(plan, plan_path)
    location = locate_study_ledger(plan, document, run_dir)
    known = _find_known(plan, location, document)
    try:
        if ledger_exists(location):
            with read_ledger(location) as reader:
                balance, identity = reader.balance(), reader.identity()
                refusal = _find_refusal(reader, plan, location)
                answers = _count_taken_over(reader, plan, location)
            if not known.identity or identity in ("", known.identity):
                return EarlierSpending(
                    str(location), balance.spent, refusal=refusal, subject_answers=answers
                )
    except LedgerError:  # it is not to be reached, or damaged: a run will say so
        return EarlierSpending(str(location), None)
    newest = known.newest
    if newest is None and (document is None or document.ledger is None):
        return None
    place = known.location or location.name
    return EarlierSpending(place, newest.committed if newest else None, is_lost=True)


def find_run_dir(plan: Plan, plan_path: Path, run_dir: Path | None = None) -> Path:
    """Return the run folder of a plan's study: the one given, the bound ledger's, or the default.

    Args:
        plan: that is to be approved.
        plan_path: its file; an earlier approval may stand beside it.
        run_dir: the folder that the user names.
    """
    location = locate_study_ledger(plan, read_earlier_approval(plan, plan_path), run_dir)
    return _find_folder(plan, location, run_dir)


def find_study_place(
    plan: Plan, plan_path: Path, run_dir: Path | None = None
) -> tuple[Path | None, str | None]:
    """Return the run folder and the shared ledger to run a plan with; None for what is the default.

    Args:
        plan: that is approved.
        plan_path: its file; its approval may be bound to a ledger.
        run_dir: the folder that the user names.
    """
    document = read_earlier_approval(plan, plan_path)
    location = locate_study_ledger(plan, document, run_dir)
    folder = _find_folder(plan, location, run_dir)
    is_default = folder.resolve() == default_run_dir(plan).resolve()
    is_bound = document is not None and document.ledger == location.name
    ledger = location.name if location.is_shared and is_bound else None
    return None if is_default else run_dir or folder, ledger


def _count_taken_over(reader: LedgerReader, plan: Plan, location: Location) -> int:
    """Return how many answers of subjects another plan of the same subjects leaves to this one."""
    newest = reader.work(read_kept_work(_find_folder(plan, location)))
    if newest is None or newest.digest == plan.work_digest:
        return 0
    same = newest.subjects == plan.subjects_digest
    return reader.count_subject_answers() if same else 0


def _find_folder(plan: Plan, location: Location, run_dir: Path | None = None) -> Path:
    """Return the run folder that belongs to a ledger's location."""
    if isinstance(location, FileLocation):
        return location.path.parent
    return run_dir or default_run_dir(plan)


def approve_plan(plan: Plan, plan_path: Path, approval: Approval) -> None:
    """Record an approval beside its plan and, where it is shared, in the plan's ledger.

    A process that runs the plan on this machine finds it beside the plan.
    """
    earlier = find_earlier_spending(plan, plan_path)
    is_lost = earlier is not None and earlier.is_lost
    save_approval(approval, plan_path, ledger_is_lost=is_lost)
    document = read_approval_file(approval_path(plan_path))
    location = locate_study_ledger(plan, document)
    if document.ledger is None or not location.is_shared:
        return
    with suppress(LedgerError, NotApproved), open_ledger(location) as ledger:
        if document.watermark is None or document.watermark.ledger == ledger.witness.identity:
            ledger.record_approval(document.approval)


def _find_refusal(reader: LedgerReader, plan: Plan, location: Location) -> str:
    """Return why a run will refuse a ledger that can be read; empty if it will not."""
    folder = _find_folder(plan, location)
    try:
        refuse_other_work(reader.work(read_kept_work(folder)), describe_work(plan))
    except BadRun:
        return (
            "holds the answers of another study, and a run will refuse it. Plan this one as a "
            "study of its own (afcost estimate --study NAME), or run it with another --run-dir"
        )
    try:
        reader.refuse_older_copy("", "")
    except RestoredLedger:
        return "is an older copy, and a run will refuse it until the newest copy is put back"
    return ""


def read_earlier_approval(plan: Plan, plan_path: Path) -> ApprovalFile | None:
    """Return the approval beside a plan's file; None where there is none of it at this place."""
    with suppress(NotApproved):
        document = read_approval_file(approval_path(plan_path))
        if (document.approval.plan, document.place) == (plan.digest, str(plan_path.resolve())):
            return document
    return None


def locate_study_ledger(
    plan: Plan, document: ApprovalFile | None, run_dir: Path | None = None
) -> Location:
    """Return where the ledger of a plan's study is.

    Args:
        plan: of the study.
        document: the approval beside it, which may be bound to a ledger; None where there is none.
        run_dir: the run folder that the user names; it comes first.
    """
    folder = run_dir or default_run_dir(plan)
    if run_dir or document is None or document.ledger is None:
        return locate_plan_ledger(folder, plan)
    if "://" in document.ledger:
        return PostgresLocation(document.ledger, name_study(plan))
    return FileLocation(Path(document.ledger))


def _find_known(plan: Plan, location: Location, document: ApprovalFile | None) -> KnownLedger:
    """Return what the state directory keeps of the ledger that was bound, or was here."""
    if document is not None and document.watermark is not None:
        return find_known_ledger(document.watermark.ledger)
    here = [
        each
        for each in list_known_ledgers()
        if each.location == location.name
        and (each.plan == plan.digest or (plan.study and each.study == plan.study))
    ]
    return max(here, key=_count_entries, default=KnownLedger(""))


def _count_entries(known: KnownLedger) -> int:
    return known.newest.seq if known.newest else 0
