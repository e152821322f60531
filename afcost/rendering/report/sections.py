"""A report as sections: what it says, for every format that people read.

The figures, their order and the wording stand here. A renderer decides only how a heading, a table,
a paragraph and a list of remarks look.
"""

from __future__ import annotations

from dataclasses import dataclass

from afcost.rendering.console import format_dollars, format_tokens
from afcost.rendering.next_step import Advice, list_next_steps, list_reasons
from afcost.rendering.report.answer_kinds import (
    build_kind_table,
    describe_only_texts,
    list_kind_remarks,
)
from afcost.rendering.report.judges import build_judge_tables
from afcost.rendering.run_summary import (
    describe_balance,
    describe_count_check,
    describe_outcome,
    describe_price_check,
)
from estimator.forecast import CostRange, Stratum
from experiment.analysis import Analysis, Comparison
from pricing.money import Money
from runner.results import Report, StratumActual, is_within_forecast

_COST_HEADER = [
    "stage",
    "model",
    "condition",
    "calls",
    "in",
    "planned",
    "out",
    "planned",
    "cost",
    "planned",
    "90% range",
]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of formatted cells.

    Args:
        header: the columns' names.
        rows: their cells.
        left_columns: how many of the first columns are aligned to the left.
        has_total: the last row is a total.
    """

    header: list[str]
    rows: list[list[str]]
    left_columns: int
    has_total: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of text, possibly none; `quiet` ones matter less than the others."""

    lines: tuple[str, ...]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Remarks:
    """What needs attention; possibly nothing."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do next."""

    advice: tuple[Advice, ...]


Block = Table | Paragraph | Remarks | Steps


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and the blocks below it."""

    title: str
    blocks: tuple[Block, ...]


def compose_report(report: Report) -> list[Section]:
    """Return the sections of a report: what it cost, what was found, what the answers are."""
    return [
        _compose_cost(report),
        _compose_result(report),
        *_compose_judges(report),
        *_compose_kinds(report),
    ]


def _compose_cost(report: Report) -> Section:
    return Section(
        f"{report.run_folder.plan.name}: {describe_outcome(report)}",
        (
            *([Paragraph(tuple(reasons))] if (reasons := list_reasons(report.reason)) else []),
            Table(_COST_HEADER, _build_cost_rows(report), left_columns=3, has_total=True),
            Paragraph((describe_balance(report), _describe_forecast(report))),
            Remarks(tuple(_list_remarks(report))),
            *([Steps(tuple(steps))] if (steps := list_next_steps(report)) else []),
        ),
    )


def _compose_result(report: Report) -> Section:
    analysis = report.analysis
    agreement = _describe_agreement(analysis) if analysis.measure != "proxy" else ""
    return Section(
        f"compliance, by {analysis.measure}",
        (
            _build_result_table(analysis),
            Paragraph(tuple(filter(None, (agreement, describe_only_texts(analysis)))), quiet=True),
            *([Remarks(report.conflicts)] if report.conflicts else []),
        ),
    )


def _compose_judges(report: Report) -> list[Section]:
    """Return a section for each table of a judge."""
    return [
        Section(each.title, (Table(each.header, each.rows, each.left_columns),))
        for each in build_judge_tables(report)
    ]


def _name_stratum(report: Report, stratum: Stratum) -> str:
    """Return a stratum's stage and condition, with its model where there are several of a stage."""
    models = {each.model for each, _ in report.strata if each.stage == stratum.stage}
    model = f"{report.run_folder.plan.models[stratum.model].name} " if len(models) > 1 else ""
    return f"{stratum.stage} {model}{stratum.condition}"


def _compose_kinds(report: Report) -> list[Section]:
    """Return a section on answers that are no texts and on missing results, if there are any."""
    header, rows = build_kind_table(report.analysis)
    remarks = list_kind_remarks(report)
    blocks: list[Block] = [Table(header, rows, 2, has_total=True)] if rows else []
    if remarks:
        blocks.append(Remarks(tuple(remarks)))
    return [Section("answers", tuple(blocks))] if blocks else []


