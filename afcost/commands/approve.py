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
from estimator.plan import Plan, read_plan, verify_plan
from pricing.money import Money
from providers.provider import Provider
from providers.registry import load_providers
from runner.approval import Approval, save_approval


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
    _show_plan(
        planned,
        fresh.ceiling,
        cap,
        until,
        {m.name.provider: known[m.name.provider] for m in planned.models.values()},
    )
    if not yes:
        _confirm_spending(cap)
    save_approval(Approval(planned.digest, cap, _current_user(), now, until), plan)
    draw.print_text(draw.stdout(), f"Approved. To run it:  afcost run {shlex.quote(str(plan))}")


def _show_plan(
    plan: Plan, ceiling: Money, cap: Money, until: datetime | None, used: dict[str, Provider]
) -> None:
    console, total = draw.stdout(), plan.total
    ends = f"until {until:%Y-%m-%d %H:%M}" if until else "no expiry"
    draw.print_text(
        console, f"{plan.name}: {plan.request_count:,} requests, plan {plan.digest[:12]}", "bold"
    )
    for name, provider in sorted(used.items()):
        own = "" if provider.builtin_url else "  (set by the experiment file)"
        where = provider.base_url or "cannot be sent (prices only)"
        draw.print_text(console, f"  requests to {name}: {where}{own}")
    spread = f"{draw.format_dollars(total.q05)} – {draw.format_dollars(total.q95)}"
    likely = draw.format_dollars(total.mean)
    draw.print_text(
        console, f"  likely {likely}, 90% range {spread}, ceiling {draw.format_dollars(ceiling)}"
    )
    if ceiling != total.ceiling:
        planned = draw.format_dollars(total.ceiling)
        draw.print_text(
            console,
            f"  the ceiling covers every price until the approval expires; planned {planned}",
        )
    draw.print_text(console, f"  cap {cap}, {ends}: {_describe_coverage(plan, ceiling, cap)}")


def _describe_coverage(plan: Plan, ceiling: Money, cap: Money) -> str:
    if cap >= ceiling:
        return "it covers the run, whatever the models answer"
    if cap.as_float >= plan.total.q95:
        return "it very likely covers the run"
    if cap.as_float >= plan.total.mean:
        return "it likely covers the run; if not, the run stops with all conditions balanced"
    return "it is below the likely cost; the run will stop early with all conditions balanced"


def _confirm_spending(cap: Money) -> None:
    if not sys.stdin.isatty():
        raise Refused("not a terminal; pass --yes to approve")
    if not click.confirm(f"Approve spending up to {cap}?", default=False):
        raise Refused("not approved")


def _current_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
