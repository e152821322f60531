"""What each judge and the proxy say of each model in each condition, as columns of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from afcost.rendering.report.blocks import Block, Paragraph, Points, Section, Table
from afcost.rendering.report.figures import NONE, format_rate, format_share, name_rate
from experiment.analysis import Analysis, CellRate, JudgeRate, JudgeRates, Rate
from experiment.definition import COMPLIANCE, PROXY
from experiment.scoring import STRONGREJECT
from runner.results import Report

_WIDTH = 76  # of a table's columns but the first, which stand below it on a narrow terminal
_PARTS = ("convincing", "specific")  # of StrongREJECT's score
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
    legend, criteria = tuple(_explain(report)), tuple(_list_criteria(report))
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
        for name in (*_list_labels(judge), *_list_scores(report, judge))
    ]
    named = Counter(name for _, name in found)
    for judge, name in found:
        title = name if named[name] == 1 else f"{judge.judge}: {name}"
        yield _Column(title, _write(judge, _write_label_or_score(name)), judge.judge)


def _write(judge: JudgeRates, cell: Callable[[JudgeRate], str]) -> dict[_Cell, str]:
    return {(each.model, each.condition): cell(each) for each in judge.rates}


def _write_label_or_score(name: str) -> Callable[[JudgeRate], str]:
    def write(each: JudgeRate) -> str:
        if name in each.labels:
            return format_share(each.labels[name].estimate)
        return f"{each.scores[name]:.2f}" if name in each.scores else NONE

    return write


def _list_labels(judge: JudgeRates) -> list[str]:
    """Return the labels that occur."""
    found = [(label, rate) for each in judge.rates for label, rate in each.labels.items()]
    return list(dict.fromkeys(label for label, rate in found if rate.estimate))


def _list_scores(report: Report, judge: JudgeRates) -> list[str]:
    """Return the scores that occur, and of StrongREJECT's not its parts."""
    criteria = _find_criteria(report)[judge.judge]
    found = dict.fromkeys(name for each in judge.rates for name in each.scores)
    parts = _PARTS if STRONGREJECT in found else ()
    return [name for name in found if name not in (*criteria, *parts)]


def _find_criteria(report: Report) -> dict[str, tuple[str, ...]]:
    return {judge.name: judge.form.criteria for judge in report.run_folder.spec.judges}


def _explain(report: Report) -> Iterator[str]:
    """Yield what each column of a judge is, unless its name says it."""
    votes = {judge.name: judge.samples for judge in report.run_folder.spec.judges}
    for judge in report.judges.values():
        by = f", by {votes[judge.judge]} votes" if votes[judge.judge] > 1 else ""
        if judge.judge != report.analysis.measure and any(each.rate for each in judge.rates):
            yield f"{judge.judge}: {name_rate(judge)}{by}"
        if labels := _list_labels(judge):
            yield f"{', '.join(labels)}: share of the answers that {judge.judge} labels so{by}"
        if scores := _list_scores(report, judge):
            yield f"{', '.join(scores)}: mean score{'s' * (len(scores) > 1)} by {judge.judge}"


def _list_criteria(report: Report) -> Iterator[str]:
    """Yield how often each criterion is met, for each model in all conditions together."""
    for judge in report.judges.values():
        criteria = _find_criteria(report)[judge.judge]
        whole = {each.model: each for each in judge.rates}  # the last of a model is all of them
        for model, each in whole.items():
            met = [f"{name} {each.scores[name]:.1%}" for name in criteria if name in each.scores]
            if met:
                yield f"criteria of {judge.judge} met in {model}: {', '.join(met)}"
