"""What needs attention: failures, counts and prices that differ from the bills."""

from __future__ import annotations

from afcost.page.report.parts import ReportPage
from afcost.page.shell.sections import PageSection
from afcost.rendering.report.sections import list_remarks


def compose_remarks(page: ReportPage) -> PageSection | None:
    """Return the section; None where nothing needs attention."""
    remarks = [*page.report.conflicts, *list_remarks(page.report)]
    if not remarks:
        return None
    return PageSection("remarks", "Remarks", "report/remarks.html.j2", {"remarks": remarks})
