"""`afcost prices`: look up, compare, update and check prices."""

from __future__ import annotations

import click

from afcost.lazy_group import LazyGroup

_COMMANDS = {
    "list": ("afcost.commands.data.prices.listing", "List models and their prices."),
    "show": ("afcost.commands.data.prices.show", "Show every known price of a model."),
    "quote": (
        "afcost.commands.data.prices.quote",
        "Price an experiment at every provider of a model.",
    ),
    "check": ("afcost.commands.data.prices.check", "Check the prices an experiment uses."),
    "update": ("afcost.commands.data.prices.update", "Fetch current price lists."),
    "diff": (
        "afcost.commands.data.prices.diff",
        "Show what changed since a plan, or since the last update.",
    ),
}


@click.group("prices", cls=LazyGroup, sections={"Commands": _COMMANDS})
def prices_command() -> None:
    """Look up, compare, update and check prices; all in US dollars per million tokens.

    The first source that has a price is used: --price, afcost.prices.yaml, the lists fetched
    by `afcost prices update`, the package genai-prices, afcost's own table, and two published
    third-party tables, in this order. A plan pins the prices it uses.
    """
