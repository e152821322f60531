"""The server: its routes, and how it begins and ends.

It listens on this machine only, and serves pages that it makes, never a file.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from aiohttp import web

from afcost.page.live.access import Access, Handler, add_headers, guard, make_secret
from afcost.page.live.addresses import find_folder, name_run
from afcost.page.live.compare_page import render_comparison
from afcost.page.live.control import CannotControl, control_run
from afcost.page.live.reports import Reports
from afcost.page.live.run_feed import MOST_WATCHERS, RunFeed, Update
from afcost.page.live.run_page import join_parts, render_message, render_run_page
from afcost.page.live.runs_page import render_runs_page
from afcost.rendering.console import show
from estimator.safe_text import dump_json
from providers.secrets import redact_values
from runner.loopback import listen
from runner.signals import call_at_signals
from runner.watching import RunList

_MOST_BYTES = 4 << 10  # of a request's body; none has one
_HEARTBEAT = 15.0  # seconds without news after which a watcher is told that all is well
_MOST_SECONDS = 60.0  # of anything but a stream and a report
_MOST_REPORT_SECONDS = 600.0
_LONGEST_MESSAGE = 500
_COMPARED = 2  # runs
_MOST_DIGITS = 15  # of a version
_STILL_HERE = b": still here\n\n"
_END = b"event: end\ndata: {}\n\n"
_TOO_LONG = "The machine is busy, or the ledger is long. Try again, or ask with `afcost report`."


@dataclass(slots=True)
class LiveServer:
    """What is served.

    Attributes:
        runs: all runs.
        first: the folder of the run that the first page is of; None for the list.
        access: who is let in.
    """

    runs: RunList
    first: Path | None
    access: Access
    _feeds: dict[Path, RunFeed] = field(default_factory=dict)
    _reports: Reports = field(default_factory=Reports)
    _listing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    def make_app(self) -> web.Application:
        """Return the application; its routes are all that there is."""
        app = web.Application(middlewares=[guard(self.access)], client_max_size=_MOST_BYTES)
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self._end)
        app.add_routes(
            [
                web.get("/", _limited(self._show_first)),
                web.get("/runs", _limited(self._show_runs)),
                web.get("/compare", _limited(self._compare, _MOST_REPORT_SECONDS)),
                web.get("/runs/{run}", _limited(self._show_run)),
                web.get("/runs/{run}/events", self._tell),
                web.get("/runs/{run}/parts", _limited(self._send_parts)),
                web.get("/runs/{run}/report", _limited(self._show_report, _MOST_REPORT_SECONDS)),
                web.post("/runs/{run}/{what:pause|resume|stop}", _limited(self._control)),
            ]
        )
        return app

    async def _show_first(self, _: web.Request) -> web.StreamResponse:
        if self.first is None:
            return await self._list()
        return await self._show(self.first)

    async def _show_runs(self, _: web.Request) -> web.StreamResponse:
        return await self._list()

    async def _list(self) -> web.Response:
        async with self._listing:
            return _page(await asyncio.to_thread(render_runs_page, self.runs))

    async def _show_run(self, request: web.Request) -> web.StreamResponse:
        return await self._show(await self._find(request))

    async def _show(self, folder: Path) -> web.Response:
        feed = self._feed(folder)
        await feed.refresh()
        return _page(render_run_page(feed, self.access.secret))

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        """Stream what is new of a run until its watcher, or the server, leaves."""
        feed = self._feed(await self._find(request))
        if feed.watchers >= MOST_WATCHERS:
            raise web.HTTPServiceUnavailable
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionError), feed.watched():
            await self._tell_on(feed, response)
        return response

    async def _tell_on(self, feed: RunFeed, response: web.StreamResponse) -> None:
        told: Update | None = None
        while not self._ending.is_set():
            with feed.charged():
                is_new = feed.update is not told
                text = _write_event(feed.update) if is_new else _STILL_HERE
            await response.write(text)
            told = feed.update
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT):
                    await feed.wait_for_news(told)
        await response.write(_END)

    async def _send_parts(self, request: web.Request) -> web.StreamResponse:
        """Send the parts of a run's page that are newer than the version in `after`."""
        after = request.query.get("after", "0")
        is_number = after.isdecimal() and len(after) <= _MOST_DIGITS
        feed = self._feed(await self._find(request))
        if not feed.update.version:
            await feed.refresh()
        with feed.charged():
            return _page(join_parts(feed, int(after) if is_number else 0))

    async def _show_report(self, request: web.Request) -> web.StreamResponse:
        return _page(await self._reports.render(await self._find(request)))

    async def _compare(self, request: web.Request) -> web.StreamResponse:
        names = request.query.getall("run", [])
        if len(names) != _COMPARED:
            text = f"Two runs can be compared; {len(names)} were chosen."
            return _page(render_message("Choose two runs", text), status=400)
        reports = [await self._reports.build(await self._find_named(each)) for each in names]
        return _page(await asyncio.to_thread(render_comparison, *reports))

    async def _control(self, request: web.Request) -> web.StreamResponse:
        """Do what the page's buttons ask for; say what was done, or why it was not."""
        folder, what = await self._find(request), request.match_info["what"]
        try:
            said, status = await asyncio.to_thread(control_run, folder, what), 200
        except CannotControl as error:
            said, status = f"{error}", 409
        else:
            await self._feed(folder).look_now()  # the page is not left with the old state
        return web.json_response({"said": show(said)[:_LONGEST_MESSAGE]}, status=status)

    async def _find(self, request: web.Request) -> Path:
        return await self._find_named(request.match_info["run"])

    async def _find_named(self, name: str) -> Path:
        """Return the folder of a run by its name in addresses.

        Raises:
            HTTPNotFound: there is none.
        """
        known = next((each for each in self._feeds if name_run(each) == name), None)
        folder = known or await asyncio.to_thread(find_folder, self.runs, name)
        if folder is None:
            raise web.HTTPNotFound
        return folder

    def _feed(self, folder: Path) -> RunFeed:
        return self._feeds.setdefault(folder, RunFeed(folder))

    async def _end(self, _: web.Application) -> None:
        self._ending.set()
        self.runs.end()
        for feed in self._feeds.values():
            feed.wake()


