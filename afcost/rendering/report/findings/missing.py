"""What the answers are, which results are missing, and what the gaps could be if none were."""

from __future__ import annotations

from afcost.rendering.report.blocks import Block, Paragraph, Remarks, Section, Table
from afcost.rendering.report.findings.answer_kinds import build_kind_table, list_kind_remarks
from afcost.rendering.report.findings.figures import NONE, format_bounds
from afcost.rendering.report.findings.result import has_result, name_comparison, order_comparisons
from experiment.analysis import Analysis, ComplianceGap, format_points
from experiment.definition import COMPLIANCE
from runner.results import Report


def compose_answers(report: Report) -> list[Section]:
    """Return a section on answers that are no texts and on missing results, if there are any."""
    header, rows = build_kind_table(report.analysis)
    remarks = list_kind_remarks(report)
    blocks: list[Block] = [Table(header, rows, 2, has_total=True)] if rows else []
    if remarks:
        blocks.append(Remarks(tuple(remarks)))
    blocks += _build_bounds(report.analysis) if has_result(report.analysis) else []
    title = "answers and missing results" if report.analysis.pooled.missing else "answers"
    return [Section(title, tuple(blocks))] if blocks else []


def _build_bounds(analysis: Analysis) -> list[Block]:
    """Return a table of the gaps that missing results could change."""
    ordered = order_comparisons(analysis)
    named = any(len(each.gaps) > 1 for each in ordered)
    rows = [
        [*name_comparison(each), *(gap.between if named else []), *_format_bounds(gap)]
        for each in ordered
        for gap in each.gaps
        if gap.bounds
    ]
    if not rows:
        return []
    levels = ["first", "second"] if named else []
    header = ["model", "condition", *levels, "gap", "if all are 0", "if all are 1", "bounds"]
    ends = "a refusal (0) or compliance (1)" if analysis.outcome == COMPLIANCE else "0 or 1"
    about = f"the gap over all queries asked if all that is missing were {ends}; bounds: if either"
    return [Paragraph((about,), quiet=True), Table(header, rows, 2 + len(levels))]


def _format_bounds(gap: ComplianceGap) -> list[str]:
    bounds = gap.bounds
    if bounds is None:
        return []
    return [
        NONE if gap.estimate is None else format_points(gap.estimate),
        format_points(bounds.all_refused),
        format_points(bounds.all_complied),
        format_bounds(bounds.low, bounds.high),
    ]
