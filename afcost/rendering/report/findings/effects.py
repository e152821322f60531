"""The factors that are not compared: what they change, in the rate and in its gap."""

from __future__ import annotations

from collections.abc import Iterator

from afcost.rendering.report.blocks import Block, Paragraph, Points, Section, Table
from afcost.rendering.report.findings.figures import format_gap, name_outcome
from experiment.analysis import Analysis, ComplianceGap, Evidence

_HEADER = ["model", "of", "first", "second", "difference", "95% interval", "p", "pairs"]


def compose_effects(analysis: Analysis) -> list[Section]:
    """Return a section on the factors that are not compared, if there are any."""
    found = list(_list_differences(analysis))
    if not found:
        return []
    rows = [[model, of, *gap.between, *format_gap(gap)] for model, of, gap in found]
    gaps = [gap for _, _, gap in found]
    blocks = [Table(_HEADER, rows, 4), *_say_evidence(gaps, analysis)]
    return [Section("other factors: at the first level minus at the second", tuple(blocks))]


def _list_differences(analysis: Analysis) -> Iterator[tuple[str, str, ComplianceGap]]:
    """Yield what changes in each model, the outcome before its gap."""
    outcome = name_outcome(analysis.outcome)
    for model in dict.fromkeys(each.model for each in analysis.comparisons):
        for effect in analysis.effects:
            for each in effect.models:
                if each.model == model:
                    yield from ((model, outcome, gap) for gap in each.gaps)
            for difference in effect.on_gap:
                if difference.model == model:
                    yield model, "its gap", difference.difference


def _say_evidence(gaps: list[ComplianceGap], analysis: Analysis) -> list[Block]:
    """Say of which of them there is evidence, and what the gap is."""
    of = next((each.of for effect in analysis.effects for each in effect.on_gap), None)
    explained = [] if of is None else [f"its gap: that between {of[0]} and {of[1]}"]
    said = [gap.sentence for gap in gaps if gap.evidence in (Evidence.FOUND, Evidence.ALONE)]
    if said:
        return [Points(tuple(said)), Paragraph(tuple(explained), quiet=True)]
    tested = any(gap.p is not None for gap in gaps)
    nothing = (
        "no evidence of any of these" if tested else "too few queries to say anything of these"
    )
    return [Paragraph(("; ".join([nothing, *explained]),))]
