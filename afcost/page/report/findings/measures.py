"""Would another measure say the same? The gap by each judge, the proxy, and each threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from afcost.page.charts.chart import Chart
from afcost.page.charts.dots import Row
from afcost.page.report.findings.gap_chart import group_rows, scale_points
from afcost.page.report.findings.places import name_levels
from afcost.page.report.findings.rows import draw_rows
from afcost.page.report.findings.tables import Cell, Content, PageTable
from afcost.page.report.parts import ReportPage
from afcost.page.shell.figures import NONE, PERCENT, Figures, format_interval, format_points
from afcost.rendering.report.findings.figures import name_outcome
from experiment.analysis import AS_IN_FILE, find_outcome
from experiment.analysis.validation import MeasuredGap

_MOST_ROWS = 48  # that one can look at
_NAMES = 130  # pixels, that names may have


@dataclass(frozen=True, slots=True)
class Ways:
    """The gap of one outcome by all that measures it.

    Attributes:
        outcome: what the gap is of.
        chart: by the rule of the file; None where there is nothing to draw, or far too much.
        table: by each measure and each threshold of its votes.
        note: what the thresholds are; empty where there are none.
    """

    outcome: str
    chart: Chart | None
    table: PageTable
    note: str


@dataclass(frozen=True, slots=True)
class _Placed:
    """A gap by a measure, with its path in the report's JSON."""

    path: str
    found: MeasuredGap

    @property
    def way(self) -> tuple[str, str]:
        return self.found.measure, self.found.counts

    @property
    def place(self) -> tuple[str, str, tuple[str, str]]:
        return self.found.model, self.found.within, self.found.between


def compose_measures(page: ReportPage) -> list[Ways]:
    """Return the gap of each outcome by each measure; none of one with a single measure."""
    spec, measure = page.report.run_folder.spec, page.report.analysis.measure
    placed = [
        _Placed(f"analysis.judges.sensitivity.{at}", each)
        for at, each in enumerate(page.report.validation.sensitivity)
        if each.estimate is not None
    ]
    outcomes: dict[str, list[_Placed]] = {}
    for each in sorted(placed, key=lambda one: one.found.measure != measure):
        outcomes.setdefault(find_outcome(spec, each.found.measure), []).append(each)
    return [
        _compose(number, outcome, found, page.figures)
        for number, (outcome, found) in enumerate(outcomes.items())
        if {each.way for each in found} != {(measure, AS_IN_FILE)}
    ]


def _compose(number: int, outcome: str, found: list[_Placed], figures: Figures) -> Ways:
    voting = any(each.found.counts != AS_IN_FILE for each in found)
    note = "any to all: the share of a judge's votes from which an answer counts" if voting else ""
    name = name_outcome(outcome)
    return Ways(name, _draw(number, found), _build_table(name, found, figures), note)


def _draw(number: int, placed: Sequence[_Placed]) -> Chart | None:
    shown = [each.found for each in placed if each.found.counts == AS_IN_FILE]
    many = len({each.between for each in shown}) > 1
    names = {each: _name_place(each, many=many) for each in shown}
    named = [
        (place, _make_row(place, each))
        for place in dict.fromkeys(names.values())
        for each in shown
        if names[each] == place
    ]
    rows = group_rows(named)
    scale = scale_points(rows) if len(rows) <= _MOST_ROWS else None
    if scale is None:
        return None
    return draw_rows(f"by-measure-{number}", rows, scale, (_NAMES, _NAMES))


def _name_place(each: MeasuredGap, *, many: bool) -> str:
    """Return the model and the cell of a gap, and between which levels, where there are many."""
    between = name_levels(each.between) if many else ""
    return ", ".join(filter(None, [each.model, each.within, between]))


def _make_row(place: str, each: MeasuredGap) -> Row:
    estimate = each.estimate or 0.0
    row = Row(
        each.measure,
        value=estimate * PERCENT,
        text=format_points(estimate),
        tip=f"{place}, by {each.measure}: {format_points(estimate)} points",
    )
    if each.low is None or each.high is None:
        return row
    return Row(
        each.measure,
        value=row.value,
        low=each.low * PERCENT,
        high=each.high * PERCENT,
        is_hollow=each.low <= 0 <= each.high,
        text=row.text,
        tip=f"{row.tip}\n95% interval {format_interval(each.low, each.high)}",
    )


def _build_table(outcome: str, placed: Sequence[_Placed], figures: Figures) -> PageTable:
    """Return a table with a column for each measure as in the file, and for each threshold."""
    ways = sorted(dict.fromkeys(each.way for each in placed), key=lambda way: way[1] != AS_IN_FILE)
    by_place: dict[tuple[str, str, tuple[str, str]], dict[tuple[str, str], _Placed]] = {}
    for each in placed:
        by_place.setdefault(each.place, {})[each.way] = each
    rows: list[list[Content | Cell]] = [
        [model, within or "all", name_levels(between),
         *(_write(figures, found.get(way)) for way in ways)]
        for (model, within, between), found in by_place.items()
    ]  # fmt: skip
    names = [measure if counts == AS_IN_FILE else f"{measure} {counts}" for measure, counts in ways]
    header = ["model", "condition", "between", *names]
    return PageTable(f"Table of the gap of {outcome} by each measure", header, rows, 3)


def _write(figures: Figures, placed: _Placed | None) -> Content | Cell:
    if placed is None:
        return Cell(NONE, "zero")
    estimate = figures.points(f"{placed.path}.estimate")
    if placed.found.counts != AS_IN_FILE or placed.found.low is None:
        return estimate
    return Markup("{} ({})").format(estimate, figures.interval(placed.path))
