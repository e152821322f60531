"""What was measured in each condition: compliance and refusal, the tag, and how many answers."""

from __future__ import annotations

from afcost.rendering.report.blocks import Section, Table
from experiment.analysis import Analysis
from experiment.definition import COMPLIANCE, PROXY


def compose_rates(analysis: Analysis) -> list[Section]:
    """Return a section on the rate in each condition, unless there is one condition."""
    if len({each.condition for each in analysis.rates}) <= 1:
        return []
    refusal = ["refusal"] if analysis.outcome == COMPLIANCE else []
    tag = ["by tag"] if analysis.measure != PROXY and _has_tags(analysis) else []
    header = ["model", "condition", analysis.outcome, *refusal, *tag, "answers", "missing"]
    rows = [
        [
            each.model,
            each.condition,
            _format_share(each.rate),
            *(_format_share(each.refusal) for _ in refusal),
            *(_format_share(each.proxy) for _ in tag),
            f"{each.answers:,}",
            f"{each.missing:,}",
        ]
        for each in analysis.rates
    ]
    return [Section("rate in each condition", (Table(header, rows, 2),))]


def _has_tags(analysis: Analysis) -> bool:
    return any(each.proxy is not None for each in analysis.rates)


def _format_share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
