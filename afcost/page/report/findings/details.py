"""What else the result has: other factors, labels and scores, and what others have published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from afcost.page.report.findings.places import name_levels
from afcost.page.report.findings.tables import Cell, Content, PageTable
from afcost.page.report.parts import ReportPage
from afcost.page.shell.figures import NONE, Figures, join_path
from afcost.rendering.console import capitalize_first
from afcost.rendering.report.blocks import Points
from afcost.rendering.report.findings import compose_published as compose_published_blocks
from afcost.rendering.report.findings.columns import (
    explain_columns,
    list_criteria,
    list_labels,
    list_scores,
    name_score,
)
from afcost.rendering.report.findings.figures import name_outcome
from experiment.analysis import Evidence, JudgeRates


@dataclass(frozen=True, slots=True)
class Detail:
    """A table with the sentences that belong to it."""

    table: PageTable | None
    sentences: tuple[str, ...] = ()


def compose_effects(page: ReportPage) -> Detail | None:
    """Return what the factors change that are not compared; None where there are none."""
    rows = list(_list_effects(page))
    if not rows:
        return None
    header = ["model", "of", "first", "second", "difference", "95% interval", "Holm", "pairs"]
    gaps = [
        gap
        for effect in page.report.analysis.effects
        for gap in (
            *(gap for each in effect.models for gap in each.gaps),
            *(each.difference for each in effect.on_gap),
        )
    ]
    found = [gap.sentence for gap in gaps if gap.evidence in (Evidence.FOUND, Evidence.ALONE)]
    said = [f"{capitalize_first(each)}." for each in found]
    nothing = "No evidence that any of these changes the result or its gap."
    return Detail(PageTable("Table of other factors", header, rows, 4), tuple(said or [nothing]))


def _list_effects(page: ReportPage) -> Iterator[list[Content | Cell]]:
    """Yield what changes in each model, the outcome before its gap."""
    analysis = page.report.analysis
    outcome = name_outcome(analysis.outcome)
    for model in dict.fromkeys(each.model for each in analysis.comparisons):
        for number, effect in enumerate(analysis.effects):
            path = f"analysis.effects.{number}"
            for at, each in enumerate(effect.models):
                for which, gap in enumerate(each.gaps if each.model == model else ()):
                    place = f"{path}.models.{at}.gaps.{which}"
                    yield [model, outcome, *gap.between, *_write_gap(page.figures, place)]
            for at, found in enumerate(effect.on_gap):
                if found.model == model:
                    place = f"{path}.on_gap.{at}.difference"
                    of = f"gap {name_levels(found.of)}"
                    yield [model, of, *found.difference.between, *_write_gap(page.figures, place)]


def _write_gap(figures: Figures, path: str) -> list[Content | Cell]:
    return [
        figures.points(f"{path}.estimate"),
        figures.interval(path),
        figures.probability(f"{path}.p_holm"),
        figures.count(f"{path}.pairs"),
    ]


def compose_published(page: ReportPage) -> Detail | None:
    """Return what is published of the run's models; None where nothing is."""
    analysis = page.report.analysis
    if not analysis.published:
        return None
    header = ["model", "condition", "published for", "refusals, first", "second", "gap"]
    rows = [
        [
            each.model,
            each.within or "all",
            ", ".join(filter(None, [each.variant, each.condition, name_levels(each.between)])),
            page.figures.percent(f"analysis.published.{at}.refusals.0"),
            page.figures.percent(f"analysis.published.{at}.refusals.1"),
            page.figures.points(f"analysis.published.{at}.gap"),
        ]
        for at, each in enumerate(analysis.published)
        if each.refusals is not None
    ]
    table = PageTable("Table of published figures", header, rows, 3) if rows else None
    return Detail(table, _list_published_sentences(page))


def _list_published_sentences(page: ReportPage) -> tuple[str, ...]:
    blocks = compose_published_blocks(page.report.analysis)[0].blocks
    return tuple(line for each in blocks if isinstance(each, Points) for line in each.lines)


def compose_scores(page: ReportPage) -> list[Detail]:
    """Return the labels and scores that each judge gives, by model and condition."""
    return [
        Detail(table, tuple(dict.fromkeys(_explain(page, judge))))
        for judge in page.report.judges.values()
        if (table := _build_scores(page, judge))
    ]


def _build_scores(page: ReportPage, judge: JudgeRates) -> PageTable | None:
    labels, scores = list_labels(judge), list_scores(page.report, judge)
    if not labels and not scores:
        return None
    rows: list[list[Content | Cell]] = [
        [
            each.model,
            each.condition or "all",
            *(_write_label(page.figures, judge, at, label) for label in labels),
            *(_write_score(page.figures, judge, at, name) for name in scores),
        ]
        for at, each in enumerate(judge.rates)
    ]
    named = [name_score(page.report, judge, name) for name in scores]
    header = ["model", "condition", *labels, *named]
    return PageTable(f"Labels and scores by {judge.judge}", header, rows, 2)


def _write_label(figures: Figures, judge: JudgeRates, at: int, label: str) -> Content | Cell:
    if label not in judge.rates[at].labels:
        return Cell(NONE, "zero")
    return figures.percent(
        join_path("analysis", "verdicts", judge.judge, "rates", at, "labels", label, "estimate")
    )


def _write_score(figures: Figures, judge: JudgeRates, at: int, name: str) -> Content | Cell:
    if name not in judge.rates[at].scores:
        return Cell(NONE, "zero")
    path = join_path("analysis", "verdicts", judge.judge, "rates", at, "scores", name)
    return Markup(figures.number(path))  # noqa: S704 - a figure


def _explain(page: ReportPage, judge: JudgeRates) -> Iterator[str]:
    for line in (*explain_columns(page.report), *list_criteria(page.report)):
        if judge.judge in line:
            yield line
