"""A run's page as one document, and the parts of it that changed."""

from __future__ import annotations

from markupsafe import Markup

from afcost.page.live.run_feed import RunFeed
from afcost.page.live.run_parts import PARTS
from afcost.page.live.runs_page import Section, name_run
from afcost.page.shell.document import render_document, render_part

_STYLES = ("style.css", "live.css")
_CONNECTS = "connect-src 'self'"


def render_run_page(feed: RunFeed, secret: str) -> str:
    """Return the page of a run, as it was looked at last.

    Args:
        feed: of the run; it has been looked at.
        secret: what the page must say to change something.
    """
    parts = feed.list_parts(0)
    return render_document(
        "live.html.j2",
        styles=_STYLES,
        scripts=("tips.js", "live.js"),
        allows=_CONNECTS,
        sections=[Section(part.name, part.title) for part in PARTS if part.title],
        name=feed.snapshot.state.run_folder.plan.name if feed.snapshot else "",
        address=f"/runs/{name_run(feed.folder)}",
        folder=str(feed.folder),
        secret=secret,
        version=feed.update.version,
        update=feed.update,
        parts=[(each, Markup(parts[each.name].html)) for each in PARTS],  # noqa: S704 - rendered
    )


def join_parts(feed: RunFeed, after: int) -> str:
    """Return the parts that are newer than a version, as one document."""
    parts = {name: Markup(part.html) for name, part in feed.list_parts(after).items()}  # noqa: S704
    titles = {part.name: part.title for part in PARTS}
    return render_part(
        "live/parts.html.j2", parts=parts, titles=titles, version=feed.update.version
    )


def render_message(title: str, text: str) -> str:
    """Return a page that only says something."""
    return render_document(
        "message.html.j2",
        styles=_STYLES,
        scripts=(),
        sections=[Section("message", title)],
        title=title,
        text=text,
    )
