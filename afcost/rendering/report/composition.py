"""All sections of a report, in their order."""

from __future__ import annotations

from afcost.rendering.report.judge_sections import compose_judges
from afcost.rendering.report.label_sections import compose_labels
from afcost.rendering.report.sections import Section, compose_report
from runner.results import Report


def compose_all(report: Report) -> list[Section]:
    """Return all sections of a report; the judges against labels come last."""
    return [*compose_report(report), *compose_judges(report), *compose_labels(report)]
