"""The parts of a run's page: each is rendered apart, so that only what changed is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from afcost.errors import MissingExtra
from afcost.page.charts.chart import Chart
from afcost.page.charts.spending import ExpectedCost, Moment, draw_spending
from afcost.page.live.addresses import write_address
from afcost.page.shell.document import render_part
from afcost.page.shell.figures import Figures
from afcost.rendering.console import format_dollars
from afcost.rendering.durations import format_moment
from afcost.rendering.next_step import list_next_steps, list_reasons
from afcost.rendering.run_summary import describe_outcome
from afcost.rendering.running.batch_rows import (
    describe_age,
    describe_state,
    leave_out_batches,
    name_work,
)
from afcost.rendering.running.batch_rows import describe_end as describe_batch_end
from afcost.rendering.running.live_line import describe_chance
from afcost.rendering.running.status_view import status_to_json
from experiment.definition import SUBJECT
from runner.execution import StopReason
from runner.forecasting import LiveState
from runner.results.figures import list_savings
from runner.timing import AwayBatch
from runner.watching import RunSnapshot, SpendingPoint

_MOST_WARNINGS = 20
_ROOM_AFTER_NOW = 1.05  # of the time axis


@dataclass(frozen=True, slots=True)
class RunPart:
    """A part of the page.

    Attributes:
        name: of its template, and of its element on the page.
        title: in the navigation; empty for none.
    """

    name: str
    title: str = ""


PARTS = (
    RunPart("state"),
    RunPart("money", "This run"),
    RunPart("chart"),
    RunPart("progress", "Progress"),
    RunPart("batches"),
    RunPart("calls", "Calls"),
    RunPart("latest", "Latest"),
    RunPart("warnings", "Warnings"),
)


def describe_status(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return what `status --format json` has."""
    return status_to_json(
        snapshot.state,
        snapshot.live,
        snapshot.wishes,
        digest=snapshot.digest,
        batches=snapshot.batches,
        caching=list_savings(snapshot.state.run_folder.plan, snapshot.cached),
    )


