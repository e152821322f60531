"""A run on the terminal, while it goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.text import Text

from afcost.rendering import console as draw
from afcost.rendering.command_lines import name_command
from afcost.rendering.durations import format_duration, format_range
from afcost.rendering.running.live_line import describe_live, describe_looks
from runner.execution import Progress
from runner.forecasting import LiveView
from runner.ledger import AnswerSpool, Ledger
from runner.results import count_current_answers
from runner.run_folder import RunFolder

if TYPE_CHECKING:
    from rich.live import Live

_MAX_WAITING = 120  # characters
_PLAIN_INTERVAL = 30.0  # seconds between lines off a terminal


class RunView:
    """The live line: redrawn on a terminal, a plain line every 30 s elsewhere."""

    def __init__(self) -> None:
        self._console = draw.stderr()
        self._live: Live | None = None
        self._said = time.monotonic()
        self._view: LiveView | None = None
        self._was_paused = False
        self._said_of_looks: set[str] = set()

    def start(self, run: RunFolder, ledger: Ledger) -> None:
        """Begin to show a run."""
        from rich.live import Live  # noqa: PLC0415 - only for a run

        self._run, self._ledger = run, ledger
        self._before = count_current_answers(run)
        watch = name_command("status", run.path)
        draw.print_text(self._console, f"Run folder {run.path}; watch it:  {watch}", "dim")
        self._show_spool(ledger.spool)
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()

    def _show_spool(self, spool: AnswerSpool | None) -> None:
        """Say what became of answers that an earlier run could not write to the ledger."""
        if spool is not None and spool.restored:
            draw.print_text(
                self._console,
                f"Settled {spool.restored:,} answers that were kept when the ledger could not be "
                "written.",
            )
        for path in spool.unsettled if spool is not None else ():
            draw.print_text(
                self._console,
                f"{path}: holds answers that this ledger cannot settle; it is left as it is.",
            )

    def show(self, progress: Progress) -> None:
        """Show the progress."""
        now = time.monotonic()
        self._say_pause(progress)
        if self._live is not None:
            if now - self._said >= 0.1 or progress.end:  # noqa: PLR2004 - seconds between frames
                self._live.update(
                    Text("\n".join(map(draw.show, self._format_lines(progress)))), refresh=True
                )
                self._said = now
        elif now - self._said >= _PLAIN_INTERVAL:
            draw.print_text(self._console, "; ".join(self._format_lines(progress)))
            self._said = now

    def _say_pause(self, progress: Progress) -> None:
        """Say once that a run is paused, and that it goes on."""
        if progress.is_paused == self._was_paused or progress.end is not None:
            return
        self._was_paused = progress.is_paused
        said = "Going on"
        if progress.is_paused:
            said = (
                f"Paused: nothing more is sent. To go on:  {name_command('resume', self._run.path)}"
            )
        self._console.print(Text(draw.show(said)), soft_wrap=True)

    def show_live(self, view: LiveView, warnings: list[str]) -> None:
        """Take the newest forecast of the end; print what is said of it for the first time."""
        self._view = view
        of_looks = {name for name in ("next_look", "not_asked") if getattr(view, name)}
        if of_looks - self._said_of_looks:
            for line in describe_looks(view):
                draw.print_text(self._console, line, "dim")
        self._said_of_looks |= of_looks
        for warning in warnings:
            draw.print_text(self._console, f"Warning: {warning}", "yellow")

    def close(self) -> None:
        """End the live line."""
        if self._live is not None:
            self._live.stop()

    def _format_lines(self, progress: Progress) -> list[str]:
        """Return lines on the work, the money and the end, each shorter than 80 columns."""
        balance, plan = self._ledger.balance, self._run.plan
        done, planned = self._before + progress.answered, plan.request_count
        work = f"{done:,} of {planned:,} answered"
        if self._ledger.is_shared and not progress.crew:
            work = f"{progress.answered:,} of {planned:,} answered by this process"
        if progress.failed:
            work += f", {len(progress.failed):,} failed"
        if progress.waiting and progress.end is None:
            work += f"; waiting for {progress.waiting}"[:_MAX_WAITING]
        if progress.batches and progress.end is None:
            work += f"; {progress.batches}"[:_MAX_WAITING]
        if progress.is_paused and progress.end is None:
            work += "; PAUSED"
        elif progress.end is not None:
            work += "; finishing requests in flight (Ctrl-C holds their cost)"
            work += "; batches go on at their provider" * bool(progress.batches)
        elif self._view is not None and self._view.time_left is not None:
            left = self._view.time_left
            work += f", about {format_duration(left.likely)} to go ({format_range(left)})"
        if progress.crew and progress.end is None:
            work += f"; {progress.crew}"
        held = f", held {balance.held}" if balance.held else ""
        money = (
            f"spent {balance.settled} of likely {draw.format_dollars(plan.total.mean)}, "
            f"reserved {balance.reserved + balance.aside}{held}, "
            f"left {balance.free} of {balance.cap}"
        )
        end = [describe_live(self._view, balance)] if self._view is not None else []
        return [work, money, *end]
