"""Measures: what a result is measured by, a judge or the proxy, and what that is the rate of."""

from __future__ import annotations

from experiment.definition import DEFAULT_VERDICT, PROXY, ExperimentSpec

COMPLIANCE = "compliance"
_OF_COMPLIANCE = {COMPLIANCE, "refusal"}  # meanings of a verdict that say whether it complied


def choose_measure(spec: ExperimentSpec) -> str:
    """Return what measures compliance: what the file names, else its first judge, else `proxy`."""
    if spec.measure is not None:
        return spec.measure
    return spec.judges[0].name if spec.judges else PROXY


def list_measures(spec: ExperimentSpec) -> list[str]:
    """Return everything that can measure an experiment: its judges, and the proxy."""
    return [*(judge.name for judge in spec.judges), PROXY]


def name_outcome(spec: ExperimentSpec, measure: str) -> str:
    """Return what a measure's values are the rate of: compliance, or what its verdicts mean.

    Args:
        spec: of the experiment.
        measure: a judge's name, or `proxy`.
    """
    verdicts = {judge.name: judge.verdict or DEFAULT_VERDICT for judge in spec.judges}
    means = str(verdicts[measure].means) if measure in verdicts else COMPLIANCE
    return COMPLIANCE if means in _OF_COMPLIANCE else means
