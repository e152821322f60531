"""`afcost inspect`: evaluations of Inspect, planned and run under a cap."""

from __future__ import annotations

import click

from afcost.lazy_group import LazyGroup

_COMMANDS = {
    "estimate": (
        "afcost.commands.running.inspect.estimate",
        "Forecast what an evaluation costs, or one like a finished one.",
    ),
    "run": (
        "afcost.commands.running.inspect.run",
        "Run an evaluation within a cap, or complete it.",
    ),
}


@click.group("inspect", cls=LazyGroup, sections={"Commands": _COMMANDS})
def inspect_command() -> None:
    """Plan evaluations of Inspect, and run them within a cap.

    Logs of Inspect are read by `afcost import`, and written by `afcost export`.
    """
