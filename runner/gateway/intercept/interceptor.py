"""The proxy that a program's connections go through where it sets its addresses by itself.

A connection to a provider's host ends here: it is answered with a certificate that the program was
told to trust, and its calls go to the door. One to another host is passed on unread.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from runner.gateway.door import make_secret
from runner.gateway.intercept.connect_request import BadConnect, Target, read_connect
from runner.gateway.intercept.hosts import KnownHosts
from runner.gateway.intercept.tunnel import CannotReach, Stream, pass_on, reach
from runner.loopback import LOOPBACK, listen

_BACKLOG = 1024
_HEAD_SECONDS = 30.0  # in which a client must say where it means to be connected to
_PAUSE = 0.1  # seconds, where no more connections can be opened
_USER = "afcost"
_NEEDS_SECRET, _NO_TLS, _REFUSED, _UNREACHED = 407, 400, 403, 502
_HANDSHAKE = b"\x16"  # what a client that speaks TLS begins with
_MOST_PLAIN = 64 << 10  # bytes of what another one says
_CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
Reach = Callable[[Target], Awaitable[Stream]]


@dataclass(slots=True)
class ConnectionTally:
    """What became of a program's connections, but for those to providers.

    Attributes:
        unread: host -> connections that were passed on unread.
        refused: why others were refused -> how often.
        distrusted: provider's host -> connections that ended where this process showed its
            certificate: their clients have roots of their own.
    """

    unread: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    distrusted: Counter[str] = field(default_factory=Counter)


class Interceptor:
    """The proxy, open for the duration of its context.

    Args:
        hosts: that are known.
        take: serves a connection to a provider's host, as `Door.take_hosts` returns it.
        reach: connects to another host.

    Attributes:
        tally: of the connections.
    """

    def __init__(
        self,
        hosts: KnownHosts,
        take: Callable[[socket.socket], Awaitable[None]],
        reach: Reach = reach,
    ) -> None:
        self.tally = ConnectionTally()
        self._hosts, self._take, self._reach = hosts, take, reach
        self._secret = make_secret()
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The address of the proxy, with its secret."""
        return f"http://{_USER}:{self._secret}@{LOOPBACK}:{self._port}"

    async def __aenter__(self) -> Self:
        """Listen."""
        self._listener = listen(0)
        self._listener.settimeout(0)
        self._listener.listen(_BACKLOG)
        self._port = self._listener.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept())
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """End all connections but those that the door has."""
        tasks = [self._accepting, *self._open]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(_PAUSE)
                continue
            task = asyncio.create_task(self._serve(connection))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _serve(self, connection: socket.socket) -> None:
        """Do what a client asks for; whatever fails here ends its connection, and no other."""
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                target = await read_connect(connection, self._secret)
            if reason := self._hosts.find_refusal(target.host, target.port):
                raise self._note_refusal(BadConnect(_REFUSED, reason))
            if target.host in self._hosts.providers:
                await self._intercept(connection, target.host)
            else:
                await self._pass_on(connection, target)
        except BadConnect as bad:
            with suppress(OSError):
                await _send(connection, _write_refusal(bad))
        except OSError:  # the client left, or took too long
            pass
        finally:
            connection.close()

    async def _intercept(self, connection: socket.socket, host: str) -> None:
        """Hand a connection over to the door, unless its client speaks without TLS."""
        await _send(connection, _CONNECTED)
        async with asyncio.timeout(_HEAD_SECONDS):
            await _wait_for_words(connection)
        if connection.recv(1, socket.MSG_PEEK) not in (_HANDSHAKE, b""):
            connection.recv(_MOST_PLAIN)  # what is left unread would cut the answer off
            why = f"{host} was spoken to without TLS; its address begins with https://"
            raise self._note_refusal(BadConnect(_NO_TLS, why))
        try:
            await self._take(_hand_over(connection))
        except ssl.SSLError:
            self.tally.distrusted[host] += 1

    async def _pass_on(self, connection: socket.socket, target: Target) -> None:
        try:
            outside = await self._reach(target)
        except CannotReach as error:
            raise self._note_refusal(BadConnect(_UNREACHED, str(error))) from error
        self.tally.unread[target.host] += 1
        try:
            await _send(connection, _CONNECTED)
            inside = await asyncio.open_connection(sock=_hand_over(connection))
            await pass_on(inside, outside)
        finally:
            outside[1].close()

    def _note_refusal(self, refusal: BadConnect) -> BadConnect:
        self.tally.refused[str(refusal)] += 1
        return refusal


def _hand_over(connection: socket.socket) -> socket.socket:
    """Return a connection for an owner that closes it; what it was before is closed."""
    moved = socket.socket(fileno=connection.detach())
    moved.settimeout(0)
    return moved


async def _wait_for_words(connection: socket.socket) -> None:
    """Wait until a client has said something, or has left."""
    loop, has_come = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection, has_come.set)
    try:
        await has_come.wait()
    finally:
        loop.remove_reader(connection)


async def _send(connection: socket.socket, text: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, text)


def _write_refusal(bad: BadConnect) -> bytes:
    """Return a refusal; clients show no more of it than the first line."""
    needs = 'Proxy-Authenticate: Basic realm="proxy"\r\n' if bad.status == _NEEDS_SECRET else ""
    line = f"HTTP/1.1 {bad.status} {bad}\r\n{needs}Content-Length: 0\r\nConnection: close\r\n\r\n"
    return line.encode("ascii", "replace")
