"""`afcost prices`: what models cost, where that comes from, and how sure it is."""

from __future__ import annotations

from importlib import import_module

import click

# name -> (module, what the help says), as in `afcost.cli`.
_COMMANDS = {
    "list": ("afcost.prices.listing", "List models and their prices."),
    "show": ("afcost.prices.show", "Show all that is known of one model's price."),
    "quote": ("afcost.prices.quote", "Price an experiment at every provider of a model."),
    "check": ("afcost.prices.check", "Check the prices that an experiment rests on."),
    "update": ("afcost.prices.update", "Fetch price lists anew."),
    "diff": ("afcost.prices.diff", "Show what changed since a plan, or since the last update."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group("prices", cls=_Lazy)
def command() -> None:
    """Look up, compare, refresh and check prices; all in US dollars per million tokens.

    A price comes from the highest layer that has one: --price, afcost.prices.yaml, price lists
    that `afcost prices update` fetched, the genai-prices package, afcost's own table, and two
    published tables of others. A plan pins what they said.
    """
