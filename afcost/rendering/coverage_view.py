"""How often the ranges of finished runs held, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from afcost.rendering.console import format_dollars, print_table, print_text
from runner.coverage import Coverage, CoverageSummary, FinishedRun

CALIBRATION_SCHEMA = "afcost.calibration/1"
_HEADER = ["basis", "count", "inside", "below", "above", "share", "95% interval", "/ likely"]
_RUN_HEADER = ["study", "finished", "basis", "90% range", "actual", ""]
_LATEST = 10
_TOO_UNSURE = 0.7  # a share of which the interval begins lower may be anything


def print_coverage(console: Console, summary: CoverageSummary, runs: Sequence[FinishedRun]) -> None:
    """Print how often the 90 % ranges held, in a sentence and as tables."""
    if summary.runs is None:
        print_text(console, "no run has finished yet, so nothing is known of how forecasts hold")
        return
    print_text(console, describe_coverage(summary.runs), "bold")
    for each in summary.by_basis:
        if each.finding != "agrees" and len(summary.by_basis) > 1:
            print_text(console, f"by {each.basis}: {describe_coverage(each)}")
    print_text(console, "")
    rows = [_list_cells(each) for each in (*summary.by_basis, summary.runs)]
    print_table(console, ["runs", *_HEADER[1:]], rows, has_total=True)
    print_text(console, "")
    print_table(console, ["strata", *_HEADER[1:]], [_list_cells(each) for each in summary.strata])
    print_text(
        console,
        "strata of one run have much in common, so the intervals of theirs are too short",
        "dim",
    )
    print_text(console, "")
    latest = sorted(runs, key=lambda run: run.finished)[-_LATEST:]
    print_table(console, _RUN_HEADER, [_list_run(run) for run in latest], left_columns=3)


def describe_coverage(found: Coverage) -> str:
    """Return how often the range held, and what that says, as a sentence."""
    runs = "run" if found.count == 1 else "runs"
    held = (
        f"the 90% range held in {found.inside} of {found.count} {runs}: {found.share:.0%}, "
        f"95% interval {found.low:.0%} to {found.high:.0%}"
    )
    if found.finding == "narrow":
        return f"{held}. The ranges are too narrow: expect actual costs outside of them."
    if found.finding == "wide":
        return f"{held}. The ranges are wider than they need be."
    if found.low < _TOO_UNSURE:
        return f"{held}. Too few runs to tell; nothing speaks against 90%."
    return f"{held}. That agrees with 90%."


def coverage_json(summary: CoverageSummary, runs: Iterable[FinishedRun]) -> dict[str, Any]:
    """Return it as stable JSON; money as decimal strings of US dollars."""
    return {
        "schema": CALIBRATION_SCHEMA,
        "level": 0.9,
        "runs": _coverage_json(summary.runs) if summary.runs else None,
        "by_basis": {each.basis: _coverage_json(each) for each in summary.by_basis},
        "strata_by_basis": {each.basis: _coverage_json(each) for each in summary.strata},
        "finished": [run.to_json() for run in runs],
    }


def _coverage_json(found: Coverage) -> dict[str, Any]:
    return {
        "count": found.count,
        "inside": found.inside,
        "below": found.below,
        "above": found.above,
        "share": found.share,
        "interval": [found.low, found.high],
        "finding": found.finding,
        "actual_to_likely": found.ratio,
    }


def _list_cells(found: Coverage) -> list[str]:
    return [
        found.basis or "all",
        *(f"{number:,}" for number in (found.count, found.inside, found.below, found.above)),
        f"{found.share:.0%}",
        f"{found.low:.0%} to {found.high:.0%}",
        "" if found.ratio is None else f"x{found.ratio:.2f}",
    ]


def _list_run(run: FinishedRun) -> list[str]:
    low, high = (format_dollars(run.total.quantiles[name]) for name in ("q05", "q95"))
    where = "inside" if run.total.is_inside(90) else "outside"
    actual = format_dollars(run.total.actual)
    day = f"{run.finished:%Y-%m-%d}"
    return [run.study, day, run.total.basis, f"{low} – {high}", actual, where]
