"""Pages of estimates and designs, written to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from afcost.options import today
from afcost.page.plans.design_page import render_design_page
from afcost.page.plans.estimate_page import render_estimate_page
from afcost.rendering import console as draw
from estimator.atomic_write import write_atomically
from estimator.design import Question, StudyDesign, Wish, design_study
from estimator.forecast import History, MeasuredCalls
from estimator.plan import Estimate, EstimateOptions
from estimator.wall_time import PlanTime
from estimator.workload import StratumKey
from experiment.definition import Overrides

_LEAST_BUDGET = 0.01  # US dollars, of curves for what costs nothing


def design_as_estimated(
    source: str,
    overrides: Overrides,
    options: EstimateOptions,
    history: History | None,
    known: Mapping[StratumKey, MeasuredCalls],
) -> Callable[[Question], StudyDesign]:
    """Return what answers a question about an experiment, resting on what its estimate rests on.

    Args:
        source: of the experiment.
        overrides: what the command line changes in it.
        options: how it was estimated.
        history: billed usage that lengths were taken from.
        known: the calls of earlier runs that they were taken from before it.
    """
    # What another design would cost is asked, so the study's own answers are paid in it too.
    calls = {key: replace(each, basis="history") for key, each in known.items()}
    return partial(
        design_study,
        source,
        today(),
        overrides=overrides,
        options=options,
        history=history,
        find_calls=(lambda _: calls) if calls else None,
    )


def write_estimate_page(
    path: Path,
    estimate: Estimate,
    plan_path: Path | None,
    design: Callable[[Question], StudyDesign],
    time: PlanTime | None = None,
) -> None:
    """Write an estimate as a page, with what more money would show where levels are compared.

    Args:
        path: of the page.
        estimate: to show.
        plan_path: the saved plan file, if any.
        design: what the same experiment can show; it rests on what the estimate rests on.
        time: how long its requests take; None where that is not known.
    """
    spec = estimate.experiment.spec
    is_compared = spec.compared is not None and len(spec.factors[spec.compared]) > 1
    question = Question(Wish(budget=max(estimate.plan.total.q95, _LEAST_BUDGET)))
    shown = design(question) if is_compared else None
    _write(path, render_estimate_page(estimate, plan_path, shown, time))


def write_design_page(path: Path, design: StudyDesign) -> None:
    """Write a design as a page."""
    _write(path, render_design_page(design))


def _write(path: Path, page: str) -> None:
    write_atomically(path, page)
    draw.print_text(draw.stderr(), f"Wrote the page {path}.")
