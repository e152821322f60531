"""`afcost approve`: show what is approved, ask, record."""

from __future__ import annotations

import getpass
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.errors import Refused
from afcost.options import Dollars, Until
from afcost.rendering import console as draw
from estimator.plan import plan_file as plans
from estimator.plan import staleness as stale
from estimator.plan.plan import Plan
from pricing.money import Money
from providers.provider import Provider
from providers.registry import providers
from runner.approval.approval import Approval
from runner.approval.approval_file import record


@click.command("approve")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--cap", type=Dollars(), required=True, help="The most that may be billed, in USD.")
@click.option("--until", type=Until(), help="When the approval expires, such as 2026-12-01.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def command(*, plan: Path, cap: Money, until: datetime | None, yes: bool) -> None:
    """Approve PLAN: its runs may spend up to the cap in total."""
    planned = plans.read(plan)
    now = datetime.now(UTC)
    fresh = stale.check(planned, now, until)
    known = providers(fresh.experiment.spec.providers)
    _show(
        planned,
        fresh.ceiling,
        cap,
        until,
        {m.name.provider: known[m.name.provider] for m in planned.models.values()},
    )
    if not yes:
        _ask(cap)
    record(Approval(planned.digest, cap, _who(), now, until), plan)
    draw.say(draw.out(), f"Approved. To run it:  afcost run {shlex.quote(str(plan))}")


def _show(
    plan: Plan, ceiling: Money, cap: Money, until: datetime | None, used: dict[str, Provider]
) -> None:
    console, total = draw.out(), plan.total
    ends = f"until {until:%Y-%m-%d %H:%M}" if until else "no expiry"
    draw.say(
        console, f"{plan.name}: {plan.requests_in_all:,} requests, plan {plan.digest[:12]}", "bold"
    )
    for name, provider in sorted(used.items()):
        own = "" if provider.builtin_url else "  (set by the experiment file)"
        where = provider.base_url or "cannot be sent (prices only)"
        draw.say(console, f"  requests to {name}: {where}{own}")
    spread = f"{draw.dollars(total.q05)} – {draw.dollars(total.q95)}"
    likely = draw.dollars(total.mean)
    draw.say(console, f"  likely {likely}, 90% range {spread}, ceiling {draw.dollars(ceiling)}")
    if ceiling != total.ceiling:
        planned = draw.dollars(total.ceiling)
        draw.say(
            console,
            f"  the ceiling covers every price until the approval expires; planned {planned}",
        )
    draw.say(console, f"  cap {cap}, {ends}: {_covers(plan, ceiling, cap)}")


def _covers(plan: Plan, ceiling: Money, cap: Money) -> str:
    if cap >= ceiling:
        return "it covers the run, whatever the models answer"
    if cap.approx >= plan.total.q95:
        return "it very likely covers the run"
    if cap.approx >= plan.total.mean:
        return "it likely covers the run; if not, the run stops with all conditions balanced"
    return "it is below the likely cost; the run will stop early with all conditions balanced"


def _ask(cap: Money) -> None:
    if not sys.stdin.isatty():
        raise Refused("not a terminal; pass --yes to approve")
    if not click.confirm(f"Approve spending up to {cap}?", default=False):
        raise Refused("not approved")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