def _limited(handler: Handler, seconds: float = _MOST_SECONDS) -> Handler:
    """Return a handler that ends in time, and that says what is wrong with a run."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(seconds):
                return await handler(request)
        except TimeoutError:
            return _page(render_message("This takes too long", _TOO_LONG), status=503)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - of a run folder that others may have written
            text = show(f"{error}")[:_LONGEST_MESSAGE] or type(error).__name__
            return _page(render_message("This run cannot be shown", text), status=500)

    return handle


def _page(html: str, status: int = 200) -> web.Response:
    return web.Response(text=html, content_type="text/html", charset="utf-8", status=status)


def _write_event(update: Update) -> bytes:
    """Return an update as a server-sent event; JSON has no line breaks."""
    return f"event: update\ndata: {dump_json(redact_values(update.to_json()))}\n\n".encode()


async def serve(
    runs: RunList, first: Path | None, port: int, on_start: Callable[[str], None]
) -> None:
    """Serve pages until Ctrl-C, or until the process is asked to end.

    Args:
        runs: all runs.
        first: the folder of the run that the first page is of; None for the list.
        port: to listen on; 0 takes a free one.
        on_start: is called with the address that leads in.

    Raises:
        OSError: the port is taken.
    """
    ending = asyncio.Event()
    with listen(port) as listener, call_at_signals(partial(_end_soon, ending)):
        access = Access(listener.getsockname()[1], make_secret())
        app = LiveServer(runs, first, access).make_app()
        runner = _make_runner(app)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            on_start(access.address)
            await ending.wait()
        finally:
            await runner.cleanup()


def _end_soon(ending: asyncio.Event) -> None:
    """End; asked a second time, at once: a thread may wait for a database of a run."""
    if ending.is_set():
        os._exit(1)
    ending.set()


def _make_runner(app: web.Application) -> web.AppRunner:
    """Return what serves an application, and prints nothing of requests, which anybody can send."""
    silent = logging.getLogger(f"{__name__}.requests")
    silent.disabled = True
    return web.AppRunner(
        app, access_log=None, logger=silent, keepalive_timeout=30, shutdown_timeout=2
    )
