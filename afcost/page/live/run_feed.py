"""The feed of a run: what its watchers are told, and when.

It looks at the run only while somebody watches. All watchers are told the same: the number of the
newest version of the page's parts, and the figures of its status. They then ask for the parts that
have changed since the version that they show.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from afcost.page.live.pace import SHORTEST, Pace
from afcost.page.live.run_parts import describe_run, describe_status, draw_chart, render_parts
from afcost.rendering.console import show
from runner.watching import RunFollower, RunSnapshot

_STALE = 15.0  # seconds after which rates and clocks are shown again, also where nothing moved
MOST_WATCHERS = 32
_LONGEST_ERROR = 500  # characters
_GROWTH = 4.0  # a chart is drawn again where the run has lasted so many times as long


@dataclass(frozen=True, slots=True)
class Update:
    """What a watcher is told.

    Attributes:
        version: of the newest part.
        figures: as `status --format json` has them; empty where the run cannot be read.
        error: why it cannot; empty where it can.
    """

    version: int
    figures: dict[str, Any]
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"version": self.version, "figures": self.figures, "error": self.error}


@dataclass(slots=True)
class RenderedPart:
    """A part of the page as HTML, and the version in which it changed last."""

    version: int
    html: str


@dataclass(slots=True)
class RunFeed:
    """The feed of one run.

    Attributes:
        folder: of the run.
        snapshot: the newest one; None before the first look.
        update: that watchers were told last.
        watchers: how many there are.
    """

    folder: Path
    snapshot: RunSnapshot | None = None
    update: Update = field(default_factory=lambda: Update(0, {}))
    watchers: int = 0
    _parts: dict[str, RenderedPart] = field(default_factory=dict)
    _follower: RunFollower | None = None
    _chart: Markup | str = ""
    _drawn_at: float = 0.0
    _drawn: object = None  # what the chart was drawn of
    _drawn_state: object = None  # the same, whether the run goes on
    _covered: float = 0.0  # seconds of the run that it shows
    _shown: object = None  # what the parts were rendered of
    _shown_at: float = 0.0
    _looked_at: float = 0.0
    _pace: Pace = field(default_factory=Pace)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reading: threading.Lock = field(default_factory=threading.Lock)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Look at the run, unless that was done just now.

        Raises:
            RunnerError: it cannot be read.
        """
        async with self._busy:
            if time.monotonic() - self._looked_at >= SHORTEST or self.update.error:
                await self._look()

    async def look_now(self) -> None:
        """Look at the run at once, such as after a change that the page made."""
        async with self._busy:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - told to those who watch; it may pass
                self._follower = None
                said = show(f"{error}" or type(error).__name__)[:_LONGEST_ERROR]
                self._tell(Update(self.update.version, {}, said))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at the run again and again, for the duration of the context."""
        self.watchers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            self.watchers -= 1
            if not self.watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def wait_for_news(self, told: Update) -> None:
        """Wait until there is another update than the one that was told, or `wake`."""
        if self.update is told:
            await self._news.wait()

    def wake(self) -> None:
        """Let all who wait look again."""
        self._news.set()
        self._news = asyncio.Event()

    @contextmanager
    def charged(self) -> Iterator[None]:
        """Count what its watchers are sent to what it takes of a processor."""
        began = time.process_time()
        yield
        self._pace.take(time.process_time() - began)

    def list_parts(self, after: int) -> dict[str, RenderedPart]:
        """Return the parts that are newer than a version."""
        return {name: part for name, part in self._parts.items() if part.version > after}

    async def _look_on(self) -> None:
        while True:
            is_running = self.snapshot is None or self.snapshot.state.outcome == "running"
            await asyncio.sleep(self._pace.wait_seconds(is_running=is_running))
            await self.look_now()

    async def _look(self) -> None:
        """Look once: read what is new, draw what changed, and tell of it."""
        began, is_first = time.process_time(), self.snapshot is None
        self.snapshot = snapshot = await asyncio.to_thread(self._read)
        self._looked_at = time.monotonic()
        self._pace.earn(snapshot.run_cpu_seconds, self._looked_at)
        await self._draw(snapshot)
        found = _identify(snapshot), self._drawn
        if found != self._shown or self._looked_at - self._shown_at > _STALE or self.update.error:
            self._shown, self._shown_at = found, self._looked_at
            self._render(snapshot)
        if not is_first:  # that loads what is needed, which is not the run's matter
            self._pace.take(time.process_time() - began)

    def _read(self) -> RunSnapshot:
        # A look goes on in its thread after its task is cancelled: the next one waits for it.
        with self._reading:
            if self._follower is None:
                self._follower = RunFollower(self.folder)
            return self._follower.look(datetime.now(UTC))

    async def _draw(self, snapshot: RunSnapshot) -> None:
        shown = _identify(snapshot)
        if shown == self._drawn or not self._may_draw(snapshot):
            return
        began = time.process_time()
        spending = self._follower.list_spending() if self._follower else ()
        self._chart = await asyncio.to_thread(draw_chart, snapshot, spending)
        self._pace.note_picture(time.process_time() - began)
        self._drawn, self._drawn_at = shown, time.monotonic()
        self._covered = spending[-1].seconds if spending else 0.0

    def _may_draw(self, snapshot: RunSnapshot) -> bool:
        """Return whether the chart is drawn again: at once where the run ended or was paused."""
        state = snapshot.state.outcome, snapshot.wishes.is_paused
        if state != self._drawn_state:
            self._drawn_state = state
            return True
        covers = (snapshot.at - snapshot.began).total_seconds() if snapshot.began else 0.0
        is_longer = covers > _GROWTH * self._covered
        return self._pace.may_draw(time.monotonic() - self._drawn_at, is_longer=is_longer)

    def _render(self, snapshot: RunSnapshot) -> None:
        status = describe_status(snapshot)
        document = describe_run(snapshot, status)
        version = self.update.version + 1
        for name, html in render_parts(snapshot, document, self._chart).items():
            if name not in self._parts or self._parts[name].html != html:
                self._parts[name] = RenderedPart(version, html)
        self._tell(Update(version, status))

    def _tell(self, update: Update) -> None:
        self.update = update
        self.wake()


def _identify(snapshot: RunSnapshot) -> object:
    """Return what tells a snapshot from another one that shows the same."""
    return snapshot.seq, snapshot.live, snapshot.wishes, snapshot.state.outcome, snapshot.state.end
