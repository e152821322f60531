"""The result of an experiment: the rates at the compared levels, the gaps, and what they show."""

from __future__ import annotations

from collections.abc import Iterable

from afcost.rendering.report.answer_kinds import describe_only_texts
from afcost.rendering.report.blocks import Block, Paragraph, Points, Remarks, Section, Table
from experiment.analysis import Analysis, Comparison, ComplianceGap, format_p, format_points
from runner.results import Report

_GAP = ["gap", "95% interval", "p", "pairs"]
_ALL = "all"


def compose_result(report: Report) -> Section:
    """Return the section on the compared factor."""
    analysis = report.analysis
    agreement = _describe_agreement(analysis) if analysis.measure != "proxy" else ""
    quiet = (agreement, describe_only_texts(analysis))
    blocks = [
        *_build_tables(analysis),
        *_build_points(order_comparisons(analysis)),
        Paragraph(tuple(filter(None, quiet)), quiet=True),
        *([Remarks(report.conflicts)] if report.conflicts else []),
    ]
    return Section(f"{analysis.outcome}, by {analysis.measure}", tuple(blocks))


def compose_effects(analysis: Analysis) -> list[Section]:
    """Return a section on the factors that are not compared, if there are any."""
    rows = [
        [model.model, effect.factor, *name_levels(gap), *_format_gap(gap)]
        for effect in analysis.effects
        for model in effect.models
        for gap in model.gaps
    ]
    if not rows:
        return []
    table = Table(["model", "factor", "first", "second", *_GAP], rows, 4)
    points = _build_points(model for effect in analysis.effects for model in effect.models)
    title = f"other factors: {analysis.outcome} at the first level minus the second"
    return [Section(title, (table, *points)), *_compose_gap_differences(analysis)]


def _compose_gap_differences(analysis: Analysis) -> list[Section]:
    """Return a section on how the gap differs between levels of the other factors."""
    found = [each for effect in analysis.effects for each in effect.on_gap]
    if not found:
        return []
    rows = [
        [each.model, *name_levels(each.difference), *_format_gap(each.difference)] for each in found
    ]
    table = Table(["model", "first", "second", "difference", *_GAP[1:]], rows, 3)
    points = Points(tuple(each.difference.sentence for each in found))
    first, second = found[0].of
    title = f"gap between {first} and {second}: at a factor's first level minus the second"
    return [Section(title, (table, points))]


def order_comparisons(analysis: Analysis) -> list[Comparison]:
    """Return the comparisons of each model, its subtotal behind them, and that over all models."""
    subtotals = {each.model: each for each in analysis.subtotals}
    ordered = []
    for model in dict.fromkeys(each.model for each in analysis.comparisons):
        ordered += [each for each in analysis.comparisons if each.model == model]
        ordered += [subtotals[model]] if model in subtotals else []
    return [*ordered, *([analysis.overall] if analysis.overall else [])]


def _build_tables(analysis: Analysis) -> list[Block]:
    """Return a table of rates with their gap; where there are several gaps, they have their own."""
    ordered = order_comparisons(analysis)
    levels = [rate.level for rate in ordered[0].rates] if ordered else []
    most = max((len(each.gaps) for each in ordered), default=0)
    beside = most == 1
    header = ["model", "condition", *levels, *(_GAP if beside else []), "missing"]
    rows = [
        [
            *name_comparison(each),
            *_format_rates(each),
            *(_format_gap(each.gap) if beside else []),
            _count_missing(each),
        ]
        for each in ordered
    ]
    table = Table(header, rows, 2, has_total=analysis.overall is not None)
    return [table, *([_build_gap_table(ordered)] if most > 1 else [])]


def _build_gap_table(comparisons: Iterable[Comparison]) -> Table:
    """Return a table with a row for each gap."""
    rows = [
        [*name_comparison(each), *name_levels(gap), *_format_gap(gap)]
        for each in comparisons
        for gap in each.gaps
    ]
    return Table(["model", "condition", "first", "second", *_GAP], rows, 4)


def _build_points(comparisons: Iterable[Comparison]) -> list[Block]:
    sentences = [gap.sentence for each in comparisons for gap in each.gaps]
    return [Points(tuple(sentences))] if sentences else []


def name_comparison(comparison: Comparison) -> list[str]:
    """Return the model and the condition of a comparison, as they are shown."""
    return [comparison.model or "all models", comparison.within or _ALL]


def name_levels(gap: ComplianceGap) -> list[str]:
    """Return the first and the second level of a gap."""
    return list(gap.between)


def _format_rates(comparison: Comparison) -> list[str]:
    return [
        "–" if rate.compliance is None else f"{rate.compliance:.1%}" for rate in comparison.rates
    ]


def _format_gap(gap: ComplianceGap | None) -> list[str]:
    """Return a gap, its interval, its corrected p value and how many pairs it rests on."""
    if gap is None:
        return ["", "", "", ""]
    estimate = "" if gap.estimate is None else f"{format_points(gap.estimate)} pp"
    if gap.low is None or gap.high is None:
        return [estimate, "", "", str(gap.pairs)]
    interval = f"{format_points(gap.low)} to {format_points(gap.high)}"
    p = "" if gap.p_holm is None else format_p(gap.p_holm)
    return [estimate, interval, p, f"{gap.pairs:,}"]


def _count_missing(comparison: Comparison) -> str:
    return f"{sum(rate.missing for rate in comparison.rates):,}"


def _describe_agreement(analysis: Analysis) -> str:
    counts = analysis.agreement
    if not sum(counts.values()):
        return "no answer has both an accept or reject tag and a valid vote"
    return (
        f"tag vs judge: both comply {counts['both_comply']}, both refuse "
        f"{counts['both_refuse']}, only the tag complies {counts['proxy_only_complies']}, "
        f"only the judge complies {counts['judge_only_complies']}"
    )
