"""A progress bar for what takes longer than a second, on terminals only."""

from __future__ import annotations

import time
from typing import Self

from rich import progress
from rich.progress import Progress, TaskID

from afcost.rendering import console as draw

_PATIENCE = 1.0  # seconds, before anything is shown


class Bar:
    """Shows how much is done of what; use it as a context manager, and call it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._console = draw.notes()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if not self._console.is_terminal or time.monotonic() - self._began < _PATIENCE:
            return
        if self._progress is None:
            self._progress = self._started()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _started(self) -> Progress:
        bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            progress.TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        bar.start()
        return bar
