"""Pages of estimates and designs, written to files."""

from __future__ import annotations

from pathlib import Path

from afcost.options import today
from afcost.page.plans.design_page import render_design_page
from afcost.page.plans.estimate_page import render_estimate_page
from afcost.rendering import console as draw
from estimator.atomic_write import write_atomically
from estimator.design import Question, StudyDesign, Wish, design_study
from estimator.plan import Estimate, EstimateOptions
from experiment.definition import Overrides

_LEAST_BUDGET = 0.01  # US dollars, of curves for what costs nothing


def write_estimate_page(  # noqa: PLR0913 - what it shows, and how it was estimated
    path: Path,
    estimate: Estimate,
    plan_path: Path | None,
    source: str,
    overrides: Overrides,
    options: EstimateOptions,
) -> None:
    """Write an estimate as a page, with what more money would show where levels are compared.

    Args:
        path: of the page.
        estimate: to show.
        plan_path: the saved plan file, if any.
        source: of the experiment.
        overrides: what the command line changes in it.
        options: how it was estimated.
    """
    spec = estimate.experiment.spec
    is_compared = spec.compared is not None and len(spec.factors[spec.compared]) > 1
    question = Question(Wish(budget=max(estimate.plan.total.q95, _LEAST_BUDGET)))
    design = design_study(source, today(), question, overrides, options) if is_compared else None
    _write(path, render_estimate_page(estimate, plan_path, design))


def write_design_page(path: Path, design: StudyDesign) -> None:
    """Write a design as a page."""
    _write(path, render_design_page(design))


def _write(path: Path, page: str) -> None:
    write_atomically(path, page)
    draw.print_text(draw.stderr(), f"Wrote the page {path}.")
