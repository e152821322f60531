"""`afcost doctor`: check tokenizers, cache and calibration."""

from __future__ import annotations

import click

from afcost import errors
from afcost.rendering import console as draw
from estimator.counting import run_self_checks


@click.command("doctor")
@click.option("-v", "--verbose", is_flag=True, help="Also show passed checks.")
def doctor_command(*, verbose: bool) -> int:
    """Check vocabularies, chat formats, the count cache and the calibration from past bills.

    Exits with code 1 if a check fails.
    """
    found = list(run_self_checks())
    console = draw.stdout()
    for check in found:
        if check.ok is True and not verbose:
            continue
        mark, style = {True: ("ok", "green"), False: ("FAIL", "bold red"), None: ("note", "dim")}[
            check.ok
        ]
        draw.print_text(console, f"{mark:<6}{check.name}: {check.detail}", style)
    wrong = sum(check.ok is False for check in found)
    right = sum(check.ok is True for check in found)
    draw.print_text(console, f"{right} of {right + wrong} checks passed", "bold")
    return errors.ERROR if wrong else errors.DONE