def _build_cost_rows(report: Report) -> list[list[str]]:
    plan, strata = report.run_folder.plan, report.strata
    rows = [
        [
            planned.stage,
            str(plan.models[planned.model].name),
            planned.condition,
            *_format_figures(report, [(planned, actual)], actual.cost, planned.cost),
        ]
        for planned, actual in strata
    ]
    total = _format_figures(report, list(strata), report.balance.settled, plan.total)
    return [*rows, ["total", "", "", *total]]


def _format_figures(
    report: Report,
    strata: list[tuple[Stratum, StratumActual]],
    cost: Money,
    planned_cost: CostRange,
) -> list[str]:
    exact = all(planned.exactness == "exact" for planned, _ in strata)
    answered = sum(actual.requests for _, actual in strata)
    planned_requests = sum(planned.requests for planned, _ in strata)
    complete = report.outcome == "complete" or answered == planned_requests
    where = "inside" if is_within_forecast(planned_cost, cost) else "outside"
    return [
        f"{answered:,} of {planned_requests:,}",
        format_tokens(sum(actual.input_tokens for _, actual in strata)),
        ("" if exact else "~") + format_tokens(sum(planned.input_tokens for planned, _ in strata)),
        format_tokens(sum(actual.output_tokens for _, actual in strata)),
        "~" + format_tokens(sum(planned.output.mean for planned, _ in strata)),
        format_dollars(cost),
        format_dollars(planned_cost.mean),
        where if complete else "partial",
    ]


def _describe_forecast(report: Report) -> str:
    total = report.run_folder.plan.total
    text = f"forecast {format_dollars(total.q05)} – {format_dollars(total.q95)} (90%)"
    if report.inside is None:
        return f"{text}, for the complete run; this run is incomplete"
    where = "inside" if report.inside else "outside"
    return f"{text}: actual {report.balance.settled} is {where}"


def _list_remarks(report: Report) -> list[str]:
    """Return remarks that need attention: truncated answers, failures, billing differences."""
    remarks = []
    for planned, actual in report.strata:
        where = _name_stratum(report, planned)
        if actual.truncated:
            remarks.append(f"{where}: answers cut off at max_tokens: {actual.truncated:,}")
        if actual.in_flight and report.has_crashed:
            remarks.append(
                f"{where}: requests whose outcome is unknown: {actual.in_flight:,}; what they may "
                "cost is counted as held when the run is resumed"
            )
        elif actual.in_flight:
            remarks.append(f"{where}: requests in flight: {actual.in_flight:,}")
        if actual.failed:
            remarks.append(f"{where}: failed requests: {actual.failed:,}")
    for name, check in report.counts.items():
        if check.equal < check.calls:
            remarks.append(describe_count_check(name, check))
    remarks += [describe_price_check(name, c) for name, c in report.prices.items() if not c.agrees]
    return remarks + [f"{count:,} x {note}" for note, count in report.notes.items()]


def _build_result_table(analysis: Analysis) -> Table:
    first = analysis.comparisons[0] if analysis.comparisons else None
    levels = [rate.level for rate in first.rates] if first else []
    header = ["model", "condition", *levels, "gap", "95% interval", "pairs", "missing"]
    return Table(header, [_format_comparison(each) for each in analysis.comparisons], 2)


def _format_comparison(comparison: Comparison) -> list[str]:
    gap = comparison.gap
    interval = "" if gap is None or gap.low is None or gap.high is None else (
        f"{gap.low * 100:+.1f} to {gap.high * 100:+.1f}"
    )  # fmt: skip
    estimate = "" if gap is None or gap.estimate is None else f"{gap.estimate * 100:+.1f} pp"
    rates = [
        "–" if rate.compliance is None else f"{rate.compliance:.1%}" for rate in comparison.rates
    ]
    missing = sum(rate.missing for rate in comparison.rates)
    return [
        comparison.model,
        comparison.within or "all",
        *rates,
        estimate,
        interval,
        str(gap.pairs if gap else ""),
        str(missing),
    ]


def _describe_agreement(analysis: Analysis) -> str:
    counts = analysis.agreement
    if not sum(counts.values()):
        return "no answer has both an accept or reject tag and a valid vote"
    return (
        f"tag vs judge: both comply {counts['both_comply']}, both refuse "
        f"{counts['both_refuse']}, only the tag complies {counts['proxy_only_complies']}, "
        f"only the judge complies {counts['judge_only_complies']}"
    )
