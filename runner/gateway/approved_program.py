"""An approved program: its plan, checked, and bound to the one ledger that counts its money."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from estimator.errors import StalePlan
from estimator.plan import find_own_prices, list_changed_models
from estimator.recorded import (
    ProgramPlan,
    PromptParts,
    copy_program_plan,
    plan_client_model,
)
from pricing.errors import PricingError
from pricing.money import Money
from pricing.price_book import PriceBook
from providers.provider import Provider
from runner.approval import (
    Approval,
    ApprovalFile,
    ApprovalWatch,
    BindableLedger,
    Confirmation,
    WatermarkKeeper,
    approval_path,
    bind_approval,
    confirm_prices,
    read_approval_file,
    refuse_unconfirmed,
    require_approval,
    save_approval,
)
from runner.errors import NotApproved
from runner.gateway.guard_folder import GuardFolder
from runner.ledger import Ledger, Location, ledger_exists, read_ledger


@dataclass(frozen=True, slots=True)
class ApprovedProgram:
    """A program's plan with its approval.

    Attributes:
        plan: that was approved.
        path: its file.
        approval: as it stood there when the start was checked.
    """

    plan: ProgramPlan
    path: Path
    approval: Approval

    def name_stage(self, parts: PromptParts) -> str:
        """Return the stage of a call without a label, by its prompt."""
        return self.plan.name_stage("", parts)

    @property
    def raise_cap(self) -> str:
        """What raises its cap, in words."""
        return f"approve a higher one:  afcost approve {shlex.quote(str(self.path))} --cap USD"

    def bind(
        self, ledger: Ledger, folder: GuardFolder, location: Location, *, was_empty: bool
    ) -> None:
        """Bind the approval to a ledger, record it there, and keep a copy of the plan beside.

        A newer approval of the plan counts from when it stands in its file.

        Args:
            ledger: open for writing, with its work begun.
            folder: of the program.
            location: of the ledger.
            was_empty: nothing was written to it before this start.

        Raises:
            NotApproved: another ledger has spent it, or a later approval counts.
            RestoredLedger: the ledger is an older copy.
        """
        restore = f"afcost ledger {shlex.quote(str(folder.path))} accept-restored"
        bindable = BindableLedger(
            location=location.name,
            newest=ledger.witness.durable,
            was_empty=was_empty,
            check_watermark=partial(ledger.check_watermark, next_step=restore),
        )
        now = datetime.now(self.approval.at.tzinfo)
        ledger.witness.remember(folder.study, self.plan.digest, str(self.path.resolve()))
        approval = bind_approval(self.plan, self.path, now, bindable)
        keeper = WatermarkKeeper(self.plan, self.path, shared=location.is_shared)
        ledger.witness.also_promise(keeper.keep)
        ledger.record_approval(approval)
        watch = ApprovalWatch(self.plan, self.path, approval, ledger.witness.identity)
        ledger.follow_approvals(watch.find_newer)
        copy_program_plan(self.plan, folder.plan_path)


def check_program_plan(
    path: Path,
    plan: ProgramPlan,
    book: PriceBook,
    providers: Mapping[str, Provider],
    now: datetime,
) -> ApprovedProgram:
    """Check that a plan is approved, and that its prices still hold.

    Args:
        path: of the plan.
        plan: as it was read.
        book: the prices of today, with the user's own.
        providers: where the program may send to.
        now: the time by which they are judged, with a time zone.

    Raises:
        NotApproved: it is not approved, or a price of the user's own is not confirmed.
        StalePlan: a price rose since it was made, or something else that it pins changed.
    """
    approval = require_approval(plan, path, now)
    needed = check_prices(plan, book, providers, now)
    refuse_unconfirmed(needed, approval.confirmed, path)
    return ApprovedProgram(plan, path, approval)


def check_prices(
    plan: ProgramPlan, book: PriceBook, providers: Mapping[str, Provider], now: datetime
) -> list[Confirmation]:
    """Refuse a plan whose models cost more by now; a lower price is no reason.

    Returns:
        the user's own prices that an approval must confirm, as they are far below what others say.

    Raises:
        StalePlan: names what changed, one line each.
    """
    try:
        today = {name: plan_client_model(name, book, providers, now.date()) for name in plan.models}
    except PricingError as error:
        raise StalePlan(f"the plan's models have no price any more: {error}") from error
    if changed := list_changed_models(dict(plan.models), today, now, None):
        raise StalePlan(
            "changed since the plan was made:\n  " + "\n  ".join(changed) + "\n"
            "Plan again with `afcost estimate -o … -- COMMAND` and approve that"
        )
    return list(confirm_prices(find_own_prices(providers, [plan.models, today], now.date())))


def approve_program(plan: ProgramPlan, path: Path, approval: Approval) -> None:
    """Record an approval beside its plan; the program's ledger has it from its next start on."""
    document = _read_approval(plan, path)
    bound = document.ledger if document else None
    is_lost = bool(bound and "://" not in bound and not Path(bound).exists())
    save_approval(approval, path, ledger_is_lost=is_lost)


def find_newest_program_cap(plan: ProgramPlan, path: Path, folder: GuardFolder) -> Money | None:
    """Return the cap that counts now; None where nothing was approved.

    It is the one beside the plan, if no start has begun with it, else that of the ledger.
    """
    document, location = _read_approval(plan, path), folder.ledger_location
    if not ledger_exists(location):
        return document.approval.cap if document else None
    with read_ledger(location) as reader:
        recorded, cap = reader.approvals(), reader.balance().cap
    if document and document.approval.spend_id not in {each.spend_id for each in recorded}:
        return document.approval.cap
    return cap


def _read_approval(plan: ProgramPlan, path: Path) -> ApprovalFile | None:
    """Return the approval beside a plan's file; None where there is none of it at this place."""
    with suppress(NotApproved):
        document = read_approval_file(approval_path(path))
        if (document.approval.plan, document.place) == (plan.digest, str(path.resolve())):
            return document
    return None
