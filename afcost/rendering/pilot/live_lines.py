"""A pilot on the terminal, while it goes on."""

from __future__ import annotations

from afcost.rendering.running.run_view import RunView
from runner.execution import Progress
from runner.pilot import Look


class PilotView(RunView):
    """The live lines of a pilot."""

    def __init__(self) -> None:
        super().__init__()
        self._look: Look | None = None

    def show_look(self, look: Look) -> None:
        """Show what a look found, from now on."""
        self._look = look

    def _format_lines(self, progress: Progress) -> list[str]:
        """Return a line on the work and one on the money."""
        work = f"pilot: {progress.answered:,} answered"
        if self._look is not None:
            work += f"; {_describe_width(self._look)} after {self._look.queries} queries of each"
        if progress.failed:
            work += f"; {len(progress.failed):,} failed"
        if progress.end is not None:
            work += "; finishing requests in flight (Ctrl-C holds their cost)"
        balance = self._ledger.balance
        held = f", held {balance.held}" if balance.held else ""
        reserved = balance.reserved + balance.aside
        money = (
            f"spent {balance.settled}, reserved {reserved}{held}, left {balance.free} of "
            f"{balance.cap}"
        )
        return [work, money]


def _describe_width(look: Look) -> str:
    return "no range yet" if look.width is None else f"±{look.width:.0%}"
