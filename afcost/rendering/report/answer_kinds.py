"""What the answers of a run are, and why results are missing, as tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping

from experiment.analysis import Analysis, KindCount
from experiment.scoring import AnswerKind
from runner.results import Report

_COUNTS_AS = {
    "refusal": ("it counts as not complied", "they count as not complied"),
    "missing": ("it is missing", "they are missing"),
    "judged": ("it is given to the judges", "they are given to the judges"),
}


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return what there is how many of: `truncated 3, no verdict 1`."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def describe_only_texts(analysis: Analysis) -> str:
    """Say that all answers are texts; empty where some are not, or are cut, or there are none."""
    pooled = analysis.pooled
    texts = pooled.kinds[AnswerKind.TEXT]
    if not texts or texts < pooled.answers or pooled.cut:
        return ""
    return "the answer is text" if texts == 1 else f"all {texts:,} answers are text"


def build_kind_table(analysis: Analysis) -> tuple[list[str], list[list[str]]]:
    """Return a table of the kinds that occur, for each model and condition, and for all.

    Returns:
        its header and its rows; no rows where all answers are whole texts.
    """
    if not analysis.pooled.answers or describe_only_texts(analysis):
        return [], []
    kinds = [kind.value for kind in AnswerKind if analysis.pooled.kinds[kind]]
    cut = ["cut"] if analysis.pooled.cut else []
    rows = [
        [cell.model, cell.condition, *_format_counts(cell, kinds, cut)] for cell in analysis.cells
    ]
    total = ["all", "", *_format_counts(analysis.pooled, kinds, cut)]
    return ["model", "condition", *kinds, *cut], [*rows, total]


def list_kind_remarks(report: Report) -> list[str]:
    """Return what a reader must know of answers that are no texts, and of what is missing."""
    pooled, rule = report.analysis.pooled, report.run_folder.spec.answer.refused
    remarks = []
    if refused := pooled.kinds[AnswerKind.REFUSED]:
        were = "answer was" if refused == 1 else "answers were"
        remarks.append(f"{refused:,} {were} refused through the API; {_say_rule(refused, rule)}")
    if pooled.missing:
        total = sum(pooled.missing.values())
        remarks.append(f"missing {total:,}: {describe_counts(pooled.missing)}")
    for judge, count in report.verdicts.items():
        if count.unreadable:
            unreadable = describe_counts(count.unreadable)
            remarks.append(
                f"{judge}: verdicts that are no votes, of {count.verdicts:,}: {unreadable}"
            )
    return remarks


def _say_rule(count: int, rule: str) -> str:
    """Say what answers count as that were refused through the API."""
    one, several = _COUNTS_AS[rule]
    return one if count == 1 else several


def _format_counts(cell: KindCount, kinds: list[str], cut: list[str]) -> list[str]:
    counts = [cell.kinds[kind] for kind in kinds] + [cell.cut for _ in cut]
    return [f"{count:,}" if count else "–" for count in counts]
