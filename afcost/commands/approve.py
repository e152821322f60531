"""`afcost approve`: show what is approved, ask, record."""

from __future__ import annotations

import getpass
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost.commands.estimate import Dollars
from afcost.errors import Refused
from afcost.rendering import console as draw

if TYPE_CHECKING:
    from estimator.plan.plan_file import Plan
    from pricing.money import Money
    from providers.registry import Provider


class Until(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on
    """A day, until its end, or a time of a day; local time unless it says otherwise."""

    name = "day or time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read an ISO day or time."""
        text = str(value)
        try:
            at = datetime.fromisoformat(text if len(text) > 10 else f"{text}T23:59:59")  # noqa: PLR2004
        except ValueError:
            self.fail(f"{text!r} is not a day like 2026-12-01 or a time like 2026-12-01T18:00")
        at = at.astimezone()
        if at <= datetime.now(UTC):
            self.fail(f"{text!r} has passed", param, ctx)
        return at


@click.command("approve")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--cap", type=Dollars(), required=True, help="The most that may be billed, in USD.")
@click.option("--until", type=Until(), help="When the approval expires, such as 2026-12-01.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(*, plan: Path, cap: Money, until: datetime | None, yes: bool) -> None:
    """Approve PLAN: allow its runs, all together, to spend up to the cap."""
    from estimator.plan import plan_file as plans  # noqa: PLC0415 - heavy, and only needed here
    from estimator.plan import staleness as stale  # noqa: PLC0415
    from providers.registry import providers  # noqa: PLC0415
    from runner.approval.approval_file import Approval, record  # noqa: PLC0415

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
    ends = f"until {until:%Y-%m-%d %H:%M}" if until else "without an end"
    draw.say(
        console, f"{plan.name}: {plan.requests_in_all:,} requests, plan {plan.digest[:12]}", "bold"
    )
    for name, provider in sorted(used.items()):
        own = "" if provider.builtin_url else "  (set by the experiment file)"
        where = provider.base_url or "nowhere: only its prices are known"
        draw.say(console, f"  sent to {name}: {where}{own}")
    spread = f"{draw.dollars(total.q05)} – {draw.dollars(total.q95)}"
    likely = draw.dollars(total.mean)
    draw.say(console, f"  likely {likely}, 90% range {spread}, ceiling {draw.dollars(ceiling)}")
    if ceiling != total.ceiling:
        planned = draw.dollars(total.ceiling)
        draw.say(
            console,
            f"  the ceiling holds every price until the approval ends; planned was {planned}",
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
        raise Refused("nobody is at the terminal to ask; approve with --yes")
    if not click.confirm(f"Approve spending up to {cap}?", default=False):
        raise Refused("not approved")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
