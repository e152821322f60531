"""Consent: what the user says yes to before money is spent, on a terminal or by flags."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Collection, Mapping, Sequence

from afcost.errors import Refused
from afcost.rendering import console as draw
from runner.approval import Confirmation

Given = Mapping[str, Collection[str]]  # an option of `afcost approve` -> its values


def ask_consent(
    question: str, needed: Sequence[Confirmation], given: Given, *, yes: bool, flags: str
) -> None:
    """Ask whether money may be spent, together with what else is unusual about a plan.

    Args:
        question: to ask on a terminal.
        needed: what is confirmed beside the amount.
        given: the values of the options that confirm it, where `yes` stands for the answer.
        yes: do not ask.
        flags: what to add off a terminal, such as `--yes`.

    Raises:
        Refused: the answer was no, it cannot be asked, or a confirmation is not given.
    """
    if yes:
        _refuse_ungiven([each for each in needed if each.value not in given[each.option]])
        return
    if not sys.stdin.isatty():
        more = "".join(f" {each.flag}" for each in needed)
        raise Refused(f"not a terminal; pass {flags}{more} to approve")
    if needed:
        draw.print_text(draw.stdout(), "Approving it also confirms:", "bold")
    for each in needed:
        draw.print_text(draw.stdout(), f"  {each.line}", "yellow")
    if not draw.confirm(question):
        raise Refused("not approved")


def find_current_user() -> str:
    """Return the name of the user who approves."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _refuse_ungiven(missing: Sequence[Confirmation]) -> None:
    if missing:
        lines = "\n".join(f"  {each.line}:  {each.flag}" for each in missing)
        raise Refused(
            "--yes alone does not confirm these. Check them above, and add the option of each that "
            f"is right:\n{lines}"
        )
