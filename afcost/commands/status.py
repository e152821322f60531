"""`afcost status`: where a run stands, also while it runs."""

from __future__ import annotations

from pathlib import Path

import click

from afcost.rendering import console as draw
from afcost.rendering.run_summary import headline, money
from runner.results.report import report
from runner.run_folder import open_run


@click.command("status")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> None:
    """Show the progress and cost of RUN, a run folder."""
    found = report(open_run(run))
    console = draw.out()
    draw.say(console, f"{found.run.plan.name}: {headline(found)}", "bold")
    rows = [
        [planned.stage, str(found.run.plan.models[planned.model].name), planned.condition,
         f"{actual.requests:,} of {planned.requests:,}", f"{actual.failed:,}",
         draw.dollars(actual.cost), draw.dollars(planned.cost.mean)]
        for planned, actual in found.strata
    ]  # fmt: skip
    header = ["stage", "model", "condition", "answered", "failed", "spent", "planned"]
    draw.table(console, header, rows, left=3)
    draw.say(console, money(found))
