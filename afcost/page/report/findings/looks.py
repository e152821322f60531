"""A sequential test: its looks, what they decided and what an early stop saved."""

from __future__ import annotations

from dataclasses import dataclass

from afcost.page.charts.chart import MUTED, Chart
from afcost.page.charts.dots import Row, drop_interval
from afcost.page.report.findings.gap_chart import group_rows, scale_points
from afcost.page.report.findings.rows import draw_rows
from afcost.page.report.findings.tables import Cell, Content, PageTable
from afcost.page.report.parts import ReportPage
from afcost.page.shell.figures import PERCENT, format_interval, format_points
from afcost.rendering.report.blocks import Paragraph, Points
from afcost.rendering.report.findings import compose_sequential
from experiment.analysis.sequential import Look
from runner.sequential import RecordedLooks

_HEADER = ["model", "look", "queries", "gap", "repeated 95%", "t", "bound", "gap shown"]
_NAMES = 130  # pixels, that names may have


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks of a sequential test.

    Attributes:
        title: how many there were.
        points: what they decided.
        notes: what the figures are, and how far those of a study of fixed size hold.
        table: of all looks; None before the first.
        chart: of their gaps, with the repeated intervals; None where no look has one.
    """

    title: str
    points: tuple[str, ...]
    notes: tuple[str, ...]
    table: PageTable | None
    chart: Chart | None


def compose_looks(page: ReportPage) -> Looks | None:
    """Return the looks; None where the experiment asks for no sequential test."""
    sections = compose_sequential(page.report)
    if not sections or page.report.sequential is None:
        return None
    lines: dict[type, list[str]] = {Points: [], Paragraph: []}
    for block in sections[0].blocks:
        if isinstance(block, Points | Paragraph):
            lines[type(block)] += block.lines
    placed = _order_looks(page.report.sequential.recorded)
    rows = [_make_cells(page, at, look) for at, look in placed]
    return Looks(
        sections[0].title,
        tuple(map(_end_sentence, lines[Points])),
        tuple(map(_end_sentence, lines[Paragraph])),
        PageTable("Table of looks", _HEADER, rows) if rows else None,
        _draw([look for _, look in placed]),
    )


def _end_sentence(line: str) -> str:
    """Return a line of the report as a sentence; a model's name at its start keeps its case."""
    starts_with_word = line.startswith(("bounds", "the ", "stopped", "earlier"))
    return f"{line[0].upper() if starts_with_word else line[0]}{line[1:]}."


def _order_looks(recorded: RecordedLooks) -> list[tuple[int, Look]]:
    """Return the looks of each model, with their places in the report's JSON."""
    order = {model: place for place, model in enumerate(recorded.models)}
    return sorted(enumerate(recorded.looks), key=lambda each: order[each[1].model])


def _make_cells(page: ReportPage, at: int, look: Look) -> list[Content | Cell]:
    path, figures = f"sequential.looks.{at}", page.figures
    return [
        look.model,
        figures.count(f"{path}.number"),
        figures.count(f"{path}.queries"),
        figures.points(f"{path}.estimate"),
        figures.interval(path),
        figures.number(f"{path}.t"),
        figures.number(f"{path}.bound"),
        "yes" if look.is_shown else Cell("no", "zero"),
    ]


def _draw(looks: list[Look]) -> Chart | None:
    rows = group_rows([(each.model, _make_row(each)) for each in looks])
    scale = scale_points(rows)
    if scale is None:
        return None
    short = [*map(drop_interval, rows)]
    return draw_rows("looks", rows, scale, (_NAMES, _NAMES), narrow_rows=short)


def _make_row(look: Look) -> Row:
    name = f"look {look.number}"
    if look.estimate is None or look.low is None or look.high is None:
        return Row(name, text="no test")
    interval = format_interval(look.low, look.high)
    return Row(
        name,
        value=look.estimate * PERCENT,
        low=look.low * PERCENT,
        high=look.high * PERCENT,
        is_hollow=not look.is_shown,
        color=MUTED if not look.is_shown else Row(name).color,
        text=f"{format_points(look.estimate)}  ({interval})",
        tip=f"{look.model}, {name}, after {look.queries:,} queries: {format_points(look.estimate)} "
        f"points\nrepeated 95% interval {interval}",
    )
