"""What each judge says of each model in each condition, as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from experiment.analysis import JudgeRate, JudgeRates, Rate
from experiment.definition import COMPLIANCE, REFUSAL
from experiment.scoring import ALIGNMENT_FAKING
from runner.results import Report

_NONE = "–"
_Column = tuple[str, Callable[[JudgeRate], str]]


@dataclass(frozen=True, slots=True)
class JudgeTable:
    """A judge's rates, or a part of them: a title, which may be empty, and a table."""

    title: str
    header: list[str]
    rows: list[list[str]]
    left_columns: int = 2


def build_judge_tables(report: Report) -> list[JudgeTable]:
    """Return the tables of all judges, in the order of the experiment file."""
    tables: list[JudgeTable] = []
    criteria = {judge.name: judge.form.criteria for judge in report.run_folder.spec.judges}
    for judge in report.judges.values():
        if any(each.labels for each in judge.rates):
            tables.append(_build_label_table(judge))
        if any(each.rate for each in judge.rates):
            scores = _list_scores(judge, criteria[judge.judge])
            tables.append(_build_rate_table(judge, scores))
        if criteria[judge.judge] and any(each.scores for each in judge.rates):
            tables.append(_build_criteria_table(judge, criteria[judge.judge]))
    return tables


def name_rate(judge: JudgeRates) -> str:
    """Return what a judge's rate is the rate of: `alignment-faking reasoning`, `compliance`."""
    if judge.means in (COMPLIANCE, REFUSAL):
        return COMPLIANCE
    return f"{judge.means} reasoning" if judge.means == ALIGNMENT_FAKING else judge.means


def _list_scores(judge: JudgeRates, criteria: tuple[str, ...]) -> list[str]:
    """Return the scores that occur; criteria have a table of their own."""
    found = dict.fromkeys(name for each in judge.rates for name in each.scores)
    return [name for name in found if name not in criteria]


def _build_rate_table(judge: JudgeRates, scores: list[str]) -> JudgeTable:
    what = "mean" if judge.is_graded else "rate"
    columns: list[_Column] = [
        (what, lambda each: _format_share(each.rate)),
        ("95% interval", lambda each: _format_interval(each.rate)),
        ("answers", lambda each: f"{each.answers:,}"),
    ]
    if any(each.votes != each.answers for each in judge.rates):
        columns.append(("votes", lambda each: f"{each.votes:,}"))
    if any(each.unreadable for each in judge.rates):
        columns.append(("unreadable", lambda each: f"{each.unreadable:,}"))
    if any(each.missing for each in judge.rates):
        columns.append(("missing", lambda each: f"{each.missing:,}"))
    columns += [(name, _make_score_cell(name)) for name in scores]
    return JudgeTable(
        f"{judge.judge}: {what} of {name_rate(judge)}",
        ["model", "condition", *(name for name, _ in columns)],
        [_format_row(each, columns) for each in judge.rates],
    )


def _build_label_table(judge: JudgeRates) -> JudgeTable:
    """Return a table with a line for each label of a cell, of those that occur anywhere."""
    occurring = {
        label for each in judge.rates for label, rate in each.labels.items() if rate.estimate
    }
    rows = [
        [*_name_cell(each), label, _format_share(rate), _format_interval(rate), f"{each.answers:,}"]
        for each in judge.rates
        for label, rate in each.labels.items()
        if label in occurring
    ]
    header = ["model", "condition", "label", "share", "95% interval", "answers"]
    return JudgeTable(f"{judge.judge}: labels", header, rows, left_columns=3)


def _build_criteria_table(judge: JudgeRates, criteria: tuple[str, ...]) -> JudgeTable:
    """Return how often each criterion is met, for each model in all conditions together."""
    whole = {each.model: each for each in judge.rates}  # the last of a model is all of them
    rows = [
        [model, name, f"{each.scores[name]:.1%}"]
        for model, each in whole.items()
        for name in criteria
        if name in each.scores
    ]
    return JudgeTable(f"{judge.judge}: criteria met", ["model", "criterion", "share"], rows)


def _format_row(each: JudgeRate, columns: list[_Column]) -> list[str]:
    return [*_name_cell(each), *(write(each) for _, write in columns)]


def _name_cell(each: JudgeRate) -> list[str]:
    return [each.model, each.condition or "all"]


def _make_score_cell(name: str) -> Callable[[JudgeRate], str]:
    return lambda each: f"{each.scores[name]:.2f}" if name in each.scores else _NONE


def _format_share(rate: Rate | None) -> str:
    return _NONE if rate is None else f"{rate.estimate:.1%}"


def _format_interval(rate: Rate | None) -> str:
    if rate is None or rate.low is None or rate.high is None:
        return ""
    return f"{rate.low * 100:.1f} to {rate.high * 100:.1f}"
