"""Outcomes: what can measure an experiment, and what the values of a measure are the rate of."""

from __future__ import annotations

from experiment.definition import DEFAULT_VERDICT, PROXY, ExperimentSpec

COMPLIANCE = "compliance"
_OF_COMPLIANCE = {COMPLIANCE, "refusal"}  # meanings of a verdict that say whether it complied


def list_measures(spec: ExperimentSpec) -> list[str]:
    """Return everything that can measure an experiment: its judges, and the proxy."""
    return [*(judge.name for judge in spec.judges), PROXY]


def name_outcome(spec: ExperimentSpec, measure: str) -> str:
    """Return what a measure's values are the rate of: compliance, or what its verdicts mean.

    Args:
        spec: of the experiment.
        measure: a judge's name, or `proxy`.
    """
    meanings: dict[str, str | None] = {
        judge.name: (judge.verdict or DEFAULT_VERDICT).means for judge in spec.judges
    }
    means = meanings.get(measure, COMPLIANCE)
    return COMPLIANCE if means in _OF_COMPLIANCE else means or measure
