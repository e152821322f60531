"""The table of the result: shares with counts that lead to the answers, and gaps."""

from __future__ import annotations

from markupsafe import Markup

from afcost.page.report.findings.places import (
    LevelRate,
    PlacedComparison,
    PlacedGap,
    list_gaps,
    match_levels,
    name_model,
    place_all,
)
from afcost.page.report.findings.tables import Cell, Content, PageTable, link_count
from afcost.page.report.parts import ReportPage
from afcost.page.shell.figures import NONE, Figures
from afcost.page.transcripts.links import link_answers
from experiment.analysis import Analysis, ComplianceRate
from experiment.definition import COMPLIANCE, PROXY

_GAP = ("gap", "95% interval", "Holm", "detectable", "pairs")
_ALL = "all"


def build_result_table(page: ReportPage) -> PageTable:
    """Return the shares of each comparison, with its gap where there is one for each."""
    analysis = page.report.analysis
    placed = place_all(analysis)
    levels = [rate.level for rate in placed[0].comparison.rates]
    has_gap = max(len(each.gaps) for each in placed) == 1
    gap = [*_GAP, *(["published"] if analysis.published else [])] if has_gap else []
    return PageTable(
        "Table of the result",
        ["model", "condition", *levels, *gap, "missing"],
        [_make_row(page, each, has_gap=has_gap) for each in placed],
        left=2,
        has_total=analysis.overall is not None,
    )


def build_gap_table(page: ReportPage) -> PageTable:
    """Return a table with a row for each gap."""
    gaps = list_gaps(place_all(page.report.analysis))
    rows = [
        [
            name_model(each.comparison.model),
            each.comparison.within or _ALL,
            *each.gap.between,
            *_write_gap(page.figures, each),
        ]
        for each in gaps
    ]
    header = ["model", "condition", "first", "second", *_GAP]
    return PageTable("Table of all gaps", header, rows, left=4)


def _make_row(page: ReportPage, placed: PlacedComparison, *, has_gap: bool) -> list[Content | Cell]:
    analysis, comparison = page.report.analysis, placed.comparison
    row: list[Content | Cell] = [name_model(comparison.model), comparison.within or _ALL]
    row += _write_rates(page, placed)
    if has_gap:
        gap = placed.gaps[0]
        row += _write_gap(page.figures, gap)
        row += [_write_published(page.figures, analysis, gap)] if analysis.published else []
    return [*row, _write_missing(page.figures, placed)]


def _write_rates(page: ReportPage, placed: PlacedComparison) -> list[Content | Cell]:
    """Return the share at each level, with its counts where it is of one condition."""
    matched = match_levels(page.report.analysis, page.report.run_folder.spec, placed.comparison)
    counts = {each.level: _write_count(page, each) for each in matched if placed.comparison.model}
    rates = enumerate(placed.comparison.rates)
    return [_write_rate(page.figures, f"{placed.path}.rates.{at}", rate, counts)
            for at, rate in rates]  # fmt: skip


def _write_rate(
    figures: Figures, path: str, rate: ComplianceRate, counts: dict[str, Markup]
) -> Content | Cell:
    if rate.compliance is None:
        return Cell(NONE, "zero")
    share = figures.percent(f"{path}.compliance")
    return share + counts[rate.level] if rate.level in counts else share


def _write_count(page: ReportPage, found: LevelRate) -> Markup:
    """Return how many of how many answers a share is of: `26/58`, which leads to the first."""
    path, rate = found.placed.path, found.placed.rate
    analysis, figures = page.report.analysis, page.figures
    positive = "complied" if analysis.outcome == COMPLIANCE else "positive"
    judge = page.report.judges.get(analysis.measure)
    if judge is not None and judge.is_graded:
        link = link_answers(model=rate.model, condition=rate.condition)
        return Markup(" {}").format(_link(page, figures.count(f"{path}.of"), link, "show them"))
    by = (
        {"proxy": "accepted"}
        if analysis.measure == PROXY
        else {"labels": {analysis.measure: positive}}
    )
    link = link_answers(model=rate.model, condition=rate.condition, **by)
    count = Markup("{}/{}").format(figures.count(f"{path}.count"), figures.count(f"{path}.of"))
    return Markup(" {}").format(_link(page, count, link, f"show those that are {positive}"))


def _link(page: ReportPage, count: Markup, link: str, says: str) -> Markup:
    return link_count(count, link if page.has_transcripts else None, says)


def _write_gap(figures: Figures, placed: PlacedGap) -> list[Content | Cell]:
    gap, path = placed.gap, placed.path
    too_large = gap.detectable is not None and gap.detectable > 1
    return [
        figures.points(f"{path}.estimate"),
        figures.interval(path),
        figures.probability(f"{path}.p_holm"),
        Cell("none", "zero") if too_large else figures.size(f"{path}.detectable"),
        figures.count(f"{path}.pairs"),
    ]


def _write_published(figures: Figures, analysis: Analysis, placed: PlacedGap) -> Content:
    place = placed.comparison.model, placed.comparison.within, placed.gap.between
    for at, each in enumerate(analysis.published):
        if (each.model, each.within, each.between) == place and each.gap is not None:
            return figures.points(f"analysis.published.{at}.gap")
    return NONE


def _write_missing(figures: Figures, placed: PlacedComparison) -> Cell:
    """Return how many results are missing at each level."""
    rates = placed.comparison.rates
    counts = [figures.count(f"{placed.path}.rates.{at}.missing") for at in range(len(rates))]
    return Cell(Markup(" / ").join(counts), "" if any(each.missing for each in rates) else "zero")
