"""What the sections of the report's page share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afcost.page.charts.chart import Chart
from afcost.page.shell.figures import Figures
from runner.results import Report


@dataclass(frozen=True, slots=True)
class ReportPage:
    """What a section is made from.

    Attributes:
        report: of the run.
        figures: its JSON, from which all figures are taken.
        has_transcripts: whether the page has the answers that counts lead to.
    """

    report: Report
    figures: Figures
    has_transcripts: bool = True


@dataclass(frozen=True, slots=True)
class PageSection:
    """A part of the page that the navigation leads to.

    Attributes:
        id: of its element.
        name: in the navigation.
        template: its file in the page's source.
        values: of the template.
        charts: by the name that the template gives them.
    """

    id: str
    name: str
    template: str
    values: Mapping[str, object]
    charts: Mapping[str, Chart] = field(default_factory=dict)
