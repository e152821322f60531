"""`afcost status`: show the state of a run, also while it is running."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.rendering import console as draw
from afcost.rendering.running.guard_view import show_guard_report
from afcost.rendering.running.status_view import show_status, status_to_json
from runner.control import ListedWorker, Wishes, list_workers, open_notes, read_wishes
from runner.errors import LedgerError
from runner.forecasting import read_status
from runner.gateway import build_guard_report, is_guard_folder, open_guard_folder
from runner.launch import find_live_note, find_waiting_approval
from runner.ledger import read_ledger
from runner.results.figures import list_savings
from runner.run_folder import open_run_folder
from runner.timing import list_away


@click.command("status")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="Output format.")  # fmt: skip
def status_command(*, run: Path, format_: str) -> None:
    """Show the state of RUN, a run folder: requests, money, what it will have cost, and when.

    Also who works on a shared ledger, what was warned of, why it stopped, and what to do next.
    """
    if is_guard_folder(run):
        report = build_guard_report(open_guard_folder(run))
        if format_ == "json":
            click.echo(draw.show_json(report.to_json()))
        else:
            show_guard_report(draw.stdout(), report)
        return
    opened, wishes, now = open_run_folder(run), Wishes(), datetime.now(UTC)
    found = read_status(opened)
    live = find_live_note(opened, now, is_done=found.outcome == "complete")
    waiting = find_waiting_approval(opened, now)
    workers: list[ListedWorker] = []
    with suppress(LedgerError), open_notes(opened.ledger_location) as notes:
        wishes = read_wishes(notes)
        workers = list_workers(opened.ledger_location)
    with read_ledger(opened.ledger_location, was_checked=True) as reader:
        open_chunks = reader.open_chunks()
        timed = list(reader.chunk_times()) if open_chunks else []
        is_cached = any(each.caching for each in opened.plan.models.values())
        caching = list_savings(opened.plan, reader.sum_cached()) if is_cached else []
    batches = list_away(opened.plan, open_chunks, timed, now)
    if format_ == "json":
        told = status_to_json(
            found, live, wishes, waiting, workers=workers, batches=batches, caching=caching
        )
        click.echo(draw.show_json(told))
        return
    show_status(draw.stdout(), found, live, wishes, waiting, workers, batches, caching)
