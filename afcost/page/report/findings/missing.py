"""What the answers are, which results are missing, and how far these could move the gaps."""

from __future__ import annotations

from markupsafe import Markup

from afcost.page.charts.chart import Chart
from afcost.page.charts.dots import Row
from afcost.page.report.findings.gap_chart import group_rows, scale_points
from afcost.page.report.findings.places import PlacedGap, list_gaps, name_model, place_all
from afcost.page.report.findings.rows import draw_rows
from afcost.page.report.findings.tables import Cell, Content, PageTable, link_count
from afcost.page.report.parts import ReportPage
from afcost.page.shell.figures import PERCENT, Figures, format_interval, join_path
from afcost.page.shell.sections import PageSection
from afcost.page.shell.sentences import join_words, write_sentence
from afcost.page.transcripts.links import link_answers
from afcost.rendering.report.findings.answer_kinds import list_kind_remarks, name_reason
from experiment.analysis import Analysis, KindCount
from experiment.definition import COMPLIANCE
from experiment.scoring import AnswerKind

_NAMES = 150, 110  # pixels that names may have, on a desk and on a phone
_NOTHING = Cell(Markup("0"), "zero")


def compose_missing(page: ReportPage) -> PageSection | None:
    """Return the section; None where there are no answers."""
    analysis = page.report.analysis
    if not analysis.pooled.answers:
        return None
    bounded = [each for each in list_gaps(place_all(analysis)) if each.gap.bounds]
    chart = _draw(bounded)
    return PageSection(
        "missing",
        "Missing",
        "report/missing.html.j2",
        {
            "sentence": _write_sentence(analysis, page.figures),
            "remarks": list_kind_remarks(page.report),
            "table": _build_table(page),
            "bounds": _build_bounds(bounded, page.figures) if bounded else None,
            "ends": "a refusal or compliance" if analysis.outcome == COMPLIANCE else "0 or 1",
        },
        {"bounds": chart} if chart else {},
    )


def _write_sentence(analysis: Analysis, figures: Figures) -> Markup:
    """Return how many results are missing, and why."""
    answers = figures.count("analysis.pooled.answers")
    if not analysis.pooled.missing:
        return write_sentence("All {answers} answers have a result.", answers=answers)
    reasons = [
        write_sentence(
            "{count} {reason}",
            count=figures.count(join_path("analysis", "pooled", "missing", reason)),
            reason=name_reason(reason),
        )
        for reason in analysis.pooled.missing
    ]
    return write_sentence(
        "{missing} of {answers} answers have no result: {reasons}.",
        missing=figures.count("analysis.pooled.no_result"),
        answers=answers,
        reasons=join_words(reasons),
    )


def _build_table(page: ReportPage) -> PageTable:
    """Return how many answers of each model and condition are of each kind that occurs."""
    pooled = page.report.analysis.pooled
    kinds = [kind.value for kind in AnswerKind if pooled.kinds[kind]]
    reasons = [reason for reason in pooled.missing if reason not in kinds]
    cells = enumerate(page.report.analysis.cells)
    rows = [_make_row(page, f"analysis.cells.{at}", each, kinds, reasons) for at, each in cells]
    has_total = len(rows) > 1
    if has_total:
        rows.append(_make_row(page, "analysis.pooled", pooled, kinds, reasons))
    cut = ["cut"] if pooled.cut else []
    header = ["model", "condition", *kinds, *cut, *map(name_reason, reasons)]
    return PageTable("Table of answers by kind", header, rows, 2, has_total=has_total)


def _make_row(
    page: ReportPage, path: str, cell: KindCount, kinds: list[str], reasons: list[str]
) -> list[Content | Cell]:
    figures = page.figures
    models = {each.model for each in page.report.analysis.cells}
    whose = cell.model or ("all models" if len(models) > 1 else models.pop())
    row: list[Content | Cell] = [whose, cell.condition or "all"]
    row += [_write_kind(page, path, cell, kind) for kind in kinds]
    if page.report.analysis.pooled.cut:
        row.append(figures.count(f"{path}.cut") if cell.cut else _NOTHING)
    row += [
        figures.count(f"{path}.{join_path('missing', reason)}")
        if cell.missing.get(reason)
        else _NOTHING
        for reason in reasons
    ]
    return row


def _write_kind(page: ReportPage, path: str, cell: KindCount, kind: str) -> Content | Cell:
    if not cell.kinds[kind]:
        return _NOTHING
    link = link_answers(model=cell.model, condition=cell.condition, kind=kind)
    count = page.figures.count(f"{path}.kinds.{kind}")
    return link_count(count, link if page.has_transcripts else None, f"{kind}: show them")


def _build_bounds(bounded: list[PlacedGap], figures: Figures) -> PageTable:
    rows = [
        [
            name_model(each.comparison.model),
            each.cell or "all",
            figures.points(f"{each.path}.estimate"),
            figures.points(f"{each.path}.bounds.all_refused"),
            figures.points(f"{each.path}.bounds.all_complied"),
            figures.interval(f"{each.path}.bounds"),
        ]
        for each in bounded
    ]
    header = ["model", "condition", "gap", "if all are 0", "if all are 1", "bounds"]
    return PageTable("Table of the bounds of the gaps", header, rows, 2)


def _draw(bounded: list[PlacedGap]) -> Chart | None:
    rows = group_rows(
        [(name_model(each.comparison.model), _make_bounds_row(each)) for each in bounded]
    )
    scale = scale_points(rows)
    if scale is None:
        return None
    return draw_rows("bounds", rows, scale, _NAMES)


def _make_bounds_row(placed: PlacedGap) -> Row:
    gap, name, bounds = placed.gap, placed.cell or "all", placed.gap.bounds
    if bounds is None:
        return Row(name)
    said = format_interval(bounds.low, bounds.high)
    return Row(
        name,
        value=_scale(gap.estimate),
        low=_scale(gap.low),
        high=_scale(gap.high),
        range_low=_scale(bounds.low),
        range_high=_scale(bounds.high),
        is_hollow=gap.low is None or gap.high is None or gap.low <= 0 <= gap.high,
        text=said,
        tip=f"{name_model(placed.comparison.model)}, {name}: {said} points, whatever the "
        "missing results were",
    )


def _scale(share: float | None) -> float | None:
    return None if share is None else share * PERCENT
