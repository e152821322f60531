"""How the range narrowed in a pilot, what the run costs by it, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from afcost.rendering import console as draw
from afcost.rendering.command_lines import (
    Advice,
    name_command,
    name_place,
    print_advice,
    round_up_to_cents,
)
from afcost.rendering.next_step import build_next_commands
from afcost.rendering.run_summary import describe_balance
from afcost.rendering.running.run_outcome import show_outcome
from afcost.rendering.study_view import describe_cost
from estimator.plan import Plan
from pricing.money import Money
from runner.execution import StopReason
from runner.pilot import Look, PilotGoal, PilotOutline, PilotRun
from runner.results import Report

PILOT_SCHEMA = "afcost.pilot/1"

_HEADER = ["queries", "calls", "paid", "output left", "90% range", "±"]


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


def show_next(report: Report, likely: Money, path: Path, run_dir: Path | None) -> None:
    """Print what is spent, and how to approve the plan that rests on the pilot.

    Args:
        report: of the study's run.
        likely: what the whole of it likely costs.
        path: of the plan.
        run_dir: that the user gave, if any.
    """
    console = draw.stdout()
    draw.print_text(console, describe_balance(report))
    approve = (
        f"{name_command('approve', path)} --cap {round_up_to_cents(likely)}{name_place(run_dir)}"
    )
    print_advice(console, [Advice("To approve it", (approve,))])


def show_cut_off(
    pilot: PilotRun, report: Report, plan_path: Path, run_dir: Path | None, ledger: str | None
) -> None:
    """Print why a pilot was cut off, and how to go on.

    Args:
        pilot: that was.
        report: of the study's run.
        plan_path: of its plan.
        run_dir: that the user gave, if any.
        ledger: the address of a shared one, if any.
    """
    end = pilot.progress.end or StopReason.STOPPED
    again = f"{name_command('pilot', plan_path)} --cap USD{name_place(run_dir, ledger)}"
    usual = build_next_commands(plan_path, run_dir, report.run_folder.path, ledger)
    commands = replace(usual, resume=again, approve=again)
    show_outcome(report, pilot.progress, end, commands)


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
