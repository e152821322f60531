"""`afcost doctor`: check tokenizers, cache and calibration, and list the known ledgers."""

from __future__ import annotations

from pathlib import Path

import click

from afcost import errors
from afcost.rendering import console as draw
from estimator.counting import run_self_checks
from runner.state import KnownLedger, list_known_ledgers


@click.command("doctor")
@click.option("-v", "--verbose", is_flag=True, help="Also show passed checks.")
def doctor_command(*, verbose: bool) -> int:
    """Check vocabularies, chat formats, the count cache and the calibration from past bills.

    Also list the ledgers that were written on this machine, and how far each of them had come.

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
    _show_known_ledgers()
    draw.print_text(console, f"{right} of {right + wrong} checks passed", "bold")
    return errors.ERROR if wrong else errors.DONE


def _show_known_ledgers() -> None:
    """Show the ledgers of which the state directory knows how far they had come."""
    rows = [_describe_known_ledger(each) for each in list_known_ledgers()]
    if rows:
        header = ["ledger", "study", "entries", "spent or reserved", "where"]
        draw.print_table(draw.stdout(), header, rows, left_columns=2)


def _describe_known_ledger(known: KnownLedger) -> list[str]:
    mark, place = known.newest, known.location
    gone = "" if "://" in place or Path(place).exists() else "  (gone)"
    counted = [f"{mark.seq:,}", str(mark.committed)] if mark else ["", ""]
    return [known.identity[:12], known.study, *counted, f"{place}{gone}"]
