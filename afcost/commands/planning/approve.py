"""`afcost approve`: show the plan, ask for confirmation, and record the approval."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.consent import ask_consent, find_current_user
from afcost.options import ExpiryTime, PositiveDollars, TrustedKey
from afcost.rendering import console as draw
from afcost.rendering.approval_view import show_plan
from estimator.plan import read_plan, verify_plan
from pricing.money import Money
from providers.registry import load_providers
from runner.approval import Approval, list_confirmations
from runner.launch import approve_plan, find_earlier_spending


@click.command("approve")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--cap", type=PositiveDollars(), required=True, help="The most that may be billed, in USD."
)
@click.option("--until", type=ExpiryTime(), help="When the approval expires, such as 2026-12-01.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--trust", type=TrustedKey(), multiple=True,
              help="With --yes: this key may go to this provider; may be repeated.")  # fmt: skip
@click.option("--accept-price", metavar="MODEL", multiple=True,
              help="With --yes: your own price of PROVIDER/MODEL is right, although it is far "
              "below what others say; may be repeated.")  # fmt: skip
@click.option("--accept-field", metavar="NAME", multiple=True,
              help="With --yes: this field of `sampling` costs nothing; "
              "may be repeated.")  # fmt: skip
def approve_command(  # noqa: PLR0913 - one argument for each option
    *,
    plan: Path,
    cap: Money,
    until: datetime | None,
    yes: bool,
    trust: tuple[str, ...],
    accept_price: tuple[str, ...],
    accept_field: tuple[str, ...],
) -> None:
    """Approve PLAN: allow its runs to spend, in total, up to the cap.

    What is unusual about a plan is confirmed with it: a key that goes elsewhere than to a built-in
    provider's own address, a price of yours far below the others', a field that may cost. The
    question counts as confirmation; with --yes, each needs the option that the refusal names.
    """
    planned = read_plan(plan)
    now = datetime.now(UTC)
    fresh = verify_plan(planned, now, until)
    known = load_providers(fresh.experiment.spec.providers)
    show_plan(planned, fresh, cap, until, known)
    earlier = find_earlier_spending(planned, plan)
    if earlier and (said := earlier.describe(cap)):
        draw.print_text(draw.stdout(), f"  {said}")
    needed = list_confirmations(fresh, known)
    given = {"--trust": trust, "--accept-price": accept_price, "--accept-field": accept_field}
    also = ", with all of the above" if needed else ""
    ask_consent(f"Approve spending up to {cap}{also}?", needed, given, yes=yes, flags="--yes")
    confirmed = tuple(each.line for each in needed)
    approval = Approval(planned.digest, cap, find_current_user(), now, until, confirmed=confirmed)
    approve_plan(planned, plan, approval)
    draw.print_text(draw.stdout(), f"Approved. To run it:  afcost run {shlex.quote(str(plan))}")
