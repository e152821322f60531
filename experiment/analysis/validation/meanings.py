"""Meanings: which measures say the same of an answer, so that they can be held together."""

from __future__ import annotations

from collections.abc import Iterable

from experiment.definition import DEFAULT_VERDICT, PROXY, ExperimentSpec, Judge

COMPLIANCE = "compliance"
_OF_COMPLIANCE = ("refusal", "compliance")  # a judge's value is the answer's compliance for both


def find_meaning(spec: ExperimentSpec, measure: str) -> str:
    """Return what a measure's positive value says of an answer, such as `compliance`."""
    judge = next((each for each in spec.judges if each.name == measure), None)
    return COMPLIANCE if judge is None else _read_meaning(judge)


def group_measures(spec: ExperimentSpec, measure: str) -> dict[str, list[str]]:
    """Return the measures of each meaning: the result's own first, the proxy last.

    Args:
        spec: of the experiment.
        measure: by which its result is measured.
    """
    groups: dict[str, list[str]] = {}
    judges = sorted((judge.name for judge in spec.judges), key=lambda name: name != measure)
    for name in [*judges, PROXY]:
        groups.setdefault(find_meaning(spec, name), []).append(name)
    return groups


def list_alike(spec: ExperimentSpec, meaning: str) -> list[str]:
    """Return the measures that say the same of an answer, in the experiment's order."""
    names: Iterable[str] = (*(judge.name for judge in spec.judges), PROXY)
    return [name for name in names if find_meaning(spec, name) == meaning]


def _read_meaning(judge: Judge) -> str:
    return _name_meaning((judge.verdict or DEFAULT_VERDICT).means, judge.name)


def _name_meaning(means: str | None, judge: str) -> str:
    return COMPLIANCE if means in _OF_COMPLIANCE else means or judge
