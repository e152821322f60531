"""Where the provider listens, and where for a while nobody does.

A second socket is bound to the same port and never listens: while it is shut, a connection
is refused by the kernel, and no one else can take the port.
"""

import asyncio
import socket

from aiohttp import web

HOST = "127.0.0.1"


class FlakySocket:
    """A port of 127.0.0.1; 0 takes a free one."""

    def __init__(self, port: int) -> None:
        self._place = _bound(port)
        self._port = int(self._place.getsockname()[1])
        self._reopening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where to call."""
        return f"http://{HOST}:{self._port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    async def open(self, runner: web.AppRunner) -> None:
        """Listen for a runner."""
        self._runner = runner
        await self._listen()

    def shut(self, seconds: float) -> None:
        """Refuse connections for so long; those that are open go on."""
        if self._reopening is None or self._reopening.done():
            self._reopening = asyncio.create_task(self._shut(seconds))

    async def _shut(self, seconds: float) -> None:
        asyncio.get_running_loop().remove_reader(self._listening)
        for _ in range(2):  # who was let in just now is served, or asyncio would forget him
            await asyncio.sleep(0)
        await self._site.stop()
        await asyncio.sleep(seconds)
        await self._listen()

    async def _listen(self) -> None:
        self._listening = _bound(self._port)
        self._site = web.SockSite(self._runner, self._listening, backlog=1024)
        await self._site.start()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((HOST, port))
    return bound
