"""`afcost status`: where a run stands, also while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost.rendering import console as draw

if TYPE_CHECKING:
    from runner.results.report import Report


@click.command("status")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> None:
    """Show where RUN, a run folder, stands: requests and money."""
    from runner.results.report import report  # noqa: PLC0415 - heavy, and only needed here
    from runner.run_folder import open_run  # noqa: PLC0415

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


def headline(found: Report) -> str:
    """Say in a phrase how a run stands."""
    ends = {
        "cap": "PARTIAL, stopped at the cap",
        "interrupted": "PARTIAL, interrupted",
        "expired": "PARTIAL, its approval ended",
        "stopped": "PARTIAL, stopped",
        "failed": "PARTIAL, some requests failed",
        "": "PARTIAL, ended without a word",
    }
    return found.outcome if found.outcome != "partial" else ends.get(found.end, "PARTIAL")


def money(found: Report) -> str:
    """Give the balance of a run in one line."""
    balance = found.balance
    parts = [f"spent {balance.settled}"]
    if balance.held:
        parts.append(f"held {balance.held} (sent, perhaps billed)")
    if reserved := balance.reserved + balance.aside:
        parts.append(f"reserved {reserved}")
    return f"{', '.join(parts)}, {balance.free} left of the cap {balance.cap}"
