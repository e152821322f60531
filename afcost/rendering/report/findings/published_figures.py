"""Published figures beside those of a run, for the models that have them."""

from __future__ import annotations

from afcost.rendering.report.blocks import Block, Points, Section, Table
from afcost.rendering.report.findings.figures import NONE, format_share
from experiment.analysis import (
    Analysis,
    Comparison,
    ComplianceGap,
    PublishedGap,
    format_points,
)

_DIFFERS = "published settings differ from this one in prompts, queries and judges"


def compose_published(analysis: Analysis) -> list[Section]:
    """Return a section on what is published of the run's models, if anything is."""
    if not analysis.published:
        return []
    pairs = list(dict.fromkeys(each.between for each in analysis.published))
    blocks: list[Block] = []
    if rows := _build_rows(analysis, names_levels=len(pairs) > 1):
        levels = pairs[0] if len(pairs) == 1 else ("between", "first", "second")
        header = ["model", "condition", "published for", *levels, "gap"]
        blocks.append(Table(header, rows, 3 + (len(pairs) > 1)))
    said = dict.fromkeys(_say(each) for each in analysis.published if each.says)
    blocks.append(Points((*said, *_list_sources(analysis.published), _DIFFERS)))
    return [Section("rate of refusal in this run / as published", tuple(blocks))]


def _build_rows(analysis: Analysis, *, names_levels: bool) -> list[list[str]]:
    """Return the rates and the gap of this run and those that are published, a row for each."""
    places = {
        (each.model, each.within, gap.between): (each, gap)
        for each in analysis.comparisons
        for gap in each.gaps
    }
    return [
        _name_row(figure, names_levels=names_levels)
        + _format_row(figure, *places[figure.model, figure.within, figure.between])
        for figure in analysis.published
        if figure.refusals is not None
    ]


def _name_row(figure: PublishedGap, *, names_levels: bool) -> list[str]:
    levels = [" – ".join(figure.between)] if names_levels else []
    return [figure.model, figure.within or "all", figure.condition, *levels]


def _format_row(figure: PublishedGap, comparison: Comparison, gap: ComplianceGap) -> list[str]:
    complied = {rate.level: rate.compliance for rate in comparison.rates}
    own = [None if (rate := complied[each]) is None else 1 - rate for each in figure.between]
    return [
        *(
            f"{format_share(share)} / {format_share(published)}"
            for share, published in zip(own, figure.refusals or (), strict=True)
        ),
        f"{_format_points(gap.estimate)} / {_format_points(figure.gap)}",
    ]


def _format_points(gap: float | None) -> str:
    return NONE if gap is None else format_points(gap)


def _say(figure: PublishedGap) -> str:
    setting = f" ({figure.condition})" if figure.condition else ""
    changed = f" {figure.variant}, not the plain model" if figure.variant else ""
    by = f"{figure.source}, {figure.where}: {figure.how}"
    return f"{figure.model}{changed}{setting}: {figure.says} by {by}"


def _list_sources(published: tuple[PublishedGap, ...]) -> list[str]:
    """Return where the figures with rates are from, each source once."""
    found = {f"figures by {_cite(each)}": None for each in published if each.refusals is not None}
    return list(found)


def _cite(figure: PublishedGap) -> str:
    day = f" ({figure.published})" if figure.published else ""
    return f"{figure.source}, {figure.where}{day}: {figure.how}"
