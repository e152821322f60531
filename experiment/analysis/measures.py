"""Measures: what an experiment's result is measured by, a judge or the proxy."""

from __future__ import annotations

from experiment.definition import PROXY, ExperimentSpec


def choose_measure(spec: ExperimentSpec) -> str:
    """Return what measures compliance: what the file names, else its first judge, else `proxy`."""
    if spec.measure is not None:
        return spec.measure
    return spec.judges[0].name if spec.judges else PROXY
