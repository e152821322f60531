"""The report's page: which sections it has, and how they become one document."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from afcost.page.charts.chart import Chart
from afcost.page.report.findings.judges import compose_judges
from afcost.page.report.findings.missing import compose_missing
from afcost.page.report.findings.result import compose_result
from afcost.page.report.money.cost import compose_cost
from afcost.page.report.money.lengths import compose_lengths
from afcost.page.report.money.plan import compose_plan
from afcost.page.report.money.time import compose_time
from afcost.page.report.parts import ReportPage
from afcost.page.report.remarks import compose_remarks
from afcost.page.report.summary import compose_summary
from afcost.page.report.transcripts import SCRIPTS, allow_folder, compose_transcripts
from afcost.page.shell.document import embed_json, render_document
from afcost.page.shell.figures import Figures
from afcost.page.shell.sections import PageSection
from afcost.page.transcripts.payload import PageTranscripts
from afcost.rendering.report.data import render_json
from afcost.rendering.run_summary import describe_outcome
from runner.results import Report

Compose = Callable[[ReportPage], PageSection | None]

SECTIONS: tuple[Compose, ...] = (
    compose_summary,
    compose_result,
    compose_judges,
    compose_missing,
    compose_cost,
    compose_time,
    compose_lengths,
    compose_plan,
    compose_remarks,
    compose_transcripts,
)


def render_report_page(report: Report, transcripts: PageTranscripts | None = None) -> str:
    """Return a report as one HTML file.

    Args:
        report: of the run.
        transcripts: that the page is to have.

    Raises:
        MissingExtra: charts cannot be drawn here.
    """
    document, name = _read_document(report), report.run_folder.plan.name
    sections = _compose_sections(report, document, transcripts)
    return render_document(
        "sections.html.j2",
        styles=("style.css", "transcripts.css"),
        scripts=("tips.js", *(SCRIPTS if transcripts else ())),
        allows=allow_folder(transcripts),
        title=f"{name}: {describe_outcome(report)} – afcost report",
        name=name,
        sections=sections,
        figures=Figures(document),
        data=embed_json(document),
    )


def list_charts(report: Report) -> list[Chart]:
    """Return all charts of a report's page, in its order."""
    sections = _compose_sections(report, _read_document(report))
    return [chart for section in sections for chart in section.charts.values()]


def _compose_sections(
    report: Report, document: dict[str, Any], transcripts: PageTranscripts | None = None
) -> list[PageSection]:
    page = ReportPage(report, Figures(document), transcripts)
    return [section for compose in SECTIONS if (section := compose(page)) is not None]


def _read_document(report: Report) -> dict[str, Any]:
    """Return what programs read of a report: the page shows these figures, and no others."""
    document: dict[str, Any] = json.loads(render_json(report))
    return document
