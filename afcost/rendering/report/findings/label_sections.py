"""Judges against labels: how often each of them errs, and the result corrected by that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from afcost.rendering.report.blocks import Block, Paragraph, Remarks, Section, Table
from afcost.rendering.report.findings.figures import (
    format_bounds,
    format_rate,
    format_share,
    name_outcome,
)
from afcost.rendering.report.findings.judge_sections import describe_alpha
from experiment.analysis import format_points
from runner.results import Report

if TYPE_CHECKING:
    from experiment.analysis.validation import Correction, JudgeError, LabelledError

_ERRORS = ["judge", "model", "labels", "found +", "sensitivity", "found -", "specificity"]
_FOUND = "found: of the labelled positive (+) and negative (-) answers, how many the judge calls so"
_RATES = (
    "sensitivity, specificity: means of the judge's values, weighted back to all answers, with 95% "
    "intervals"
)


def compose_correction(report: Report) -> list[Section]:
    """Return the section on the result without the judges' errors; none without labels."""
    found = report.validation.labelled
    if found is None:
        return []
    title = f"rate of {name_outcome(found.meaning)}, corrected for the judges' errors"
    return [Section(title, tuple(_correct(found)))]


def compose_errors(report: Report) -> list[Section]:
    """Return the section on the judges' errors; none without labels."""
    found = report.validation.labelled
    if found is None:
        return []
    answers = "answer" if found.labels == 1 else "answers"
    blocks: list[Block] = [
        Table(_ERRORS, list(map(_format_error, found.errors)), 2),
        Paragraph((_FOUND, _RATES, *_describe_raters(found)), quiet=True),
    ]
    if found.remarks:
        blocks.append(Remarks(found.remarks))
    return [Section(f"judges against {found.labels:,} labelled {answers}", tuple(blocks))]


def _format_error(error: JudgeError) -> list[str]:
    positives = error.true_positives + error.false_negatives
    negatives = error.true_negatives + error.false_positives
    return [
        error.measure,
        error.model or "all",
        f"{error.labels:,}",
        f"{error.true_positives:,} of {positives:,}",
        format_rate(error.sensitivity),
        f"{error.true_negatives:,} of {negatives:,}",
        format_rate(error.specificity),
    ]


def _describe_raters(found: LabelledError) -> Iterator[str]:
    if found.agreement is not None:
        yield describe_alpha([found.agreement])
    if found.tied:
        yield f"left out, because as many persons say yes as no: {found.tied:,}"


def _correct(found: LabelledError) -> Iterator[Block]:
    """Yield a table of what is corrected, and why the rest is not."""
    corrected = [each for each in found.corrections if not each.reason]
    if corrected:
        yield _build_table(corrected)
        yield Paragraph(tuple(_explain(corrected)), quiet=True)
    reasons = [
        f"{each.measure}, {each.model}: not corrected; {each.reason}"
        for each in found.corrections
        if each.reason
    ]
    if reasons:
        yield Remarks(tuple(dict.fromkeys(reasons)))


def _build_table(corrected: list[Correction]) -> Table:
    levels = [rate.level for rate in corrected[0].rates]
    several = ["between"] if len(corrected[0].gaps) > 1 else []
    header = ["model", "condition", "by", *several, *levels, "gap", "corrected", "95% interval"]
    rows = [row for each in corrected for row in _format_correction(each, several)]
    return Table(header, rows, 3 + len(several))


def _format_correction(each: Correction, several: list[str]) -> Iterator[list[str]]:
    names = [each.model, each.within or "all", each.measure]
    rates = [format_share(rate.estimate) for rate in each.rates]
    if not each.gaps:
        yield [*names, *rates, "", "", ""]
    for gap in each.gaps:
        yield [
            *names,
            *(" - ".join(gap.between) for _ in several),
            *rates,
            "" if gap.observed is None else f"{format_points(gap.observed)} pp",
            "" if gap.estimate is None else f"{format_points(gap.estimate)} pp",
            format_bounds(gap.low, gap.high),
        ]


def _explain(corrected: list[Correction]) -> Iterator[str]:
    yield (
        "rates and `corrected`: without the judge's errors (Rogan-Gladen), if it errs alike at all "
        "levels; the interval includes that there are few labels"
    )
    pooled = list(dict.fromkeys(each.model for each in corrected if not each.error_of))
    if pooled and len({each.model for each in corrected}) > 1:
        names = ", ".join(pooled)
        yield f"by the errors over all models, because of too few labels of their own: {names}"
    if any(rate.is_beyond for each in corrected for rate in each.rates):
        yield "a rate that would lie below 0 or above 100% is held there; the gap is not"
    if any(gap.is_beyond for each in corrected for gap in each.gaps):
        yield (
            "a corrected gap beyond 100 points is not possible: the errors are those of other "
            "answers, or too uncertain; it is shown because it is right on average"
        )
