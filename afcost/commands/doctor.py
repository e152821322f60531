"""`afcost doctor`: check what counting rests on, and show what was learned."""

from __future__ import annotations

import click

from afcost import errors
from afcost.rendering import console as draw
from estimator.counting.self_check import checks


@click.command("doctor")
@click.option("-v", "--verbose", is_flag=True, help="Also show passed checks.")
def command(*, verbose: bool) -> int:
    """Check vocabularies, chat formats, the token count cache and calibration from bills.

    Exits with 1 if a check fails.
    """
    found = list(checks())
    console = draw.out()
    for check in found:
        if check.ok is True and not verbose:
            continue
        mark, style = {True: ("ok", "green"), False: ("FAIL", "bold red"), None: ("note", "dim")}[
            check.ok
        ]
        draw.say(console, f"{mark:<6}{check.name}: {check.found}", style)
    wrong = sum(check.ok is False for check in found)
    right = sum(check.ok is True for check in found)
    draw.say(console, f"{right} of {right + wrong} checks passed", "bold")
    return errors.ERROR if wrong else errors.DONE
