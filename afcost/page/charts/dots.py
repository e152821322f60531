"""Rows of points with intervals: nearly all charts of a page are this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from afcost.page.charts.chart import INK, NARROW, PAPER, WIDE, Chart
from afcost.page.charts.dot_layers import Margins, Scale, lay_out_dots
from afcost.page.charts.ticks import find_dollar_form, find_ticks
from afcost.page.charts.vega import Spec

__all__ = ["Margins", "Row", "Scale", "draw_dots", "drop_interval", "scale_dollars"]

USUAL = Margins()
_DOLLAR_STEPS = 4  # of the axis at most
_FIGURES = (
    "name",
    "value",
    "low",
    "high",
    "inner_low",
    "inner_high",
    "range_low",
    "range_high",
    "reference",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row; what is None is not drawn.

    Attributes:
        name: at the left.
        is_heading: only the name is shown, in bold.
        value: of the point.
        low, high: of its interval.
        inner_low, inner_high: of a thicker line on it.
        range_low, range_high: of a pale range behind all.
        reference: of a hollow diamond.
        text: at the right.
        tip: what the pointer's tip says, in lines.
        reference_tip: the same, of the diamond.
        color: of the point and its interval.
        is_hollow: the point is a ring.
    """

    name: str
    is_heading: bool = False
    value: float | None = None
    low: float | None = None
    high: float | None = None
    inner_low: float | None = None
    inner_high: float | None = None
    range_low: float | None = None
    range_high: float | None = None
    reference: float | None = None
    text: str = ""
    tip: str = ""
    reference_tip: str = ""
    color: str = INK
    is_hollow: bool = False

    def to_datum(self, number: int) -> dict[str, object]:
        """Return it as Vega reads it, without what is not drawn."""
        names = (each for each in self.__slots__ if each not in ("is_heading", "is_hollow"))
        drawn = {name: getattr(self, name) for name in names}
        return {name: value for name, value in drawn.items() if value is not None} | {
            "id": number,
            "fill": PAPER if self.is_hollow else self.color,
            "heading": self.is_heading,
        }

    def to_data(self) -> dict[str, object]:
        """Return the figures behind it, for a file."""
        return {name: each for name in _FIGURES if (each := getattr(self, name)) is not None}


def scale_dollars(rows: Sequence[Row]) -> Scale:
    """Return the axis of rows in US dollars, from nothing to the highest value or range."""
    top = max((max(row.value or 0.0, row.range_high or 0.0) for row in rows), default=0.0)
    ticks = find_ticks(0, top or 1.0, _DOLLAR_STEPS)
    return Scale(0, ticks[-1], ticks, find_dollar_form(ticks))


def draw_dots(  # noqa: PLR0913 - a chart has these
    name: str,
    rows: Sequence[Row],
    scale: Scale,
    *,
    margins: Margins = USUAL,
    width: int = WIDE,
    narrow: Margins | None = None,
    narrow_rows: Sequence[Row] | None = None,
) -> Chart:
    """Return a chart of rows; its label says what the tips say.

    Args:
        name: of its files.
        rows: from top to bottom.
        scale: that they share.
        margins: of the wide drawing.
        width: of all of it, in pixels.
        narrow: margins of a drawing for a phone; None for none where the wide one fits there.
        narrow_rows: what is drawn there, where it differs.
    """
    told = "; ".join(each.tip.replace("\n", ", ") for each in rows if each.tip)
    small = None
    if width > NARROW:
        small = _draw(narrow_rows or rows, scale, narrow or margins, NARROW)
    return Chart(name, told, list(_list_data(rows)), _draw(rows, scale, margins, width), small)


def drop_interval(row: Row) -> Row:
    """Return a row without the interval in its text, for a phone."""
    return replace(row, text=row.text.partition("  ")[0])


def _list_data(rows: Sequence[Row]) -> Iterator[dict[str, object]]:
    """Yield the figures of each row, with the heading that it stands below."""
    heading = ""
    for row in rows:
        if row.is_heading:
            heading = row.name
        else:
            yield ({"group": heading} if heading else {}) | row.to_data()


def _draw(rows: Sequence[Row], scale: Scale, margins: Margins, width: int) -> Spec:
    data = [row.to_datum(number) for number, row in enumerate(rows)]
    return lay_out_dots(data, scale, margins, width)
