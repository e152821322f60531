"""What a guarded program's plan said, beside what its calls came to."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from afcost.rendering import console as draw
from estimator.recorded import ProgramPlan
from runner.gateway import PlannedCalls

_HEADER = ["stage", "model", "calls", "in", "out", "cost", "planned", "90% range"]
_LEVEL = 90  # percent


def show_planned_calls(
    console: Console, plan: ProgramPlan, planned: Sequence[PlannedCalls]
) -> None:
    """Print what came of each stage and model beside what was planned; the total comes last."""
    for each in plan.problems:
        draw.print_text(console, f"the plan is PARTIAL: {each}", "yellow")
    rows = [_format_row(each) for each in planned]
    draw.print_table(console, _HEADER, rows, left_columns=2, has_total=True)
    draw.print_text(console, "calls, in, out: came / planned", "dim")


def _format_row(each: PlannedCalls) -> list[str]:
    actual = each.actual
    return [
        each.stage,
        each.model,
        f"{actual.calls:,} / {each.calls:,}",
        _set_against(actual.input_tokens, each.input_tokens),
        _set_against(actual.output_tokens, each.output_tokens),
        draw.format_dollars(actual.cost),
        draw.format_dollars(each.cost.mean) if each.cost else "–",
        _format_range(each),
    ]


def _set_against(came: int, planned: int) -> str:
    return f"{draw.format_tokens(came)} / {draw.format_tokens(planned)}"


def _format_range(each: PlannedCalls) -> str:
    """Return the range, and where the cost lies."""
    outcome = each.outcome
    if each.cost is None or outcome is None:
        return "not planned"
    low, high = each.cost.q05, each.cost.q95
    outside = "below" if each.actual.cost.as_float < low else "above"
    where = "inside" if outcome.is_inside(_LEVEL) else outside
    return f"{draw.format_dollars(low)} – {draw.format_dollars(high)}, {where}"
