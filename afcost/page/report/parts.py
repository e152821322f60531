"""What the sections of the report's page share."""

from __future__ import annotations

from dataclasses import dataclass

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