def describe_run(snapshot: RunSnapshot, status: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a run's page as JSON: its status, and more."""
    return status | {
        "calls": [each.to_json() for each in snapshot.calls],
        "latest": [each.to_json() for each in snapshot.latest],
        "answered": sum(each["answered"] for each in status["strata"]),
        "planned": sum(each["requests"] for each in status["strata"]),
    }


def render_parts(
    snapshot: RunSnapshot, document: dict[str, Any], chart: Markup | str
) -> dict[str, str]:
    """Return each part of the page as HTML, by its name.

    Args:
        snapshot: of the run.
        document: its figures.
        chart: of its spending, or why there is none.
    """
    values = _list_values(snapshot, document) | {"chart": chart}
    return {part.name: render_part(f"live/{part.name}.html.j2", **values) for part in PARTS}


def _list_values(snapshot: RunSnapshot, document: dict[str, Any]) -> dict[str, Any]:
    state = snapshot.state
    return {
        "figures": Figures(document),
        "run": document,
        "name": state.run_folder.plan.name,
        "title": state.run_folder.spec.title,
        "outcome": describe_outcome(state),
        "is_running": state.outcome == "running",
        "is_shared": state.run_folder.ledger_location.is_shared,
        "address": write_address(state.run_folder.path),
        "paused_since": _find_pause(snapshot),
        "reasons": leave_out_batches(list_reasons(state.reason), snapshot.batches),
        "steps": list_next_steps(state),
        "end": describe_end(snapshot),
        "cells": _list_cells(document["strata"]),
        "judges": _list_judges(document["strata"]),
        "batches": [_describe_batch(each) for each in snapshot.batches],
        "clock": snapshot.at.astimezone().strftime("%H:%M:%S"),
        "moment": format_moment,
        "chance": describe_chance,
        "most_warnings": _MOST_WARNINGS,
    }


def _describe_batch(batch: AwayBatch) -> dict[str, str]:
    """Return what is said of a batch that is away, besides its figures."""
    return {
        "work": name_work(batch.note),
        "state": describe_state(batch.note),
        "age": describe_age(batch),
        "end": describe_batch_end(batch),
        "problem": batch.note.problem,
    }


def _find_pause(snapshot: RunSnapshot) -> str:
    is_over = snapshot.state.outcome == "complete" or not snapshot.wishes.is_paused
    return "" if is_over else format_moment(snapshot.wishes.paused_at)


def describe_end(snapshot: RunSnapshot) -> dict[str, str]:
    """Return what is said of the end: its kind, a clock, and whether what was approved holds."""
    view, state = snapshot.live.view, snapshot.state
    if view is None or state.outcome == "complete" or state.end == StopReason.SHOWN:
        return {"kind": "none", "clock": "", "approved": ""}
    kind = view.state.value
    return {
        "kind": kind,
        "clock": _format_end(snapshot),
        "approved": _compare_with_approved(snapshot),
    }


def _format_end(snapshot: RunSnapshot) -> str:
    """Return when a run will likely end, with the ends of that range, by the reader's clock."""
    if snapshot.end is None:
        return ""
    today = snapshot.at.astimezone().date()
    low, likely, high = (
        local.strftime("%H:%M" if local.date() == today else "%d %b %H:%M")
        for local in (
            each.astimezone() for each in (snapshot.end.low, snapshot.end.likely, snapshot.end.high)
        )
    )
    return likely if low == high else f"{likely} ({low} – {high})"


def _compare_with_approved(snapshot: RunSnapshot) -> str:
    """Say whether the forecast of the end is inside the range of the plan that was approved."""
    view, approved = snapshot.live.view, snapshot.state.run_folder.plan.total
    if view is None or view.likely is None or view.state is not LiveState.HOLDS:
        return ""
    if approved.q05 <= view.likely <= approved.q95:
        return "inside the approved range"
    side = "above" if view.likely > approved.q95 else "below"
    range_ = f"{format_dollars(approved.q05)} – {format_dollars(approved.q95)}"
    return f"{side} the approved range, {range_}"


def _list_cells(strata: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each subject's model, with the number of each condition's stratum."""
    subjects = [(at, each) for at, each in enumerate(strata) if each["stage"] == SUBJECT]
    by_model = groupby(subjects, key=lambda each: each[1]["model"])
    return [{"model": model, "numbers": [at for at, _ in found]} for model, found in by_model]


def _list_judges(strata: Sequence[dict[str, Any]]) -> list[int]:
    return [at for at, each in enumerate(strata) if each["stage"] != SUBJECT]


def draw_chart(snapshot: RunSnapshot, spending: Sequence[SpendingPoint]) -> Markup | str:
    """Return the chart of spending as SVG, or why there is none."""
    if not spending:
        return "Nothing was spent yet."
    try:
        return Markup(_make_chart(snapshot, spending).__html__())  # noqa: S704 - drawn here, texts escaped
    except MissingExtra as missing:
        return str(missing)


def _make_chart(snapshot: RunSnapshot, spending: Sequence[SpendingPoint]) -> Chart:
    moments = [
        Moment(each.seconds, each.settled.as_float, each.held.as_float, each.reserved.as_float)
        for each in spending
    ]
    end = _expect_end(snapshot, moments[-1].seconds)
    far = max(moments[-1].seconds, (end and end.seconds) or 0.0) * _ROOM_AFTER_NOW
    return draw_spending(
        moments,
        cap=snapshot.state.balance.cap.as_float,
        write=format_dollars,
        end=end,
        until=max(far, 1.0),
    )


def _expect_end(snapshot: RunSnapshot, now: float) -> ExpectedCost | None:
    """Return the forecast of the end, with a fan to it where it is known when that comes."""
    view, state = snapshot.live.view, snapshot.state
    if view is None or view.likely is None or view.q05 is None or view.q95 is None:
        return None
    if state.outcome == "complete" or view.state is LiveState.DONE:
        return None
    seconds = None
    if snapshot.end is not None and snapshot.began is not None:
        seconds = max((snapshot.end.likely - snapshot.began).total_seconds(), now)
    return ExpectedCost(view.q05, view.likely, view.q95, seconds)
