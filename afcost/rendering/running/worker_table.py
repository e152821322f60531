"""The workers of a shared ledger, in `afcost status`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.durations import format_moment
from runner.control import ListedWorker

_MOST_ENDED = 5  # that are shown of those that have ended
_MOST_SHOWN = 40
_HOST_WIDTH = 14  # characters


def show_workers(console: Console, workers: Sequence[ListedWorker]) -> None:
    """Print who works on a shared ledger, and who did so last; nothing of a ledger file."""
    busy = [each for each in workers if each.state != "ended"]
    ended = sorted((e for e in workers if e.state == "ended"), key=lambda each: each.seen_at)
    if not busy:
        return
    shown = (busy + ended[-_MOST_ENDED:])[:_MOST_SHOWN]
    rows = [
        [
            each.name[:8],
            _name_place(each),
            _describe_state(each),
            f"{each.jobs_done:,}",
            f"{each.jobs_open:,}",
        ]
        for each in shown
    ]
    draw.print_table(
        console, ["worker", "where", "state", "jobs done", "open"], rows, left_columns=3
    )
    for said in dict.fromkeys(_describe_waits(shown)):
        draw.print_text(console, said)
    if (more := len(workers) - len(shown)) > 0:
        draw.print_text(console, f"and {more:,} workers more")


def _name_place(worker: ListedWorker) -> str:
    return f"{worker.host[:_HOST_WIDTH]} {worker.process}" if worker.host else "unknown"


def _describe_state(worker: ListedWorker) -> str:
    """Return its state and, where it does not work, since when it left nothing of itself."""
    if worker.state == "working" or not worker.seen_at:
        return worker.state
    return f"{worker.state}, seen {format_moment(worker.seen_at)}"


def _describe_waits(workers: Sequence[ListedWorker]) -> list[str]:
    return [
        f"{each.name[:8]} waits for {wait.model}: {wait.why}"
        for each in workers
        for wait in each.waits
    ]
