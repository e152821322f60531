"""Tables of a page: cells that are texts, figures or links, and rows that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from afcost.page.shell.sentences import show_value

Content = str | Markup


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        content: a text, or figures as HTML.
        css: its classes: `zero` for what is nothing, `bad` for errors.
    """

    content: Content
    css: str = ""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows with the same first cell, which is written once."""

    head: Content
    rows: list[list[Cell]]


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table in a region that scrolls.

    Attributes:
        label: what it holds, for those who do not see it; no two of a page are alike.
        header: the columns' names.
        rows: their cells.
        left: how many of the first columns are texts.
        has_total: the last row sums up the others.
    """

    label: str
    header: Sequence[str]
    rows: Sequence[Sequence[Content | Cell]]
    left: int = 1
    has_total: bool = False

    @property
    def groups(self) -> list[RowGroup]:
        """The rows by their first cell."""
        found = groupby(self.rows, key=lambda row: _take_content(row[0]))
        return [
            RowGroup(head, [list(map(_make_cell, row[1:])) for row in rows]) for head, rows in found
        ]


def link_count(count: Markup, link: str | None, says: str) -> Markup:
    """Return a count that leads to the answers that it counts.

    Args:
        count: as a figure.
        link: to them; None where the page has no transcripts.
        says: what is counted, for those who do not see where it stands.
    """
    if link is None:
        return count
    return Markup('<a href="{}" title="{}">{}</a>').format(link, show_value(says), count)


def _make_cell(given: Content | Cell) -> Cell:
    return given if isinstance(given, Cell) else Cell(given)


def _take_content(given: Content | Cell) -> Content:
    return given.content if isinstance(given, Cell) else given
