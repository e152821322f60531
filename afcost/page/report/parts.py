"""What the sections of the report's page share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afcost.page.charts.chart import Chart
from afcost.page.shell.figures import Figures
from afcost.page.transcripts.payload import PageTranscripts
from runner.results import Report


@dataclass(frozen=True, slots=True)
class ReportPage:
    """What a section is made from.

    Attributes:
        report: of the run.
        figures: its JSON, from which all figures are taken.
        transcripts: what the page has of them; None where it has none.
    """

    report: Report
    figures: Figures
    transcripts: PageTranscripts | None = None

    @property
    def has_transcripts(self) -> bool:
        """Whether a count may link to the answers behind it."""
        return self.transcripts is not None


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
