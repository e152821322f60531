"""`afcost status`: show the state of a run, also while it is running."""

from __future__ import annotations

from pathlib import Path

import click

from afcost.rendering import console as draw
from afcost.rendering.next_step import list_next_steps, list_reasons, print_advice
from afcost.rendering.run_summary import describe_balance, describe_outcome, describe_turns
from runner.results import build_report
from runner.run_folder import open_run_folder


@click.command("status")
@click.argument("run", type=click.Path(path_type=Path))
def status_command(run: Path) -> None:
    """Show the state of RUN, a run folder: requests and money.

    Also why it stopped, and what to do next.
    """
    found = build_report(open_run_folder(run))
    console = draw.stdout()
    draw.print_text(console, f"{found.run_folder.plan.name}: {describe_outcome(found)}", "bold")
    for line in list_reasons(found.reason):
        draw.print_text(console, line)
    open_ = ["unknown" if found.has_crashed else "in flight"] * any(
        actual.in_flight for _, actual in found.strata
    )
    rows = [
        [planned.stage, str(found.run_folder.plan.models[planned.model].name), planned.condition,
         f"{actual.requests:,} of {planned.requests:,}",
         *(f"{actual.in_flight:,}" for _ in open_), f"{actual.failed:,}",
         draw.format_dollars(actual.cost), draw.format_dollars(planned.cost.mean)]
        for planned, actual in found.strata
    ]  # fmt: skip
    header = ["stage", "model", "condition", "answered", *open_, "failed", "spent", "planned"]
    draw.print_table(console, header, rows, left_columns=3)
    for line in (*describe_turns(found), describe_balance(found)):
        draw.print_text(console, line)
    print_advice(console, list_next_steps(found))
