"""Consent: what the user says yes to before money is spent, on a terminal or by flags."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from afcost.errors import Refused
from afcost.options import AddedDollars
from afcost.rendering import console as draw
from estimator.plan import Plan, VerifiedPlan
from pricing.money import Money
from providers.registry import load_providers
from runner.approval import Approval, Confirmation, list_confirmations
from runner.launch import approve_plan, find_newest_cap


@dataclass(frozen=True, slots=True)
class Consent:
    """How the user says yes: to a question on a terminal, or by options.

    Attributes:
        yes: do not ask.
        flags: what to add off a terminal, such as `--yes`.
        given: an option that confirms what is unusual -> its values; they count with `yes`.
    """

    yes: bool
    flags: str
    given: Mapping[str, Collection[str]]


def find_cap(
    cap: Money | AddedDollars,
    plan: Plan,
    plan_path: Path,
    run_dir: Path | None,
    console: Console | None = None,
) -> Money:
    """Return the cap of a plan's whole study; where it adds to the one of now, say how.

    Args:
        cap: as the user gave it.
        plan: to approve.
        plan_path: its file.
        run_dir: the study's run folder; None for the default.
        console: where to say it; None for standard output.
    """
    if not isinstance(cap, AddedDollars):
        return cap
    newest = find_newest_cap(plan, plan_path, run_dir)
    total = cap.add_to(newest or Money())
    before = f"the cap of now, {newest}" if newest else "no cap so far, as nothing was approved"
    draw.print_text(
        console or draw.stdout(),
        f"--cap +: {before}, and {cap.amount} more: {total} for the whole study",
    )
    return total


def request_approval(  # noqa: PLR0913 - what is approved, and how
    verified: VerifiedPlan,
    plan: Plan,
    plan_path: Path,
    cap: Money,
    consent: Consent,
    now: datetime,
    *,
    until: datetime | None = None,
    answered_only: bool = False,
) -> None:
    """Ask for the user's consent, and record the approval beside the plan.

    Args:
        verified: the plan, checked against today's files and prices.
        plan: the same, as it was saved.
        plan_path: its file.
        cap: of the whole study.
        consent: how the user gives it.
        now: when.
        until: when the approval expires, if it does.
        answered_only: nothing is sent to the subject models.

    Raises:
        Refused: it is not approved.
    """
    known = load_providers(verified.experiment.spec.providers)
    needed = list_confirmations(verified, known, answered_only=answered_only)
    also = ", with all of the above" if needed else ""
    ask_consent(f"Approve spending up to {cap} for the whole study{also}?", needed, consent)
    confirmed = tuple(each.line for each in needed)
    approval = Approval(plan.digest, cap, find_current_user(), now, until, confirmed=confirmed)
    approve_plan(plan, plan_path, approval)


def ask_consent(question: str, needed: Sequence[Confirmation], consent: Consent) -> None:
    """Ask whether money may be spent, together with what else is unusual about a plan.

    Raises:
        Refused: the answer was no, it cannot be asked, or a confirmation is not given.
    """
    if consent.yes:
        given = consent.given
        _refuse_ungiven([each for each in needed if each.value not in given[each.option]])
        return
    if not sys.stdin.isatty():
        more = "".join(f" {each.flag}" for each in needed)
        raise Refused(f"not a terminal; pass {consent.flags}{more} to approve")
    if needed:
        draw.print_text(draw.stdout(), "Approving it also confirms:", "bold")
    for each in needed:
        draw.print_text(draw.stdout(), f"  {each.line}", "yellow")
    if not draw.confirm(question):
        raise Refused("not approved")


def find_current_user() -> str:
    """Return the name of the user who approves."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _refuse_ungiven(missing: Sequence[Confirmation]) -> None:
    if missing:
        lines = "\n".join(f"  {each.line}:  {each.flag}" for each in missing)
        raise Refused(
            "--yes alone does not confirm these. Check them above, and add the option of each that "
            f"is right:\n{lines}"
        )
