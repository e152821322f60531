"""A sequential test in words, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence

from experiment.analysis.sequential.bounds import find_expected_share
from experiment.analysis.sequential.looks import SequentialDesign
from experiment.definition import ExperimentSpec


def describe_sequential(spec: ExperimentSpec, queries: int) -> str:
    """Return what a sequential test does and may save; empty where there is none.

    Args:
        spec: of the experiment.
        queries: how many it has.
    """
    design = SequentialDesign.of_experiment(spec, queries)
    if design is None:
        return ""
    models = len(spec.models)
    each = f", {design.alpha:.1%} for each of {models} models" if models > 1 else ""
    share = find_expected_share(design.looks, design.alpha)
    return (
        f"sequential test: {design.looks} looks, after {_list(design.places)} queries; a model is "
        f"asked nothing more once its gap between {' and '.join(design.between)} is shown "
        f"(O'Brien-Fleming, 5% over all looks{each}). All figures are of the whole run, which is "
        f"what no gap costs; a gap that is shown 4 times in 5 takes about {share:.0%} of it on "
        "average, a larger one less"
    )


def _list(places: Sequence[int]) -> str:
    return f"{', '.join(f'{place:,}' for place in places[:-1])} and {places[-1]:,}"
