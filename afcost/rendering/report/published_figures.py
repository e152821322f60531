"""Published figures beside those of a run, for the models that have them."""

from __future__ import annotations

from afcost.rendering.report.blocks import Block, Points, Section, Table
from experiment.analysis import Analysis, Comparison, PublishedGap, format_points

_DIFFERS = "published settings differ from this one in prompts, queries and judges"


def compose_published(analysis: Analysis) -> list[Section]:
    """Return a section on what is published of the run's models, if anything is."""
    if not analysis.published:
        return []
    pairs = list(dict.fromkeys(each.between for each in analysis.published))
    blocks: list[Block] = []
    if rows := _build_rows(analysis):
        levels = pairs[0] if len(pairs) == 1 else ("first", "second")
        named = [] if len(pairs) == 1 else ["between"]
        rows = [row if named else [*row[:3], *row[4:]] for row in rows]
        header = ["model", "condition", "of", *named, *levels, "gap"]
        blocks.append(Table(header, rows, 3 + len(named)))
    said = dict.fromkeys(_say(each) for each in analysis.published if each.says)
    blocks.append(Points((*said, *_list_sources(analysis.published), _DIFFERS)))
    return [Section("refusal, beside published figures", tuple(blocks))]


def _build_rows(analysis: Analysis) -> list[list[str]]:
    """Return the rates of each comparison that figures are published of, and these below it."""
    rows = []
    for comparison in analysis.comparisons:
        for gap in comparison.gaps:
            found = [
                each
                for each in analysis.published
                if each.refusals is not None
                and (each.model, each.within, each.between)
                == (comparison.model, comparison.within, gap.between)
            ]
            if found:
                rows.append(_format_own(comparison, gap.between, gap.estimate))
                rows += map(_format_published, found)
    return rows


def _format_own(
    comparison: Comparison, between: tuple[str, str], estimate: float | None
) -> list[str]:
    complied = {rate.level: rate.compliance for rate in comparison.rates}
    refused = [None if complied[each] is None else 1 - (complied[each] or 0.0) for each in between]
    return [
        comparison.model,
        comparison.within or "all",
        "this run",
        " – ".join(between),
        *("–" if share is None else f"{share:.1%}" for share in refused),
        "–" if estimate is None else f"{format_points(estimate)} pp",
    ]


def _format_published(figure: PublishedGap) -> list[str]:
    refused = figure.refusals or ()
    gap = "–" if figure.gap is None else f"{format_points(figure.gap)} pp"
    return [
        figure.model,
        figure.condition,
        figure.source,
        " – ".join(figure.between),
        *(f"{share:.1%}" for share in refused),
        gap,
    ]


def _say(figure: PublishedGap) -> str:
    setting = f" ({figure.condition})" if figure.condition else ""
    return (
        f"{figure.model}{setting}: {figure.says} by {figure.source}, {figure.where}: {figure.how}"
    )


def _list_sources(published: tuple[PublishedGap, ...]) -> list[str]:
    """Return where the figures with rates are from, each source once."""
    found = {f"figures by {_cite(each)}": None for each in published if each.refusals is not None}
    return list(found)


def _cite(figure: PublishedGap) -> str:
    day = f" ({figure.published})" if figure.published else ""
    return f"{figure.source}, {figure.where}{day}: {figure.how}"
