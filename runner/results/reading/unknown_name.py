"""The error of a name that a run does not have: it says which names it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from runner.errors import BadRun

_SHOWN = 12  # of known names


def name_unknown(
    option: str, given: str, known: Iterable[str], what: str = "value", meant: Sequence[str] = ()
) -> BadRun:
    """Return the error of a name that a run does not have, with those that it has.

    Args:
        option: in which it is given; one that ends with `=` is followed by it without a space.
        given: the name.
        known: all that the run has.
        what: they are names of.
        meant: those of them that are meant, if it can be told; else the one most alike.
    """
    names = list(known)
    close = list(meant[:1]) or get_close_matches(given, names, 1)
    hint = f"; did you mean {close[0]}?" if close else "."
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    space = "" if option.endswith("=") else " "
    return BadRun(
        f"{option}{space}{given}: the run has no such {what}{hint} "
        f"It has: {', '.join(names[:_SHOWN]) or 'none'}{more}"
    )
