"""Judges against what persons say: how often each errs, and the result corrected for that."""

from __future__ import annotations

from dataclasses import dataclass

from afcost.page.report.findings.places import name_levels, name_model
from afcost.page.report.findings.tables import Cell, Content, PageTable
from afcost.page.report.parts import ReportPage
from afcost.page.shell.figures import NONE, Figures
from afcost.rendering.report.blocks import Block, Paragraph, Remarks
from afcost.rendering.report.findings import compose_correction, compose_errors
from afcost.rendering.report.findings.figures import name_outcome
from experiment.analysis.validation import Correction, JudgeError, LabelledError

_PATH = "analysis.judges.labelled"


@dataclass(frozen=True, slots=True)
class Labels:
    """The judges against labels.

    Attributes:
        title: how many labels there are.
        errors: sensitivity and specificity of each measure.
        correction_title: what is corrected.
        corrected: the rates and gaps without the judges' errors; None where none can be.
        notes: what the figures are.
        remarks: what needs attention, and why something is not corrected.
    """

    title: str
    errors: PageTable
    correction_title: str
    corrected: PageTable | None
    notes: tuple[str, ...]
    remarks: tuple[str, ...]


def compose_labels(page: ReportPage) -> Labels | None:
    """Return the judges against labels; None without any."""
    found = page.report.validation.labelled
    if found is None:
        return None
    sections = [*compose_errors(page.report), *compose_correction(page.report)]
    blocks = [block for section in sections for block in section.blocks]
    return Labels(
        sections[0].title,
        _build_errors(found, page.figures),
        f"rate of {name_outcome(found.meaning)}, corrected for the judges' errors",
        _build_correction(found, page.figures),
        _take_lines(blocks, Paragraph),
        _take_lines(blocks, Remarks),
    )


def _take_lines(blocks: list[Block], kind: type[Paragraph | Remarks]) -> tuple[str, ...]:
    lines = [line for block in blocks if isinstance(block, kind) for line in block.lines]
    return tuple(line.replace("`", "") for line in lines)


def _build_errors(found: LabelledError, figures: Figures) -> PageTable:
    header = ["judge", "model", "said yes, of yes", "said no, of no", "sensitivity",
              "95% interval", "specificity", "95% interval"]  # fmt: skip
    rows = [_make_error(figures, at, each) for at, each in enumerate(found.errors)]
    return PageTable("Table of judges against labels", header, rows, 2)


def _make_error(figures: Figures, at: int, error: JudgeError) -> list[Content | Cell]:
    path = f"{_PATH}.errors.{at}"
    rates = ("sensitivity", "specificity")
    counts = [
        figures.count(f"{path}.{which}.count") + " of " + figures.count(f"{path}.{which}.of")
        for which in rates
    ]
    shown = [
        cell
        for which in rates
        for cell in (figures.percent(f"{path}.{which}.estimate"), figures.range(f"{path}.{which}"))
    ]
    return [error.measure, name_model(error.model), *counts, *shown]


def _build_correction(found: LabelledError, figures: Figures) -> PageTable | None:
    corrected = [(at, each) for at, each in enumerate(found.corrections) if not each.reason]
    if not corrected:
        return None
    levels = [rate.level for rate in corrected[0][1].rates]
    header = ["model", "condition", "by", "between", *levels, "gap", "corrected", "95% interval"]
    rows = [row for at, each in corrected for row in _make_correction(figures, at, each)]
    return PageTable("Table of the corrected result", header, rows, 4)


def _make_correction(figures: Figures, at: int, each: Correction) -> list[list[Content | Cell]]:
    path = f"{_PATH}.corrections.{at}"
    names: list[Content | Cell] = [each.model, each.within or "all", each.measure]
    rates = [figures.percent(f"{path}.rates.{n}.estimate") for n in range(len(each.rates))]
    if not each.gaps:
        return [[*names, NONE, *rates, NONE, NONE, NONE]]
    return [
        [
            *names,
            name_levels(gap.between),
            *rates,
            figures.points(f"{path}.gaps.{n}.observed"),
            figures.points(f"{path}.gaps.{n}.estimate"),
            figures.interval(f"{path}.gaps.{n}"),
        ]
        for n, gap in enumerate(each.gaps)
    ]
