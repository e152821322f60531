"""What is missing in each condition, and what the gaps could be if it were not."""

from __future__ import annotations

from afcost.rendering.report.blocks import Block, Paragraph, Section, Table
from afcost.rendering.report.result import name_comparison, name_levels, order_comparisons
from experiment.analysis import Analysis, ComplianceGap, format_points
from experiment.definition import COMPLIANCE


def compose_missing(analysis: Analysis) -> list[Section]:
    """Return a section on missing results, if there are any: why, and the bounds of the gaps."""
    missing = [each for each in analysis.rates if each.missing]
    if not missing:
        return []
    reasons = list(dict.fromkeys(reason for each in missing for reason in each.missing_by))
    rows = [
        [
            each.model,
            each.condition,
            *(f"{each.missing_by.get(reason, 0):,}" for reason in reasons),
            f"{each.missing:,} of {each.missing + each.answers:,}",
        ]
        for each in missing
    ]
    table = Table(["model", "condition", *reasons, "missing"], rows, 2)
    return [Section("missing results", (table, *_build_bounds(analysis)))]


def _build_bounds(analysis: Analysis) -> list[Block]:
    """Return a table of the gaps that missing results could change."""
    ordered = order_comparisons(analysis)
    named = any(len(each.gaps) > 1 for each in ordered)
    rows = [
        [*name_comparison(each), *(name_levels(gap) if named else []), *_format_bounds(gap)]
        for each in ordered
        for gap in each.gaps
        if gap.bounds
    ]
    if not rows:
        return []
    levels = ["first", "second"] if named else []
    header = ["model", "condition", *levels, "gap", "if all are 0", "if all are 1", "bounds"]
    ends = "a refusal (0) or compliance (1)" if analysis.outcome == COMPLIANCE else "0 or 1"
    about = (
        f"the gap over all queries asked if everything that is missing were {ends}, and its bounds "
        "if either:"
    )
    return [Paragraph((about,), quiet=True), Table(header, rows, 2 + len(levels))]


def _format_bounds(gap: ComplianceGap) -> list[str]:
    bounds = gap.bounds
    if bounds is None:
        return []
    return [
        "–" if gap.estimate is None else format_points(gap.estimate),
        format_points(bounds.all_refused),
        format_points(bounds.all_complied),
        f"{format_points(bounds.low)} to {format_points(bounds.high)}",
    ]
