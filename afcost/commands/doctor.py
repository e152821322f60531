"""`afcost doctor`: check what counting rests on, and show what was learned."""

from __future__ import annotations

import click

from afcost import errors
from afcost.rendering import console as draw
from estimator.counting.self_check import checks


@click.command("doctor")
@click.option("-v", "--verbose", is_flag=True, help="Show also what is as it must be.")
def command(*, verbose: bool) -> int:
    """Check vocabularies, chat formats, the cache of counts, and what bills have taught.

    Ends with 1 if anything is not as it must be.
    """
    found = list(checks())
    console = draw.out()
    for check in found:
        if check.ok is True and not verbose:
            continue
        mark, style = {True: ("ok", "green"), False: ("WRONG", "bold red"), None: ("note", "dim")}[
            check.ok
        ]
        draw.say(console, f"{mark:<6}{check.name}: {check.found}", style)
    wrong = sum(check.ok is False for check in found)
    right = sum(check.ok is True for check in found)
    draw.say(console, f"{right} of {right + wrong} checks are as they must be", "bold")
    return errors.ERROR if wrong else errors.DONE
