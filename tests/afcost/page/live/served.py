"""A live page's server in the test's own process, asked as a browser asks it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import yarl
from aiohttp import web

from afcost.page.live.access import SECRET_HEADER, Access
from afcost.page.live.server import LiveServer
from runner.loopback import LOOPBACK, listen
from runner.watching import RunList

SECRET = "the-secret-of-this-page"  # noqa: S105 - of a test


class Browser:
    """Asks a server.

    Attributes:
        base: the server's address.
        access: what it lets in.
    """

    def __init__(self, session: aiohttp.ClientSession, access: Access) -> None:
        self.session, self.access = session, access
        self.base = f"http://{LOOPBACK}:{access.port}"

    async def ask(
        self,
        path: str | yarl.URL,
        method: str = "GET",
        *,
        cookie: str | None = SECRET,
        **headers: str,
    ) -> tuple[int, str, dict[str, str]]:
        """Ask for a path with the cookie, and follow no redirect."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie is not None:
            named["Cookie"] = f"{self.access.cookie}={cookie}"
        found = self.session.request(
            method,
            path if isinstance(path, yarl.URL) else self.base + path,
            headers=named,
            allow_redirects=False,
        )
        async with found as response:
            return response.status, await response.text(), dict(response.headers)

    async def post(self, path: str, *, cookie: str | None = SECRET, **headers: str) -> Any:
        return await self.ask(path, "POST", cookie=cookie, **headers)

    async def control(self, path: str) -> tuple[int, str]:
        """Ask for a change as the page does."""
        status, text, _ = await self.post(path, **{SECRET_HEADER: SECRET, "Origin": self.base})
        return status, json.loads(text)["said"]

    async def find_run(self) -> str:
        """Return the address of the run on the first page."""
        _, text, _ = await self.ask("/")
        found = re.search(r'data-address="([^"]*)"', text)
        assert found is not None, text[:500]
        return found[1]

    async def listen(self, run: str, events: int) -> list[dict[str, Any]]:
        """Return the first updates of a run."""
        headers = {"Cookie": f"{self.access.cookie}={SECRET}"}
        told: list[dict[str, Any]] = []
        async with self.session.get(f"{self.base}{run}/events", headers=headers) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            async for line in response.content:
                if line.startswith(b'data: {"version"'):
                    told.append(json.loads(line[6:]))
                if len(told) == events:
                    break
        return told


def serve(folder: Path | None, ask: Callable[[Browser], Awaitable[Any]], runs: Path) -> Any:
    """Serve a run, or the list of runs, and return what `ask` does."""
    return asyncio.run(_serve(folder, ask, runs))


async def _serve(folder: Path | None, ask: Callable[[Browser], Awaitable[Any]], runs: Path) -> Any:
    listener = listen(0)
    access = Access(listener.getsockname()[1], SECRET)
    app = LiveServer(RunList(runs), folder, access).make_app()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        timeout = aiohttp.ClientTimeout(60)
        async with aiohttp.ClientSession(
            timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            return await ask(Browser(session, access))
    finally:
        await runner.cleanup()
