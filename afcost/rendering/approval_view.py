"""A plan as `afcost approve` shows it: where it sends, what it may cost, what the cap covers."""

from __future__ import annotations

from datetime import datetime

from afcost.rendering import console as draw
from estimator.plan import Plan
from pricing.money import Money
from providers.provider import Provider


def show_plan(
    plan: Plan, ceiling: Money, cap: Money, until: datetime | None, used: dict[str, Provider]
) -> None:
    """Print a plan, the providers it uses, and how far a cap would cover it.

    Args:
        plan: to approve.
        ceiling: its worst-case cost at every price until the approval expires.
        cap: the most that may be billed.
        until: when the approval expires, if it does.
        used: the plan's providers by name.
    """
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
