"""`afcost status`: show the state of a run, also while it is running."""

from __future__ import annotations

from pathlib import Path

import click

from afcost.rendering import console as draw
from afcost.rendering.run_summary import describe_balance, describe_outcome
from runner.results import build_report
from runner.run_folder import open_run_folder


@click.command("status")
@click.argument("run", type=click.Path(path_type=Path))
def status_command(run: Path) -> None:
    """Show the state of RUN, a run folder: requests and money."""
    found = build_report(open_run_folder(run))
    console = draw.stdout()
    draw.print_text(console, f"{found.run_folder.plan.name}: {describe_outcome(found)}", "bold")
    rows = [
        [planned.stage, str(found.run_folder.plan.models[planned.model].name), planned.condition,
         f"{actual.requests:,} of {planned.requests:,}", f"{actual.failed:,}",
         draw.format_dollars(actual.cost), draw.format_dollars(planned.cost.mean)]
        for planned, actual in found.strata
    ]  # fmt: skip
    header = ["stage", "model", "condition", "answered", "failed", "spent", "planned"]
    draw.print_table(console, header, rows, left_columns=3)
    draw.print_text(console, describe_balance(found))
