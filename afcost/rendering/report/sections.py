"""A report as sections: what it says, for every format that people read.

The figures, their order and the wording stand here. A renderer decides only how a heading, a table,
a paragraph and a list of remarks look.
"""

from __future__ import annotations

from afcost.rendering.console import format_dollars, format_tokens
from afcost.rendering.next_step import list_next_steps, list_reasons
from afcost.rendering.report.batch_section import compose_batches
from afcost.rendering.report.blocks import Paragraph, Remarks, Section, Steps, Table
from afcost.rendering.report.findings import (
    compose_answers,
    compose_conditions,
    compose_correction,
    compose_effects,
    compose_errors,
    compose_judges,
    compose_published,
    compose_result,
    compose_sequential,
    has_result,
)
from afcost.rendering.report.forecast_section import compose_forecast
from afcost.rendering.run_summary import (
    describe_balance,
    describe_count_check,
    describe_outcome,
    describe_price_check,
    describe_turns,
)
from estimator.forecast import CostRange, Stratum, compare_with_range, join_bases
from pricing.money import Money
from runner.results import Report, StratumActual

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


def compose_report(report: Report) -> list[Section]:
    """Return the sections of a report: what it cost, what was found, what the answers are."""
    result = [_compose_cost(report), *compose_batches(report), *compose_forecast(report)]
    result += [*compose_sequential(report), compose_result(report), *compose_correction(report)]
    if not has_result(report.analysis):
        return [*result, *compose_answers(report)]
    return [
        *result,
        *compose_conditions(report),
        *compose_effects(report.analysis),
        *compose_published(report.analysis),
        *compose_answers(report),
        *compose_judges(report),
        *compose_errors(report),
    ]


def _compose_cost(report: Report) -> Section:
    return Section(
        f"{report.run_folder.plan.name}: {describe_outcome(report)}",
        (
            *([Paragraph(tuple(reasons))] if (reasons := list_reasons(report.reason)) else []),
            Table(_COST_HEADER, _build_cost_rows(report), 3, has_total=True, has_groups=False),
            Paragraph(
                (
                    *describe_turns(report),
                    describe_balance(report),
                    _describe_forecast(report),
                )
            ),
            Remarks(tuple(list_remarks(report))),
            *([Steps(tuple(steps))] if (steps := list_next_steps(report)) else []),
        ),
    )


def _name_stratum(report: Report, stratum: Stratum) -> str:
    """Return a stratum's stage and condition, with its model where there are several of a stage."""
    models = {each.model for each, _ in report.strata if each.stage == stratum.stage}
    model = f"{report.run_folder.plan.models[stratum.model].name} " if len(models) > 1 else ""
    return f"{stratum.stage} {model}{stratum.condition}"


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
    counted = sum((actual.cost for _, actual in strata), Money())
    basis = join_bases([planned.basis for planned, _ in strata])
    outcome = compare_with_range(planned_cost, counted, basis)
    where = "inside" if outcome.is_inside(90) else "outside"
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
    from runner.execution import StopReason  # noqa: PLC0415 - it loads what sends requests

    total = report.run_folder.plan.total
    text = f"forecast {format_dollars(total.q05)} – {format_dollars(total.q95)} (90%)"
    if report.end == StopReason.SHOWN:
        return f"{text}, for the whole run; this run ended at a look: it says nothing of the range"
    if report.outcome == "complete" and not report.is_comparable:
        return f"{text}, by calls; this run was asked in batches: it says nothing of the range"
    if report.inside is None:
        return f"{text}, for the complete run; this run is incomplete"
    where = "inside" if report.inside else "outside"
    return f"{text}: actual {report.counted_cost} is {where}"


def list_remarks(report: Report) -> list[str]:
    """Return remarks that need attention: truncated answers, failures, billing differences."""
    remarks = []
    for planned, actual in report.strata:
        where = _name_stratum(report, planned)
        if actual.truncated:
            remarks.append(f"{where}: answers cut off at max_tokens: {actual.truncated:,}")
        if actual.in_flight and report.has_away(planned):
            remarks.append(f"{where}: requests away in batches: {actual.in_flight:,}")
        elif actual.in_flight and report.has_crashed:
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
