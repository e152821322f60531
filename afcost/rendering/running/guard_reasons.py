"""What `afcost guard` says of calls and connections that it refused, or did not read."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from afcost.rendering import console as draw
from runner.gateway import CallTally, ConnectionTally

_MOST_REASONS, _MOST_HOSTS = 5, 8


def show_refused(console: Console, tally: CallTally) -> None:
    """Say why calls were refused, but for those after all was stopped."""
    reasons = [each for each in tally.refused.most_common() if each[0] != tally.stopped]
    _show_reasons(console, "refused", reasons)


def show_connections(console: Console, tally: ConnectionTally | None) -> None:
    """Say which connections were not read, so that a provider among their hosts is noticed."""
    if tally is None:
        return
    _show_reasons(console, "connection refused", tally.refused.most_common())
    for host in sorted(tally.distrusted):
        said = f"afcost: a client has roots of its own, and did not trust this process for {host}"
        draw.print_text(console, f"{said}: these calls were not made", "yellow")
    if tally.unread:
        hosts = [f"{host} ({count:,})" for host, count in tally.unread.most_common(_MOST_HOSTS)]
        more = len(tally.unread) - len(hosts)
        others = f" and {draw.format_count(more, 'other host', 'other hosts')}" if more else ""
        said = f"afcost: connections that were passed on unread: {', '.join(hosts)}{others}"
        draw.print_text(console, said, "dim")


def _show_reasons(console: Console, what: str, reasons: Sequence[tuple[str, int]]) -> None:
    """Show why something was refused; a reason may hold a line to copy, which has a line here."""
    for reason, count in reasons[:_MOST_REASONS]:
        times = f" ({count:,} times)" if count > 1 else ""
        first, *others = reason.split("\n")
        for line in (f"afcost: {what}{times}: {first}", *others):
            draw.print_text(console, line, "yellow")
    more = len(reasons) - _MOST_REASONS
    if more > 0:
        told = draw.format_count(more, "other reason", "other reasons")
        draw.print_text(console, f"afcost: {what} for {told} too", "yellow")
