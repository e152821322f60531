"""Measures: what an experiment's result is measured by, a judge or the proxy."""

from __future__ import annotations

from experiment.definition import PROXY, ExperimentSpec


def choose_measure(spec: ExperimentSpec) -> str:
    """Return what measures compliance.

    What the file names, else the first judge whose verdict means refusal or compliance, else
    `proxy`.
    """
    if spec.measure is not None:
        return spec.measure
    judges = (each.name for each in spec.judges if each.form.judges_compliance)
    return next(judges, PROXY)
