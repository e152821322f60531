"""Outcomes: what can measure an experiment, and what the values of a measure are the rate of."""

from __future__ import annotations

from experiment.definition import COMPLIANCE, PROXY, ExperimentSpec

AS_IN_FILE = "as in the file"  # the rule by which votes count, beside others


def list_measures(spec: ExperimentSpec) -> list[str]:
    """Return everything that can measure an experiment: its judges, and the proxy."""
    return [*(judge.name for judge in spec.judges), PROXY]


def find_outcome(spec: ExperimentSpec, measure: str) -> str:
    """Return what a measure's values are the rate of: compliance, or what its verdicts mean.

    Args:
        spec: of the experiment.
        measure: a judge's name, or `proxy`.
    """
    judge = next((each for each in spec.judges if each.name == measure), None)
    return COMPLIANCE if judge is None or judge.form.judges_compliance else judge.meaning


def choose_measure(spec: ExperimentSpec) -> str:
    """Return what measures compliance.

    What the file names, else the first judge whose verdict means refusal or compliance, else
    `proxy`.
    """
    if spec.measure is not None:
        return spec.measure
    judges = (each.name for each in spec.judges if each.form.judges_compliance)
    return next(judges, PROXY)
