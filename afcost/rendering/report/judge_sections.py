"""Judges against each other: confusion matrices, agreement, and the gap by each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from afcost.rendering.report.blocks import Block, Paragraph, Section, Table
from experiment.analysis import Rate
from experiment.analysis.validation import (
    AS_IN_FILE,
    Confusion,
    GroupAgreement,
    JudgesCompared,
    MeasuredGap,
)
from experiment.definition import PROXY
from runner.results import Report

_CONFUSION = ["texts", "both", "neither", "only one", "false pos.", "false neg.", "kappa"]


def compose_judges(report: Report) -> list[Section]:
    """Return the sections that hold judges against each other; none where there is one measure."""
    found = report.validation
    blocks = [*_build_matrices(report), *_describe_agreement(found)]
    sections = [Section("judges against each other", tuple(blocks))] if blocks else []
    gaps = _build_gap_tables(found)
    return [*sections, Section("the gap by judge and threshold", gaps)] if gaps else sections


def format_rate(rate: Rate) -> str:
    """Return a rate in per cent with its interval: `12.5% (3 to 24)`."""
    if rate.estimate is None or rate.low is None or rate.high is None:
        return "–"
    return f"{rate.estimate:.1%} ({rate.low * 100:.0f} to {rate.high * 100:.0f})"


def format_bounds(low: float | None, high: float | None) -> str:
    """Return the bounds of a gap in percentage points: `+3.1 to +24.0`."""
    return "" if low is None or high is None else f"{low * 100:+.1f} to {high * 100:+.1f}"


def _build_matrices(report: Report) -> list[Block]:
    """Return a table of the proxy against the judge that measures, and one of all other pairs."""
    found = [each for each in report.validation.confusion if each.texts]
    measure = report.analysis.measure
    main = [each for each in found if {each.tested, each.reference} == {PROXY, measure}]
    others = [each for each in found if each not in main and not each.condition]
    blocks: list[Block] = []
    if main:
        rows = [
            [each.model or "all", each.condition or "all", *_format_confusion(each)]
            for each in main
        ]
        blocks += [_explain_matrix(main[0]), Table(["model", "condition", *_CONFUSION], rows, 2)]
    if others:
        rows = [
            [each.model or "all", each.tested, each.reference, *_format_confusion(each)]
            for each in others
        ]
        blocks.append(Table(["model", "tested", "against", *_CONFUSION], rows, 3))
    return blocks


def _explain_matrix(each: Confusion) -> Paragraph:
    names = each.tested, each.reference
    return Paragraph(
        (
            f"{names[0]} against {names[1]}, as if {names[1]} were right; rates with 95% intervals",
            f"only one: positive by {names[0]} alone / by {names[1]} alone",
        ),
        quiet=True,
    )


def _format_confusion(each: Confusion) -> list[str]:
    return [
        *(f"{count:,}" for count in (each.texts, each.both_positive, each.both_negative)),
        f"{each.only_tested:,} / {each.only_reference:,}",
        format_rate(each.false_positive_rate),
        format_rate(each.false_negative_rate),
        "–" if each.kappa.value is None else f"{each.kappa.value:.2f}",
    ]


def _describe_agreement(found: JudgesCompared) -> list[Block]:
    """Return what the alpha of several judges, and of votes, is; and why there is none."""
    lines = [
        describe_alpha(each for each in found.agreement if each.raters == raters)
        for raters in dict.fromkeys(each.raters for each in found.agreement)
    ]
    reasons = dict.fromkeys(
        f"{each.tested} and {each.reference}, {each.model or 'all models'}: no kappa, "
        f"{each.kappa.undefined}"
        for each in found.confusion
        if each.texts and each.kappa.undefined and not each.condition
    )
    shown = (*lines, *reasons)
    return [Paragraph(shown, quiet=True)] if shown else []


def describe_alpha(found: Iterable[GroupAgreement]) -> str:
    """Return the alpha of the same raters, for each model and over all, as a sentence."""
    parts = []
    raters: tuple[str, ...] = ()
    for each in found:
        raters = each.raters
        where = each.model or "all"
        if each.alpha.value is None:
            parts.append(f"{where}: none, {each.alpha.undefined}")
        else:
            parts.append(f"{where} {each.alpha.value:.2f} ({each.alpha.answers:,} answers)")
    return f"Krippendorff's alpha of {', '.join(raters)}: {'; '.join(parts)}"


def _build_gap_tables(found: JudgesCompared) -> tuple[Block, ...]:
    """Return the gaps by each measure and threshold, a table for each model.

    Returns:
        nothing where only one measure has any.
    """
    gaps = [each for each in found.sensitivity if each.estimate is not None]
    if len({(each.measure, each.counts) for each in gaps}) < 2:  # noqa: PLR2004 - to compare
        return ()
    several = ["between"] if len({each.between for each in gaps}) > 1 else []
    header = ["condition", *several, "measured by", "positive from", "gap", "95% interval", "pairs"]
    blocks: list[Block] = []
    for model in dict.fromkeys(each.model for each in gaps):
        alike = _join_alike(each for each in gaps if each.model == model)
        rows = [_format_gap(each, several) for each in alike]
        blocks += [Paragraph((model,)), Table(header, rows, 3 + len(several))]
    return tuple(blocks)


def _join_alike(gaps: Iterable[MeasuredGap]) -> list[MeasuredGap]:
    """Return gaps of which thresholds that come to the same are one: `any, >= 0.25`."""
    joined: list[MeasuredGap] = []
    for gap in gaps:
        last = joined[-1] if joined else None
        is_threshold = AS_IN_FILE not in (gap.counts, last.counts if last else AS_IN_FILE)
        if last and is_threshold and replace(last, counts=gap.counts) == gap:
            joined[-1] = replace(last, counts=f"{last.counts}, {gap.counts}")
        else:
            joined.append(gap)
    return joined


def _format_gap(each: MeasuredGap, several: list[str]) -> list[str]:
    return [
        each.within or "all",
        *(" - ".join(each.between) for _ in several),
        each.measure,
        each.counts,
        f"{(each.estimate or 0.0) * 100:+.1f} pp",
        format_bounds(each.low, each.high),
        f"{each.pairs:,}",
    ]
