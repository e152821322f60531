"""How a run ended, and what to do next, at the end of `afcost run`."""

from __future__ import annotations

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.command_lines import print_advice
from afcost.rendering.next_step import (
    NextCommands,
    advise,
    describe_end,
    list_reasons,
)
from afcost.rendering.run_summary import describe_balance, describe_count_check
from runner.execution import Progress, StopReason
from runner.results import Report

_MAX_FAILURES = 5


def show_outcome(report: Report, progress: Progress, end: StopReason, then: NextCommands) -> None:
    """Print how a run ended: failures, progress where it is incomplete, money, the next step."""
    console = draw.stderr()
    _print_failures(console, progress)
    _print_headline(console, describe_end(report, end.value), list_reasons(progress.reason))
    if report.sequential and (saving := report.sequential.describe_saving()):
        draw.print_text(console, f"{saving[0].upper()}{saving[1:]}.")
    if end is not StopReason.COMPLETE:
        _print_progress(console, report)
    for name, check in report.counts.items():
        if check.equal < check.calls:
            draw.print_text(console, describe_count_check(name, check), "yellow")
    draw.print_text(console, describe_balance(report))
    print_advice(console, advise(report, end.value, then))


def _print_headline(console: Console, headline: str, reasons: list[str]) -> None:
    """Print how it ended and why, on one line where there is one reason."""
    headline = headline[0].upper() + headline[1:]
    if len(reasons) == 1:
        draw.print_text(console, f"{headline}. {reasons[0]}", "bold")
        return
    draw.print_text(console, f"{headline}{':' if reasons else '.'}", "bold")
    for reason in reasons:
        draw.print_text(console, f"  {reason}", "bold")


def _print_failures(console: Console, progress: Progress) -> None:
    for failure in progress.failed[:_MAX_FAILURES]:
        draw.print_text(console, f"failed: {failure}", "yellow")
    if (more := len(progress.failed) - _MAX_FAILURES) > 0:
        draw.print_text(console, f"failed: {more} more", "yellow")


def _print_progress(console: Console, report: Report) -> None:
    for planned, actual in report.strata:
        if planned.stage == "subject":
            name = f"{report.run_folder.plan.models[planned.model].name} {planned.condition}"
            draw.print_text(
                console, f"  {name}: {actual.requests:,} of {planned.requests:,} answered"
            )
