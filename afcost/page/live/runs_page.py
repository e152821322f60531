"""All runs: their states, forecasts against actual costs, and how often forecasts held."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from afcost.page.live.addresses import name_run
from afcost.page.live.run_page import STYLES
from afcost.page.shell.document import render_document
from afcost.page.shell.figures import Figures
from afcost.page.shell.sections import Section
from afcost.rendering.coverage_view import coverage_json, describe_coverage
from afcost.rendering.durations import format_moment
from afcost.rendering.run_summary import describe_outcome
from runner.coverage import sum_up_runs
from runner.errors import BadKeptRuns
from runner.watching import ListedRun, RunList, list_finished_runs

_LEVEL = 90  # percent


def render_runs_page(runs: RunList) -> str:
    """Return the page of all runs."""
    finished, problem = [], ""
    try:
        finished = list_finished_runs()
    except BadKeptRuns as error:
        problem = f"{error}"
    listed = runs.read(finished)
    summary = sum_up_runs(finished)
    document = {
        "runs": [_run_json(each) for each in listed],
        "calibration": coverage_json(summary, ()),
    }
    sections = [Section("runs", "All runs"), Section("calibration", "Calibration")]
    return render_document(
        "runs.html.j2",
        styles=STYLES,
        scripts=("tips.js", "runs.js"),
        sections=sections,
        figures=Figures(document),
        listed=listed,
        studies=[_name_study(each) for each in listed],
        names=[name_run(each.folder) if each.folder else "" for each in listed],
        outcomes=[(text, _is_partial(text)) for text in map(_describe, listed)],
        moment=_format_moment,
        held=describe_coverage(summary.runs) if summary.runs else "",
        bases=[each.basis for each in summary.by_basis],
        problem=problem,
        folder=str(runs.folder),
    )


def _name_study(run: ListedRun) -> str:
    """Return the study of a run where its folder is named otherwise; else nothing."""
    return "" if run.folder is None or run.folder.name == run.name else run.name


def _describe(run: ListedRun) -> str:
    if run.error:
        return "cannot be read"
    if run.state is None:
        return "complete"
    outcome = describe_outcome(run.state)
    if not run.paused_at:
        return outcome
    paused = f"paused since {format_moment(run.paused_at)}"
    return paused if run.state.outcome == "running" else f"{outcome}, {paused}"


def _is_partial(outcome: str) -> bool:
    return outcome.startswith(("PARTIAL", "STOPPED"))


def _format_moment(at: datetime | None) -> str:
    return "" if at is None else format_moment(at.isoformat())


def _run_json(run: ListedRun) -> dict[str, Any]:
    """Return a run's figures as JSON; money as decimal strings of US dollars."""
    state = run.state
    planned = sum(stratum.requests for stratum, _ in state.strata) if state else None
    return {
        "name": run.name,
        "outcome": state.outcome if state else None,
        "answered": run.answered if state else None,
        "planned": planned,
        "forecast_usd": _forecast_json(run),
        "actual_usd": run.actual.to_decimal_string() if run.actual is not None else None,
        "inside": run.outcome.is_inside(_LEVEL) if run.outcome else None,
        "cap_usd": state.balance.cap.to_decimal_string() if state else None,
    }


def _forecast_json(run: ListedRun) -> dict[str, float | str | None]:
    if run.outcome is not None:
        return {name: run.outcome.quantiles[name] for name in ("q05", "q95")}
    if run.state is None:
        return {"q05": None, "q95": None}
    total = run.state.run_folder.plan.total.to_json()
    return {name: total[name] for name in ("q05", "q95")}
