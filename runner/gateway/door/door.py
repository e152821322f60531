"""The door: the server that a program's clients are pointed to.

It listens on this machine only. What it lets in goes to a handler, which answers. A handler's task
is its own and not the connection's, so a client that hangs up ends nothing: the answer is paid for,
and must be read to its end and settled. When the door is closed, new requests are refused and open
calls are waited for.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from aiohttp import web

from runner.gateway.door.body import BadBody, read_body
from runner.gateway.door.call import DoorCall, make_call
from runner.gateway.door.client_answer import abort
from runner.gateway.door.entry import Entry, HostEntry, make_secret
from runner.loopback import listen

Handler = Callable[[DoorCall], Awaitable[web.StreamResponse]]
_BACKLOG = 1024  # connections that wait to be accepted; a program may open hundreds at once
_IDLE_SECONDS = 300.0  # longer than clients keep a connection, so that none is closed as it is used
_HANDSHAKE_SECONDS = 20.0
_LINGERING_SECONDS = 1.0  # in which a refused body is read on, so that the refusal is read too
_HEADERS = {"Server": "afcost", "Cache-Control": "no-store", "x-should-retry": "false"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take.

    Attributes:
        body_bytes: that its body may have.
        body_seconds: in which its body must be there.
    """

    body_bytes: int = 32 << 20
    body_seconds: float = 60.0


class Door:
    """The server, open for the duration of its context.

        async with Door(handle, note=log) as door:
            ...  # clients at f"{door.url}/openai/v1"

    Args:
        handle: answers a call. If it raises, the client gets a 500 without details, or a cut answer
            where it had begun.
        note: is told of what failed in it, without bodies, keys or the secret.
        port: to listen on; 0 takes a free one.
        limits: of one request.
    """

    def __init__(
        self,
        handle: Handler,
        *,
        note: Callable[[str], None],
        port: int = 0,
        limits: Limits | None = None,
    ) -> None:
        self._handle, self._note, self._port = handle, note, port
        self._limits = limits or Limits()
        self._open: set[asyncio.Task[web.StreamResponse]] = set()
        self._is_closing = False
        self._entry: Entry | None = None
        self._taken: set[web.Server] = set()

    @property
    def url(self) -> str:
        """The address that leads in, with the secret, without a slash at its end."""
        assert self._entry is not None, "the door is not open"  # noqa: S101 - for its programmer
        return self._entry.url

    @property
    def open_calls(self) -> int:
        """How many calls are being answered."""
        return len(self._open)

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        listener = listen(self._port)
        self._entry = Entry(listener.getsockname()[1], make_secret())
        self._runner = web.ServerRunner(
            _make_server(partial(self._serve, self._entry)), shutdown_timeout=1
        )
        await self._runner.setup()
        self._site = web.SockSite(self._runner, listener, backlog=_BACKLOG)
        await self._site.start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Refuse new calls, wait for the open ones, and end; cancelled while it waits, end them."""
        if self._is_closing:
            return
        self._is_closing = True
        try:
            await self._site.stop()
            while self._open:
                await asyncio.wait(self._open)
        finally:
            for task in (left := list(self._open)):
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            for server in self._taken:
                await server.shutdown(1)
            await self._runner.cleanup()

    def take_hosts(
        self, hosts: Mapping[str, str], tls: ssl.SSLContext
    ) -> Callable[[socket.socket], Awaitable[None]]:
        """Return what serves a client that was let in elsewhere and means to speak to a provider.

        Args:
            hosts: that it may mean -> the provider whose they are.
            tls: by which it is answered, with a certificate for these hosts.

        Returns:
            A function that takes a connection over, and returns once its TLS stands. It raises
            OSError where the client does not agree to it.
        """
        server = _make_server(partial(self._serve, HostEntry(hosts)))
        self._taken.add(server)

        async def take(connection: socket.socket) -> None:
            await asyncio.get_running_loop().connect_accepted_socket(
                server, connection, ssl=tls, ssl_handshake_timeout=_HANDSHAKE_SECONDS
            )

        return take

    async def _serve(
        self, entry: Entry | HostEntry, request: web.BaseRequest
    ) -> web.StreamResponse:
        path = entry.find_path(request)
        if path is None:
            return _close(web.Response(status=404, headers={"Server": ""}))
        if objection := entry.find_objection(request):
            return _refuse(*objection)
        try:
            body = await read_body(request, self._limits.body_bytes, self._limits.body_seconds)
        except BadBody as bad:
            return _refuse(bad.status, f"{bad}")
        if self._is_closing:
            return _refuse(503, "the program that this gateway was started for has ended")
        task = asyncio.create_task(self._answer(make_call(request, path, body)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        return await asyncio.shield(task)

    async def _answer(self, call: DoorCall) -> web.StreamResponse:
        try:
            return await self._handle(call)
        except Exception as error:  # noqa: BLE001 - told in the log; other calls go on
            self._note(f"a call failed inside the gateway: {_describe(error)}")
            if call.request.writer.output_size:
                abort(call.request)
            return _refuse(500, "the gateway failed; its log says why")


def _describe(error: Exception) -> str:
    """Return what failed and where, without the error's own text, which may hold what was sent."""
    frames = traceback.extract_tb(error.__traceback__)
    said = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    at = f" at {frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return f"{type(error).__name__}{said}{at}"


def _refuse(status: int, reason: str) -> web.Response:
    """Return a refusal in the form of an error that OpenAI's and Anthropic's clients read."""
    error = {"message": f"afcost: {reason}", "type": "gateway_error", "code": "gateway_error"}
    body = {"type": "error", "error": error}
    return _close(web.json_response(body, status=status, headers=_HEADERS))


def _close(response: web.Response) -> web.Response:
    response.force_close()
    return response


def _make_server(
    serve: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
) -> web.Server:
    """Return what serves, and logs nothing: addresses have the secret, and errors have bodies."""
    silent = logging.getLogger(f"{__name__}.requests")
    silent.disabled = True
    return web.Server(
        serve,
        handler_cancellation=False,
        access_log=None,
        logger=silent,
        keepalive_timeout=_IDLE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
    )
