"""`afcost prices`: what models cost, where that comes from, and how sure it is."""

from __future__ import annotations

import click

from afcost.lazy_group import Lazy

_COMMANDS = {
    "list": ("afcost.commands.prices.listing", "List models and their prices."),
    "show": ("afcost.commands.prices.show", "Show all that is known of one model's price."),
    "quote": ("afcost.commands.prices.quote", "Price an experiment at every provider of a model."),
    "check": ("afcost.commands.prices.check", "Check the prices that an experiment rests on."),
    "update": ("afcost.commands.prices.update", "Fetch price lists anew."),
    "diff": (
        "afcost.commands.prices.diff",
        "Show what changed since a plan, or since the last update.",
    ),
}


@click.group("prices", cls=Lazy, modules=_COMMANDS)
def command() -> None:
    """Look up, compare, refresh and check prices; all in US dollars per million tokens.

    A price comes from the highest layer that has one: --price, afcost.prices.yaml, price lists
    that `afcost prices update` fetched, the genai-prices package, afcost's own table, and two
    published tables of others. A plan pins what they said.
    """
