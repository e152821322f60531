"""What else could be done than to ask the whole experiment, in sentences."""

from __future__ import annotations

from rich.console import Console

from afcost.rendering import console as draw
from estimator.design import Alternative, Design, StudyDesign
from experiment.definition import Target


def format_points(gap: float) -> str:
    """Format a gap in percentage points."""
    return f"{gap * 100:.1f} pp"


def print_alternatives(console: Console, design: StudyDesign) -> None:
    """Print what else the money, or the gap, could be had with."""
    row, target = design.default_row, design.target
    base = row.design_for(target)
    if not design.alternatives:
        return
    what = f"{base.queries:,} x {base.samples:,}" if base else "no design"
    draw.print_text(console, f"Instead of row {row.number} ({what}, {_say(target)}):")
    for each in design.alternatives:
        draw.print_point(console, _describe_alternative(each, base, design))


def _say(target: Target) -> str:
    return target.value.replace("-", " ").replace("these queries", "only these queries")


def _describe_alternative(
    alternative: Alternative, base: Design | None, design: StudyDesign
) -> str:
    found, note = alternative.design, alternative.note
    if found == base and note:
        return f"{alternative.what}: {note}"
    after = f" ({note})" if note else ""
    if found is None:
        return f"{alternative.what}: not within reach{after}"
    size = f"{found.queries:,} x {found.samples:,}"
    if design.question.wish.gap is not None:
        saved = f", {_compare_costs(found.cost, base.cost)}" if base else ""
        return f"{alternative.what}: {size} for {draw.format_dollars(found.cost)}{saved}{after}"
    better = f", {_compare_gaps(found.gap, base.gap)}" if base else ""
    cost = draw.format_dollars(found.cost)
    return f"{alternative.what}: {size} shows {format_points(found.gap)} for {cost}{better}{after}"


def _compare_costs(cost: float, base: float) -> str:
    word = "less" if cost <= base else "more"
    return f"{draw.format_dollars(abs(cost - base))} {word}"


def _compare_gaps(gap: float, base: float) -> str:
    if format_points(abs(gap - base)) == format_points(0):
        return "no smaller"
    word = "smaller" if gap <= base else "larger"
    return f"{format_points(abs(gap - base))} {word}"
