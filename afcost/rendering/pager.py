"""Text that may be longer than the terminal, shown in its pager.

What fits is written at once: a pager waits for a key, and in a terminal that a tool runs commands
in, it would wait without end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain

import click

from afcost.rendering.console import stdout

_OPTIONS = "-FRX"  # of less: it ends where all fits, shows colors, and leaves the text standing


def page_text(parts: Iterable[str], *, color: bool | None = None) -> None:
    """Show text in the terminal's pager, or write it where it fits.

    Args:
        parts: of the text, with their line ends; each is made when it is asked for.
        color: whether they may have colors; None where they have none.
    """
    width, height = stdout().size
    read, rows, rest = list[str](), 0, iter(parts)
    for part in rest:
        read.append(part)
        rows += sum(1 + max(len(line) - 1, 0) // width for line in part.splitlines())
        if rows >= height:
            os.environ.setdefault("LESS", _OPTIONS)
            click.echo_via_pager(chain(read, rest), color=color)
            return
    click.echo("".join(read), nl=False, color=color)
