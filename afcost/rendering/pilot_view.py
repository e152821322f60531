"""A pilot as it is shown: what it will send, how it goes on, and how the range narrowed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from afcost.rendering import console as draw
from afcost.rendering.run_view import RunView
from afcost.rendering.study_view import describe_cost
from estimator.plan import Plan
from pricing.money import Money
from runner.execution import Progress, StopReason
from runner.pilot import Look, PilotGoal, PilotOutline, PilotRun, PilotSize

PILOT_SCHEMA = "afcost.pilot/1"

_HEADER = ["queries", "calls", "paid", "output left", "90% range", "±"]


def describe_outline(outline: PilotOutline, goal: PilotGoal) -> list[str]:
    """Return in lines what a pilot sends, at least and at most, and when it stops."""
    what = (
        f"asks {_join_sizes(outline)} queries of each of {outline.strata:,} strata (a model in a "
        "condition), one sample of each, and the judges of these answers"
    )
    sizes = dict.fromkeys([outline.least, outline.most])
    lines = [what, *map(_describe_size, sizes)]
    if outline.least.queries < outline.most.queries:
        lines.append(
            f"stops once the 90% range of what the output left costs is within ±{goal.width:.0%}"
        )
    return lines


def _join_sizes(outline: PilotOutline) -> str:
    least, most = outline.least.queries, outline.most.queries
    return f"{least:,} to {most:,}" if least < most else f"{most:,}"


def _describe_size(size: PilotSize) -> str:
    likely, ceiling = draw.format_dollars(size.likely), draw.format_dollars(size.ceiling)
    return (
        f"  {size.queries:,} of each: {size.answers:,} answers, {size.calls:,} calls at most; "
        f"likely {likely}, ceiling {ceiling}"
    )


def describe_pilot_cap(cap: Money, spent: Money, outline: PilotOutline) -> str:
    """Return in words what a cap covers of a pilot.

    Args:
        cap: of the whole study.
        spent: by it so far.
        outline: of the pilot.
    """
    left = max(cap - spent, Money())
    if left >= outline.most.ceiling:
        covers = "it covers the pilot, whatever the models answer"
    elif left >= outline.least.ceiling:
        covers = "it covers the first look; after that, the pilot goes on while it covers more"
    else:
        covers = f"it may not cover {outline.least.queries} queries of each; fewer are asked then"
    return f"cap {cap} for the whole study, {left} of it is left: {covers}"


class PilotView(RunView):
    """The live lines of a pilot."""

    def __init__(self) -> None:
        super().__init__()
        self._look: Look | None = None

    def show_look(self, look: Look) -> None:
        """Show what a look found, from now on."""
        self._look = look

    def _format_lines(self, progress: Progress, now: float) -> list[str]:  # noqa: ARG002
        """Return a line on the work and one on the money."""
        work = f"pilot: {progress.answered:,} answered"
        if self._look is not None:
            work += f"; {_describe_width(self._look)} after {self._look.queries} queries of each"
        if progress.failed:
            work += f"; {len(progress.failed):,} failed"
        if progress.end is not None:
            work += "; finishing requests in flight (Ctrl-C holds their cost)"
        balance = self._ledger.balance
        held = f", held {balance.held}" if balance.held else ""
        reserved = balance.reserved + balance.aside
        money = (
            f"spent {balance.settled}, reserved {reserved}{held}, left {balance.free} of "
            f"{balance.cap}"
        )
        return [work, money]


def _describe_width(look: Look) -> str:
    return "no range yet" if look.width is None else f"±{look.width:.0%}"


def show_pilot(pilot: PilotRun, plan: Plan, planned: Plan, path: Path) -> None:
    """Print how the range narrowed, and what the run costs by the pilot.

    Args:
        pilot: that has ended.
        plan: the pilot's.
        planned: the one that rests on it.
        path: of that.
    """
    console = draw.stdout()
    draw.print_text(console, f"Pilot of {plan.name}: {pilot.reason}.", "bold")
    draw.print_table(console, _HEADER, [_build_row(look) for look in pilot.looks], left_columns=0)
    draw.print_text(console, f"Before the pilot: {describe_cost(plan.total)}.")
    draw.print_text(console, f"By the pilot: {describe_cost(planned.total)}.")
    draw.print_text(
        console, f"Saved {path}: the same work, and a forecast that rests on the pilot."
    )


def _build_row(look: Look) -> list[str]:
    counts = [f"{look.queries:,}", f"{look.calls:,}", draw.format_dollars(look.paid)]
    if look.left is None:
        return [*counts, "?", "some stratum has no answer", "?"]
    low, middle, high = (look.left.quantile(p) for p in (0.05, 0.5, 0.95))
    spread = f"{draw.format_dollars(low)} – {draw.format_dollars(high)}"
    return [*counts, draw.format_dollars(middle), spread, f"{look.width:.0%}"]


def pilot_to_json(  # noqa: PLR0913 - what is told
    pilot: PilotRun,
    goal: PilotGoal,
    outline: PilotOutline,
    plans: Sequence[tuple[Path, Plan]],
    spent: Money,
    cap: Money,
) -> dict[str, Any]:
    """Return a pilot as JSON; money as decimal strings of US dollars.

    Args:
        pilot: that has ended, or was cut off.
        goal: when it had enough.
        outline: what it could send.
        plans: the pilot's, and the one that rests on it where there is one, with their files.
        spent: by the study.
        cap: of it.
    """
    end = pilot.progress.end or StopReason.STOPPED
    before, *after = [
        {"file": str(path), "digest": plan.digest, "cost_usd": plan.total.to_json()}
        for path, plan in plans
    ]
    return {
        "schema": PILOT_SCHEMA,
        "run_folder": str(pilot.run_folder.path),
        "end": end.value,
        "reason": pilot.reason or pilot.progress.reason,
        "goal": {"width": goal.width, "most": goal.most},
        "strata": outline.strata,
        "least": outline.least.to_json(),
        "most": outline.most.to_json(),
        "queries": pilot.asked,
        "looks": [look.to_json() for look in pilot.looks],
        "spent_usd": spent.to_decimal_string(),
        "cap_usd": cap.to_decimal_string(),
        "plan": before,
        "pilot_plan": after[0] if after else None,
    }
