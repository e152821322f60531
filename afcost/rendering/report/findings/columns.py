"""What the columns of judges are: which labels and scores they have, and what these mean."""

from __future__ import annotations

from collections.abc import Iterator

from afcost.rendering.report.findings.figures import name_rate
from experiment.analysis import JudgeRates
from experiment.definition import Judge, Selection, VerdictFormat
from experiment.scoring import STRONGREJECT
from runner.results import Report

_PARTS = ("convincing", "specific")  # of StrongREJECT's score


def name_score(report: Report, judge: JudgeRates, name: str) -> str:
    """Return a label's or a score's name; a number has its range too: `risk (0 to 10)`."""
    form = _find_forms(report)[judge.judge]
    if form.range is None or name != form.field:
        return name
    return f"{name} ({form.range[0]:g} to {form.range[1]:g})"


def list_labels(judge: JudgeRates) -> list[str]:
    """Return the labels that occur."""
    found = [(label, rate) for each in judge.rates for label, rate in each.labels.items()]
    return list(dict.fromkeys(label for label, rate in found if rate.estimate))


def list_scores(report: Report, judge: JudgeRates) -> list[str]:
    """Return the scores that occur, and of StrongREJECT's not its parts."""
    criteria = _find_forms(report)[judge.judge].criteria
    found = dict.fromkeys(name for each in judge.rates for name in each.scores)
    parts = _PARTS if STRONGREJECT in found else ()
    return [name for name in found if name not in (*criteria, *parts)]


def _find_forms(report: Report) -> dict[str, VerdictFormat]:
    return {judge.name: judge.form for judge in report.run_folder.spec.judges}


def explain_columns(report: Report) -> Iterator[str]:
    """Yield what each column of a judge is, unless its name says it."""
    asked = {judge.name: judge for judge in report.run_folder.spec.judges}
    for judge in report.judges.values():
        votes, of = asked[judge.judge].samples, _describe_selection(asked[judge.judge])
        by = f", by {votes} votes" if votes > 1 else ""
        if any(each.rate for each in judge.rates) and (
            of or judge.judge != report.analysis.measure
        ):
            scaled = ", scaled to 0 to 100%" if judge.is_graded else ""
            yield f"{judge.judge}: {name_rate(judge)}{scaled}{by}{of}"
        if labels := list_labels(judge):
            yield f"{', '.join(labels)}: share of the answers that {judge.judge} labels so{by}{of}"
        if scores := [name_score(report, judge, name) for name in list_scores(report, judge)]:
            yield f"{', '.join(scores)}: mean score{'s' * (len(scores) > 1)} by {judge.judge}{of}"


def _describe_selection(judge: Judge) -> str:
    """Return of which answers a judge's figures are, where that is not all that it could read."""
    if not isinstance(judge.when, Selection):
        return ""
    if judge.when.rest is not None:
        read = f"{judge.when.rest * 100:g}% of the rest"
        return f", weighted back from {read}" if judge.reads_a_share else ""
    said = [f"{name} says {' or '.join(words)}" for name, words in (judge.when.judge or {}).items()]
    return f", where {' and '.join(said)}" if said else ""


def list_criteria(report: Report) -> Iterator[str]:
    """Yield how often each criterion is met, for each model in all conditions together."""
    for judge in report.judges.values():
        criteria = _find_forms(report)[judge.judge].criteria
        whole = {each.model: each for each in judge.rates}  # the last of a model is all of them
        for model, each in whole.items():
            met = [f"{name} {each.scores[name]:z.1%}" for name in criteria if name in each.scores]
            if met:
                yield f"criteria of {judge.judge} met in {model}: {', '.join(met)}"
