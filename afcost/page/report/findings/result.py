"""The result: rates by model and condition, and the gaps between the compared levels.

Published figures, other factors and the looks of a sequential test stand here too.
"""

from __future__ import annotations

from markupsafe import Markup

from afcost.page.charts.chart import Chart
from afcost.page.report.findings.details import compose_effects, compose_published, compose_scores
from afcost.page.report.findings.gap_chart import draw_all_gaps
from afcost.page.report.findings.looks import compose_looks
from afcost.page.report.findings.places import match_levels, place_cells
from afcost.page.report.findings.rate_charts import draw_rates
from afcost.page.report.findings.result_table import build_gap_table, build_result_table
from afcost.page.report.findings.rows import choose_look
from afcost.page.report.parts import ReportPage
from afcost.page.shell.sections import PageSection
from afcost.rendering.console import capitalize_first, show
from afcost.rendering.report.findings.figures import name_outcome, name_rate
from experiment.analysis import Analysis
from experiment.definition import PROXY
from runner.results import Report

_LEVEL_CSS = ("f", "p", "", "m")  # as `choose_look` colors them


def compose_result(page: ReportPage) -> PageSection | None:
    """Return the section; None where no answer has a result."""
    report, analysis = page.report, page.report.analysis
    if not any(each.rate is not None for each in analysis.rates):
        return None
    rates = {} if draw_main_rates(page) else draw_rates(analysis, report.run_folder.spec)
    charts = {f"rates_{number}": chart for number, chart in enumerate(rates.values())}
    looks = compose_looks(page)
    if looks and looks.chart:
        charts["looks"] = looks.chart
    most = max((len(each.gaps) for each in analysis.comparisons), default=0)
    if gaps := draw_all_gaps(analysis):
        charts["gaps"] = gaps
    return PageSection(
        "result",
        "Result",
        "report/result.html.j2",
        {
            "title": title_result(report),
            "measure": describe_measure(report),
            "levels": _list_levels(page),
            "rates": list(zip(rates, charts, strict=False)),
            "table": build_result_table(page),
            "gap_table": build_gap_table(page) if most > 1 else None,
            "notes": _list_notes(analysis),
            "looks": looks,
            "conflicts": report.conflicts,
            "effects": compose_effects(page),
            "published": compose_published(page),
            "scores": compose_scores(page),
        },
        charts,
    )


def draw_main_rates(page: ReportPage) -> Chart | None:
    """Return the chart of rates that leads, where nothing is compared and one chart has them."""
    analysis = page.report.analysis
    if any(each.gaps for each in analysis.comparisons):
        return None
    rates = draw_rates(analysis, page.report.run_folder.spec)
    return next(iter(rates.values())) if len(rates) == 1 else None


def title_result(report: Report) -> str:
    """Return what is measured, as a heading: `Compliance by model and condition`."""
    named = name_measured(report)
    conditions = len({each.condition for each in report.analysis.rates})
    by = "by model and condition" if conditions > 1 else "by model"
    return f"{capitalize_first(named)} {by}"


def name_measured(report: Report) -> str:
    """Return what the rates are, within a sentence: `compliance`, `the mean of risk`."""
    judge = report.judges.get(report.analysis.measure)
    if judge is None or (judge.means != judge.judge and not judge.is_graded):
        return name_outcome(report.analysis.outcome)
    return f"the {name_rate(judge)}"


def describe_measure(report: Report) -> Markup:
    """Return what a rate says of an answer, and who says it."""
    measure = report.analysis.measure
    if measure == PROXY:
        return Markup("Share of answers that comply by the proxy, their own tag.")
    judge = report.judges.get(measure)
    graded = judge is not None and judge.is_graded
    what = "Mean of what the judge {} says of an answer, from 0 to 100%."
    if not graded:
        what = "Share of answers that are positive by the judge {}."
        if report.analysis.outcome == "compliance":
            what = "Share of answers that, by the judge {}, did what was asked."
    return Markup(what).format(Markup("<code>{}</code>").format(show(measure)))  # noqa: S704 - our words


def _list_levels(page: ReportPage) -> list[tuple[str, str, str]]:
    """Return the compared levels, each with the sign and the class that its points have."""
    analysis = page.report.analysis
    cells = place_cells(analysis)
    if not cells or analysis.compared is None:
        return []
    found = match_levels(analysis, page.report.run_folder.spec, cells[0].comparison)
    signs = [(each.level, choose_look(each.number)[1], each.number) for each in found]
    return [(level, "○" if ring else "●", _LEVEL_CSS[min(n, 3)]) for level, ring, n in signs]


def _list_notes(analysis: Analysis) -> list[str]:
    """Return what the columns of the table are."""
    notes = []
    tested = [gap for each in analysis.comparisons for gap in each.gaps if gap.p is not None]
    if tested:
        notes.append(
            "Gap: the mean of each query's difference, with a t interval, over the queries with "
            "both (pairs); so it may differ from the difference of the two shares. Detectable: the "
            "gap that four of five such runs would see, before correction."
        )
    if len(tested) > 1:
        notes.append(
            f"Holm: the p value, corrected for the {len(tested)} comparisons that stand beside "
            "each other; those of whole models, and of all models, are corrected among themselves."
        )
    return notes
