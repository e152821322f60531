"""The first screen: what was asked, what came out, what it cost."""

from __future__ import annotations

from afcost.page.report.money.spent import draw_spent
from afcost.page.report.parts import PageSection, ReportPage
from afcost.rendering.next_step import list_next_steps
from afcost.rendering.report.findings.result import has_result, list_sentences
from afcost.rendering.run_summary import describe_outcome


def compose_summary(page: ReportPage) -> PageSection:
    """Return the section."""
    report = page.report
    sentences = list_sentences(report.analysis) if has_result(report.analysis) else []
    return PageSection(
        "summary",
        "Summary",
        "report/summary.html.j2",
        {
            "title": report.run_folder.spec.title or report.run_folder.plan.name,
            "outcome": describe_outcome(report),
            "is_partial": report.outcome != "complete",
            "steps": list_next_steps(report),
            "sentences": sentences,
        },
        {"strip": draw_spent(page)},
    )
