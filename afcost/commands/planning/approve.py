"""`afcost approve`: show the plan, ask for confirmation, and record the approval."""

from __future__ import annotations

import getpass
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.errors import Refused
from afcost.options import ExpiryTime, PositiveDollars
from afcost.rendering import console as draw
from afcost.rendering.approval_view import show_plan
from estimator.plan import read_plan, verify_plan
from pricing.money import Money
from providers.registry import load_providers
from runner.approval import Approval
from runner.launch import approve_plan, find_earlier_spending


@click.command("approve")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--cap", type=PositiveDollars(), required=True, help="The most that may be billed, in USD."
)
@click.option("--until", type=ExpiryTime(), help="When the approval expires, such as 2026-12-01.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def approve_command(*, plan: Path, cap: Money, until: datetime | None, yes: bool) -> None:
    """Approve PLAN: allow its runs to spend, in total, up to the cap."""
    planned = read_plan(plan)
    now = datetime.now(UTC)
    fresh = verify_plan(planned, now, until)
    known = load_providers(fresh.experiment.spec.providers)
    used = {m.name.provider: known[m.name.provider] for m in planned.models.values()}
    show_plan(planned, fresh.ceiling, cap, until, used)
    earlier = find_earlier_spending(planned, plan)
    if earlier and (said := earlier.describe(cap)):
        draw.print_text(draw.stdout(), f"  {said}")
    if not yes:
        _confirm_spending(cap)
    approve_plan(planned, plan, Approval(planned.digest, cap, _find_current_user(), now, until))
    draw.print_text(draw.stdout(), f"Approved. To run it:  afcost run {shlex.quote(str(plan))}")


def _confirm_spending(cap: Money) -> None:
    if not sys.stdin.isatty():
        raise Refused("not a terminal; pass --yes to approve")
    if not click.confirm(f"Approve spending up to {cap}?", default=False):
        raise Refused("not approved")


def _find_current_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
