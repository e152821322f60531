"""Meanings: which measures say the same of an answer, so that they can be held together."""

from __future__ import annotations

from experiment.analysis.outcomes import list_measures, name_outcome
from experiment.definition import ExperimentSpec


def group_measures(spec: ExperimentSpec, measure: str) -> dict[str, list[str]]:
    """Return the measures of each meaning: the result's own first, the proxy last.

    Args:
        spec: of the experiment.
        measure: by which its result is measured.
    """
    groups: dict[str, list[str]] = {}
    *judges, proxy = list_measures(spec)
    for name in [*sorted(judges, key=lambda name: name != measure), proxy]:
        groups.setdefault(name_outcome(spec, name), []).append(name)
    return groups


def list_alike(spec: ExperimentSpec, meaning: str) -> list[str]:
    """Return the measures that say the same of an answer, in the experiment's order."""
    return [name for name in list_measures(spec) if name_outcome(spec, name) == meaning]
