"""The result of an experiment: what the gaps show, the rates at the compared levels, the gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from afcost.rendering.report.blocks import Block, Paragraph, Points, Remarks, Section, Table
from afcost.rendering.report.findings.answer_kinds import describe_only_texts
from afcost.rendering.report.findings.figures import (
    format_detectable,
    format_gap,
    format_share,
    name_outcome,
    name_rate,
)
from experiment.analysis import Analysis, Comparison, ComplianceGap, Evidence
from experiment.definition import PROXY
from runner.results import Report

_GAP = ["gap", "95% interval", "p", "pairs", "detectable"]
_ALL = "all"
_MOST_SENTENCES = 8  # of gaps that there is no evidence of
_SHOWN_ALWAYS = (Evidence.FOUND, Evidence.ALONE)


def compose_result(report: Report) -> Section:
    """Return the section on the compared factor."""
    analysis = report.analysis
    texts = Paragraph(tuple(filter(None, [describe_only_texts(analysis)])), quiet=True)
    conflicts = [Remarks(report.conflicts)] if report.conflicts else []
    if not has_result(analysis):
        nothing = Paragraph(("no answer has a result yet",))
        return Section(_title(report), (nothing, texts, *conflicts))
    ordered = order_comparisons(analysis)
    blocks = [
        *_build_points(list_sentences(analysis)),
        *_build_tables(analysis, ordered),
        *_explain_columns(ordered),
        texts,
        *conflicts,
    ]
    return Section(_title(report), tuple(blocks))


def has_result(analysis: Analysis) -> bool:
    """Return whether any answer has a result."""
    return any(each.rate is not None for each in analysis.rates)


def order_comparisons(analysis: Analysis) -> list[Comparison]:
    """Return the comparisons of each model, its subtotal behind them, and that over all models."""
    subtotals = {each.model: each for each in analysis.subtotals}
    ordered = []
    for model in dict.fromkeys(each.model for each in analysis.comparisons):
        ordered += [each for each in analysis.comparisons if each.model == model]
        ordered += [subtotals[model]] if model in subtotals else []
    return [*ordered, *([analysis.overall] if analysis.overall else [])]


def list_sentences(analysis: Analysis) -> list[str]:
    """Return what the gaps show: over all models, of each model, and wherever there is evidence.

    Where these are many, those of the models are left out, unless there is evidence.
    """
    overall = [analysis.overall] if analysis.overall else []
    models = list(analysis.subtotals or analysis.comparisons)
    shown = _list_gaps([*overall, *models])
    if len(shown) > _MOST_SENTENCES:
        shown = _list_gaps(overall)
    every = _list_gaps([*overall, *order_comparisons(analysis)])
    found = [gap for gap in every if gap in shown or gap.evidence in _SHOWN_ALWAYS]
    return list(dict.fromkeys(gap.sentence for gap in found))


def name_comparison(comparison: Comparison) -> list[str]:
    """Return the model and the condition of a comparison, as they are shown."""
    return [comparison.model or "all models", comparison.within or _ALL]


def _title(report: Report) -> str:
    measure = report.analysis.measure
    if measure == PROXY:
        return f"rate of {report.analysis.outcome}, by the proxy"
    judge = report.judges.get(measure)
    what = name_rate(judge) if judge else f"rate of {name_outcome(report.analysis.outcome)}"
    return f"{what}, judged by {measure}"


def _list_gaps(comparisons: Iterable[Comparison]) -> list[ComplianceGap]:
    return [gap for each in comparisons for gap in each.gaps]


def _build_tables(analysis: Analysis, ordered: Sequence[Comparison]) -> list[Block]:
    """Return a table of rates with their gap; where there are several gaps, they have their own."""
    levels = [rate.level for rate in ordered[0].rates] if ordered else []
    most = max((len(each.gaps) for each in ordered), default=0)
    beside = most == 1
    rows = [
        [*name_comparison(each), *_format_rates(each), *(_format(each.gap) if beside else [])]
        for each in ordered
    ]
    header = ["model", "condition", *levels, *(_GAP if beside else [])]
    table = Table(header, rows, 2, has_total=analysis.overall is not None)
    return [table, *([_build_gap_table(ordered)] if most > 1 else [])]


def _build_gap_table(comparisons: Iterable[Comparison]) -> Table:
    """Return a table with a row for each gap."""
    rows = [
        [*name_comparison(each), *gap.between, *_format(gap)]
        for each in comparisons
        for gap in each.gaps
    ]
    return Table(["model", "condition", "first", "second", *_GAP], rows, 4)


def _explain_columns(comparisons: Iterable[Comparison]) -> list[Block]:
    """Return what p and the detectable gap are, where there are any."""
    gaps = [gap for gap in _list_gaps(comparisons) if gap.p is not None]
    if not gaps:
        return []
    corrected = "p: corrected for the gaps beside it (Holm); " if len(gaps) > 1 else ""
    before = ", before correction" if len(gaps) > 1 else ""
    said = f"{corrected}detectable: the gap that 4 of 5 such runs would see{before}"
    return [Paragraph((said,), quiet=True)]


def _build_points(sentences: Sequence[str]) -> list[Block]:
    return [Points(tuple(sentences))] if sentences else []


def _format_rates(comparison: Comparison) -> list[str]:
    return [format_share(rate.compliance) for rate in comparison.rates]


def _format(gap: ComplianceGap | None) -> list[str]:
    return [*format_gap(gap), format_detectable(gap)]
