"""What held amounts came to, after `afcost ledger RUN reconcile`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from afcost.rendering import console as draw
from pricing.money import Money
from runner.results import Resolution


def show_resolutions(resolutions: list[Resolution]) -> None:
    """Print what each held attempt cost, and how much of the cap is free again."""
    console = draw.stdout()
    if not resolutions:
        draw.print_text(console, "Nothing is held; nothing to reconcile.")
        return
    rows = [[each.attempt, str(each.held), str(each.billed)] for each in resolutions]
    draw.print_table(console, ["attempt", "held", "billed"], rows)
    held, billed = (sum((getattr(e, n) for e in resolutions), Money()) for n in ("held", "billed"))
    freed = max(held - billed, Money())
    holds = "1 hold" if len(resolutions) == 1 else f"{len(resolutions):,} holds"
    draw.print_text(console, f"{holds} of {held} resolved: {billed} billed, {freed} freed")


def show_unbooked(costs: Mapping[str, Money], export: Path) -> None:
    """Say what a provider's export says beyond what is booked: the cap does not know of it.

    Args:
        costs: written model name -> that cost.
        export: its file.
    """
    for model, cost in costs.items():
        draw.print_text(
            draw.stdout(),
            f"{export.name} says {cost} more for {model} than is booked, so the provider billed "
            "more than its answers said, or the file has calls of other runs. The cap does not "
            "count it: compare its calls with afcost export before you run more.",
            "yellow",
        )
