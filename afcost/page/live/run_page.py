"""A run's page as one document, and the parts of it that changed."""

from __future__ import annotations

from markupsafe import Markup

from afcost.page.live.addresses import write_address
from afcost.page.live.run_feed import RunFeed
from afcost.page.live.run_parts import PARTS, RunPart
from afcost.page.shell.document import render_document, render_part
from afcost.page.shell.sections import Section

STYLES = ("style.css", "live.css")
_CONNECTS = "connect-src 'self'"


def render_run_page(feed: RunFeed, secret: str) -> str:
    """Return the page of a run, as it was looked at last.

    Args:
        feed: of the run; it has been looked at.
        secret: what the page must say to change something.
    """
    return render_document(
        "live.html.j2",
        styles=STYLES,
        scripts=("tips.js", "live.js"),
        allows=_CONNECTS,
        sections=[Section(part.name, part.title) for part in PARTS if part.title],
        name=feed.snapshot.state.run_folder.plan.name if feed.snapshot else "",
        address=write_address(feed.folder),
        folder=str(feed.folder),
        secret=secret,
        version=feed.update.version,
        update=feed.update,
        parts=_list_parts(feed, 0),
    )


def join_parts(feed: RunFeed, after: int) -> str:
    """Return the parts that are newer than a version, as one document."""
    parts = _list_parts(feed, after)
    return render_part("live/parts.html.j2", parts=parts, version=feed.update.version)


def _list_parts(feed: RunFeed, after: int) -> list[tuple[RunPart, Markup]]:
    """Return the parts that are newer than a version, each with its HTML."""
    newer = feed.list_parts(after)
    return [(each, Markup(newer[each.name].html)) for each in PARTS if each.name in newer]  # noqa: S704 - rendered


def render_message(title: str, text: str) -> str:
    """Return a page that only says something."""
    return render_document(
        "message.html.j2",
        styles=STYLES,
        scripts=(),
        sections=[Section("message", title)],
        title=title,
        text=text,
    )
