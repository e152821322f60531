"""What `afcost guard` says before a program starts."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from afcost.rendering import console as draw
from pricing.money import Money
from providers.provider import Provider
from runner.gateway import GUARD_VARIABLE, GuardFolder, list_own_addresses, list_ways_around


def show_start(console: Console, cap: Money, folder: GuardFolder) -> None:
    """Say under which cap a program starts."""
    draw.print_text(console, f"afcost: cap {cap}, ledger in {folder.path}", "dim")


def show_surroundings(
    console: Console, environment: Mapping[str, str], providers: Mapping[str, Provider]
) -> None:
    """Name variables that were meant for other servers than those that calls go to.

    Their values are not shown: an address may hold a password.

    Args:
        console: to say it on.
        environment: of this process.
        providers: where a program's calls go, by name.
    """
    own = {} if GUARD_VARIABLE in environment else list_own_addresses(environment, providers)
    for variable, name in own.items():
        if providers[name].builtin_url:  # else --upstream says where
            said = f"afcost: calls of {name}'s clients go to {name}, not to what {variable} says"
            base = providers[name].base_url.rpartition("/")[2]  # such as `v1`
            mend = f"if they should, give --upstream {name}=http://HOST/{base}"
            draw.print_text(console, f"{said}; {mend}", "yellow")
    for variable, cloud in list_ways_around(environment).items():
        said = f"afcost: {variable} is set: calls to {cloud} go past the cap"
        draw.print_text(console, said, "yellow")
