"""What each judge and the proxy say of each model in each condition, as columns of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from afcost.rendering.report.blocks import Block, Paragraph, Points, Section, Table
from afcost.rendering.report.findings.columns import (
    explain_columns,
    list_criteria,
    list_labels,
    list_scores,
    name_score,
)
from afcost.rendering.report.findings.figures import NONE, format_rate, format_share
from experiment.analysis import Analysis, CellRate, JudgeRate, JudgeRates, Rate
from experiment.definition import COMPLIANCE, PROXY
from runner.results import Report

_WIDTH = 76  # of a table's columns but the first, which stand below it on a narrow terminal
_Cell = tuple[str, str]  # a model and a condition; all of them where the latter is empty


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of figures, one for each model and condition; those of a group stay together."""

    name: str
    cells: Mapping[_Cell, str]
    group: str = ""

    @property
    def width(self) -> int:
        return 2 + max(map(len, [self.name, *self.cells.values()]))


def compose_conditions(report: Report) -> list[Section]:
    """Return a section on each condition; none where no answer has a rate, label or score."""
    columns = [*_list_rates(report), *_list_labels_and_scores(report)]
    cells = [(each.model, each.condition) for each in _order_cells(report.analysis)]
    columns = [
        each for each in columns if any(each.cells.get(cell, NONE) != NONE for cell in cells)
    ]
    if not columns:
        return []
    blocks: list[Block] = [_build_table(cells, part) for part in _split(columns, cells)]
    legend, criteria = tuple(explain_columns(report)), tuple(list_criteria(report))
    blocks += [Paragraph(legend, quiet=True)] if legend else []
    blocks += [Points(criteria)] if criteria else []
    return [Section("in each condition, with 95% intervals", tuple(blocks))]


def _order_cells(analysis: Analysis) -> Iterator[CellRate]:
    """Yield the conditions of each model, and all of them together."""
    for model in dict.fromkeys(each.model for each in analysis.rates):
        yield from (each for each in (*analysis.rates, *analysis.totals) if each.model == model)


def _build_table(cells: Sequence[_Cell], columns: Sequence[_Column]) -> Table:
    rows = [
        [model, condition or "all", *(each.cells.get((model, condition), NONE) for each in columns)]
        for model, condition in cells
    ]
    return Table(["model", "condition", *(each.name for each in columns)], rows, 2)


def _split(columns: Sequence[_Column], cells: Sequence[_Cell]) -> list[list[_Column]]:
    """Return the columns of each table, so that none is wider than a terminal."""
    room = _WIDTH - max(len("condition"), *(len(condition) for _, condition in cells))
    parts: list[list[_Column]] = [[]]
    groups = {column.group: [c for c in columns if c.group == column.group] for column in columns}
    for group in groups.values():
        if parts[-1] and not _fits([*parts[-1], *group], room):
            parts.append([])
        for column in group:
            if parts[-1] and not _fits([*parts[-1], column], room):
                parts.append([])
            parts[-1].append(column)
    return parts


def _fits(columns: Sequence[_Column], room: int) -> bool:
    return sum(each.width for each in columns) <= room


def _list_rates(report: Report) -> Iterator[_Column]:
    """Yield the rate by the measure, by the proxy and by each other judge."""
    analysis = report.analysis
    cells = {(each.model, each.condition): each for each in _order_cells(analysis)}

    def write(cell: Callable[[CellRate], str]) -> dict[_Cell, str]:
        return {place: cell(each) for place, each in cells.items()}

    is_compliance = analysis.outcome == COMPLIANCE
    yield _Column(
        analysis.measure,
        write(lambda each: format_rate(Rate(each.rate, each.low, each.high))),
    )
    if is_compliance:
        yield _Column("refusal", write(lambda each: format_share(each.refusal)))
    yield _Column("answers", write(lambda each: f"{each.answers:,}" if each.answers else NONE))
    if analysis.measure != PROXY:
        yield _Column("proxy", write(lambda each: format_share(each.proxy)))
    for judge in report.judges.values():
        if judge.judge != analysis.measure:
            yield _Column(judge.judge, _write(judge, lambda each: format_rate(each.rate)))


def _list_labels_and_scores(report: Report) -> Iterator[_Column]:
    """Yield each judge's labels and scores; criteria are not among them."""
    found = [
        (judge, name)
        for judge in report.judges.values()
        for name in (*list_labels(judge), *list_scores(report, judge))
    ]
    named = Counter([*report.judges, *(name for _, name in found)])
    for judge, name in found:
        title = name_score(report, judge, name)
        title = f"{judge.judge}: {name}" if named[title] > 1 else title
        yield _Column(title, _write(judge, _write_label_or_score(name)), judge.judge)


def _write(judge: JudgeRates, cell: Callable[[JudgeRate], str]) -> dict[_Cell, str]:
    return {(each.model, each.condition): cell(each) for each in judge.rates}


def _write_label_or_score(name: str) -> Callable[[JudgeRate], str]:
    def write(each: JudgeRate) -> str:
        if name in each.labels:
            return format_share(each.labels[name].estimate)
        return f"{each.scores[name]:z.2f}" if name in each.scores else NONE

    return write
