"""The first screen: what was asked, what came out, what it cost."""

from __future__ import annotations

from markupsafe import Markup

from afcost.page.report.findings.gap_chart import draw_gaps
from afcost.page.report.findings.headline import write_lead, write_others
from afcost.page.report.findings.result import (
    draw_main_rates,
    name_measured,
    title_result,
)
from afcost.page.report.money.spent import draw_spent
from afcost.page.report.parts import ReportPage
from afcost.page.shell.sections import PageSection
from afcost.page.shell.sentences import join_words, write_sentence
from afcost.rendering.console import format_count
from afcost.rendering.next_step import list_next_steps, list_reasons
from afcost.rendering.run_summary import describe_outcome
from experiment.definition import ExperimentSpec
from runner.results import Report


def compose_summary(page: ReportPage) -> PageSection:
    """Return the section."""
    report, analysis = page.report, page.report.analysis
    drawn = {"gaps": draw_gaps(analysis), "rates": draw_main_rates(page), "strip": draw_spent(page)}
    is_published = any(each.gap is not None for each in analysis.published)
    return PageSection(
        "summary",
        "Summary",
        "report/summary.html.j2",
        {
            "title": report.run_folder.spec.title or report.run_folder.plan.name,
            "outcome": describe_outcome(report),
            "asked": describe_question(page),
            "when": _describe_days(page),
            "banner": report.outcome != "complete",
            "reasons": [f"{each.rstrip('.')}." for each in list_reasons(report.reason)],
            "steps": list_next_steps(report),
            "lead": write_lead(analysis, page.figures, name_measured(report)),
            "others": write_others(analysis, page.figures),
            "test": _describe_test(report),
            "between": _describe_gaps(report),
            "rates": title_result(report),
            "sources": _list_sources(report) if is_published else [],
            "cost": describe_cost(page),
            "approval": report.approval,
            "plan": report.run_folder.plan.digest[:12],
        },
        {name: chart for name, chart in drawn.items() if chart},
    )


def describe_question(page: ReportPage) -> Markup:
    """Return what was asked of whom: queries, samples, models, conditions, answers, judges."""
    spec = page.report.run_folder.spec
    asked = page.figures.document["experiment"]
    planned = "" if page.report.outcome == "complete" else "planned "
    return write_sentence(
        "{count} {queries} put{samples} to {models}{conditions}: {answers} {what}{judges}",
        count=page.figures.count("experiment.queries"),
        queries="query," if asked["queries"] == 1 else "queries, each",
        samples=f" {spec.samples} times" if spec.samples > 1 else "",
        models=format_count(len(spec.models), "model", "models"),
        conditions=_describe_conditions(spec),
        answers=page.figures.count("experiment.answers"),
        what=planned + ("answer" if asked["answers"] == 1 else "answers"),
        judges=_describe_judges(spec),
    )


def _describe_days(page: ReportPage) -> str:
    """Return the day, or the days, of the run; empty where nothing was sent."""
    spending = page.figures.document["spending"]
    if spending is None:
        return ""
    days = dict.fromkeys(spending[end][:10] for end in ("from", "to"))
    return " to ".join(days)


def _describe_conditions(spec: ExperimentSpec) -> Markup:
    factors = [
        write_sentence("{name} {levels}", name=name, levels=join_words(levels, " or "))
        for name, levels in spec.factors.items()
    ]
    return Markup(" with {}").format(join_words(factors)) if factors else Markup()


def _describe_judges(spec: ExperimentSpec) -> Markup:
    if not spec.judges:
        return Markup(". No judge reads them: their own tags say what they are.")
    names = join_words(each.name for each in spec.judges)
    many = "judges" if len(spec.judges) > 1 else "judge"
    return Markup(", read by the {} {}.").format(many, names)


def describe_cost(page: ReportPage) -> Markup:
    """Return what was spent against the forecast, of a partial run that of its part."""
    outcome = page.report.total_outcome
    if outcome is None:
        text = "What was run was forecast at {} to {} (90%), likely {}; the whole run at {} to {}."
        part, whole = _show_forecast(page, "forecast.run"), _show_forecast(page, "forecast")
        return Markup(text).format(*part, *whole[:2])  # noqa: S704 - our own words
    where = "Inside the forecast of"
    if not page.report.inside:
        above = outcome.actual.as_float > outcome.quantiles["q50"]
        where = f"{'Above' if above else 'Below'} the forecast of"
    forecast = _show_forecast(page, "forecast")
    return Markup("{} {} to {} (90%), likely {}.").format(where, *forecast)


def _show_forecast(page: ReportPage, path: str) -> list[Markup]:
    return [page.figures.dollars(f"{path}.{each}") for each in ("q05", "q95", "mean")]


def _describe_test(report: Report) -> list[str]:
    """Return how a sequential test ended, and what it saved."""
    if report.sequential is None:
        return []
    said = [f"{each}." for each in report.sequential.recorded.describe_stops()]
    if saving := report.sequential.describe_saving():
        said.append(
            f"Stopped early: {saving}. After an early stop the intervals here are too narrow; "
            "the repeated ones below hold."
        )
    elif report.sequential.recorded.next_place is not None:
        said.append("The sequential test goes on: until it ends, intervals here are no test.")
    return said


def _describe_gaps(report: Report) -> str:
    """Return between which levels the gaps of the chart are."""
    pairs = {gap.between for each in report.analysis.comparisons for gap in each.gaps}
    if len(pairs) == 1:
        first, second = pairs.pop()
        return f"{first} minus {second}"
    return "first level minus second"


def _list_sources(report: Report) -> list[str]:
    found = report.analysis.published
    return list(
        dict.fromkeys(f"{each.source}, {each.where}" for each in found if each.gap is not None)
    )
