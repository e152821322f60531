"""The transcripts behind the figures: searched, filtered, two conditions side by side."""

from __future__ import annotations

from markupsafe import Markup

from afcost.page.report.parts import ReportPage
from afcost.page.shell.sections import PageSection
from afcost.page.transcripts.payload import PageTranscripts

SCRIPTS = (
    "transcripts/texts.js",
    "transcripts/blocks.js",
    "transcripts/find.js",
    "transcripts/answer.js",
    "transcripts/pair.js",
    "transcripts/list.js",
    "transcripts/filters.js",
    "transcripts/transcripts.js",
)


def compose_transcripts(page: ReportPage) -> PageSection | None:
    """Return the section; None where the page has no transcripts."""
    transcripts = page.transcripts
    if transcripts is None:
        return None
    blocks = [(name, Markup(texts)) for name, texts in transcripts.blocks.items()]  # noqa: S704
    return PageSection(
        "transcripts",
        "Transcripts",
        "report/transcripts.html.j2",
        {
            "transcripts": transcripts,
            "index": Markup(transcripts.index),  # noqa: S704 - base64, as the blocks are
            "blocks": blocks,
            "run": page.report.run_folder.path,
        },
    )


def allow_folder(transcripts: PageTranscripts | None) -> str:
    """Return what a page's policy allows, so that it can open the folder of its texts in frames."""
    return "frame-src 'self' file:" if transcripts and transcripts.folder else ""
