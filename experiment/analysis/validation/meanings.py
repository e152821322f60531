"""Meanings: which measures can be held together: what they say, and of which answers."""

from __future__ import annotations

from experiment.analysis.outcomes import find_outcome, list_measures
from experiment.definition import PROXY, ExperimentSpec, Selection

_BY_PROXY = frozenset({"accepted", "not-refused"})  # words that select by the proxy
_EVERY_TAG = frozenset({"accepted", "rejected", "none"})


def group_measures(spec: ExperimentSpec, measure: str) -> dict[str, list[str]]:
    """Return the measures of each meaning: the result's own first, the proxy last.

    Args:
        spec: of the experiment.
        measure: by which its result is measured.
    """
    groups: dict[str, list[str]] = {}
    *judges, proxy = list_measures(spec)
    for name in [*sorted(judges, key=lambda name: name != measure), proxy]:
        groups.setdefault(find_outcome(spec, name), []).append(name)
    return groups


def list_alike(spec: ExperimentSpec, meaning: str) -> list[str]:
    """Return the measures that say the same of an answer, in the experiment's order."""
    return [name for name in list_measures(spec) if find_outcome(spec, name) == meaning]


def find_selecting(spec: ExperimentSpec, measure: str) -> frozenset[str]:
    """Return the measures by which a judge selects what it reads, and draws none of the rest.

    Of what such a measure rules out the judge says nothing, so the two cannot be held against each
    other there. Those by which a judge that it waits for selects are among them.

    Args:
        spec: of the experiment.
        measure: a judge; the proxy selects nothing.
    """
    judge = next((each for each in spec.judges if each.name == measure), None)
    if judge is None:
        return frozenset()
    if not isinstance(judge.when, Selection):
        return frozenset({PROXY}) if judge.when in _BY_PROXY else frozenset()
    if judge.when.rest is not None:
        return frozenset()
    awaited = judge.when.waits_for
    tags = set(judge.when.proxy or _EVERY_TAG)
    found = set() if tags == _EVERY_TAG else {PROXY}
    return frozenset(found.union(awaited, *(find_selecting(spec, each) for each in awaited)))
