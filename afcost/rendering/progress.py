"""A progress bar for anything that takes longer than a second, on terminals only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from afcost.rendering import console as draw

if TYPE_CHECKING:
    from rich.progress import Progress, Task, TaskID

_SHOW_AFTER = 1.0  # seconds, before anything is shown
_BAR_WIDTH = 20  # columns; the rest of the line fits a terminal of 80


class ProgressBar:
    """Shows progress; use it as a context manager, and call it to update it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._console = draw.stderr()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __call__(self, label: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if not self._console.is_terminal or time.monotonic() - self._began < _SHOW_AFTER:
            return
        if self._progress is None:
            self._progress = self._start_progress()
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(draw.show(label), total=total)
        self._progress.update(self._tasks[label], completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _start_progress(self) -> Progress:
        from rich import progress  # noqa: PLC0415 - most commands end before there is any

        class RateColumn(progress.ProgressColumn):
            """How many are done in a second."""

            def render(self, task: Task) -> str:
                return f"{task.speed:,.0f}/s" if task.speed else ""

        bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(_BAR_WIDTH),
            progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            RateColumn(),
            progress.TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        bar.start()
        return bar
