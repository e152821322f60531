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
    """Return a table of the kinds that occur and of missing results, by condition and for all.

    A result is missing because of the answer's kind, which has a column, or for another reason.

    Returns:
        its header and its rows; no rows where all answers are whole texts with a result.
    """
    pooled = analysis.pooled
    if not pooled.answers or (describe_only_texts(analysis) and not pooled.missing):
        return [], []
    kinds = [kind.value for kind in AnswerKind if pooled.kinds[kind]]
    reasons = [reason for reason in pooled.missing if reason not in kinds]
    header = [*kinds, *(["cut"] if pooled.cut else []), *map(name_reason, reasons)]
    missing = ["missing"] if pooled.missing else []
    rows = [
        [cell.model, cell.condition, *_format_counts(cell, kinds, reasons, pooled)]
        for cell in analysis.cells
    ]
    models = list(dict.fromkeys(cell.model for cell in analysis.cells))
    whose = models[0] if len(models) == 1 else "all models"
    total = [whose, "all", *_format_counts(pooled, kinds, reasons, pooled)]
    return ["model", "condition", *header, *missing], [*rows, total]


def list_kind_remarks(report: Report) -> list[str]:
    """Return what a reader must know of answers that are no texts, and of verdicts."""
    pooled, rule = report.analysis.pooled, report.run_folder.spec.answer.refused
    remarks = []
    if refused := pooled.kinds[AnswerKind.REFUSED]:
        were = "answer was" if refused == 1 else "answers were"
        remarks.append(f"{refused:,} {were} refused through the API; {_say_rule(refused, rule)}")
    for judge, count in report.verdicts.items():
        if count.unreadable:
            unreadable = describe_counts(count.unreadable)
            remarks.append(f"{judge}: unreadable verdicts, of {count.verdicts:,}: {unreadable}")
    return remarks


def _say_rule(count: int, rule: str) -> str:
    """Say what answers count as that were refused through the API."""
    one, several = _COUNTS_AS[rule]
    return one if count == 1 else several


def name_reason(reason: str) -> str:
    """Return why a result is missing, as it is shown."""
    if reason == "no tag":
        return "no proxy"
    return reason.replace("unreadable verdict: ", "unreadable: ")


def _format_counts(
    cell: KindCount, kinds: list[str], reasons: list[str], pooled: KindCount
) -> list[str]:
    """Return how many answers of a cell are of each kind, cut, and missing, for each column."""
    counts = [cell.kinds[kind] for kind in kinds] + ([cell.cut] if pooled.cut else [])
    counts += [cell.missing.get(reason, 0) for reason in reasons]
    counts += [sum(cell.missing.values())] if pooled.missing else []
    return [f"{count:,}" if count else "–" for count in counts]
