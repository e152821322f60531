"""Blind tunnels: a program's connections to hosts that are no provider's, passed on unread.

They lead out of this machine only. A program reaches this machine and its networks by itself, so
one that asks for them here may not be the one that the gateway was started for. Where the user has
a proxy, they go on through it, and it finds the host.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohappyeyeballs

from providers.addresses import is_public
from providers.errors import BadProxy
from providers.proxies import Proxy, find_proxy
from runner.gateway.intercept.connect_request import Target

_PART = 64 << 10  # bytes
_CONNECT_SECONDS = 30.0
_DELAY = 0.25  # seconds until the next address is tried beside the one before
_OK = 200

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class CannotReach(Exception):
    """A host that is not connected to."""


async def reach(target: Target) -> Stream:
    """Connect to a host outside of this machine and its networks.

    Raises:
        CannotReach: it is not connected to; says why.
    """
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _require_public(target.host, target.host)
            proxy = find_proxy(f"https://{target}")
            return await (_reach_through(proxy, target) if proxy else _reach_directly(target))
    except BadProxy as error:
        raise CannotReach(str(error)) from error
    except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as error:  # no such address
        said = getattr(error, "strerror", None) or type(error).__name__
        raise CannotReach(f"{target.host} cannot be reached: {said}") from error


async def _reach_directly(target: Target) -> Stream:
    """Connect to addresses that were looked at: a name may lead elsewhere when asked again."""
    loop = asyncio.get_running_loop()
    found: list[Any] = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    for *_, address in found:
        _require_public(address[0], target.host)
    connection = await aiohappyeyeballs.start_connection(
        found, happy_eyeballs_delay=_DELAY, interleave=1
    )
    return await asyncio.open_connection(sock=connection)


def _require_public(address: str, host: str) -> None:
    """Check that an address is of no machine near this one; a name is none.

    Raises:
        CannotReach: it is.
    """
    with suppress(ValueError):
        if not is_public(address):
            raise CannotReach(
                f"{host} is on this machine or in its network; where a program needs it, list "
                "its name in NO_PROXY"
            )


async def _reach_through(proxy: Proxy, target: Target) -> Stream:
    """Have the user's proxy connect to a host."""
    url = urlsplit(proxy.url)
    is_tls = url.scheme == "https"
    port = url.port or (443 if is_tls else 80)
    reader, writer = await asyncio.open_connection(url.hostname, port, ssl=is_tls or None)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if url.username is not None:
        user = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(user).decode()}")
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await reader.readuntil(b"\r\n\r\n")
    except BaseException:
        writer.close()
        raise
    status = head.split(b"\r\n", 1)[0].split()[1:2]
    if status != [str(_OK).encode()]:
        writer.close()
        said = b"".join(status).decode("ascii", "replace")
        raise CannotReach(f"the proxy {proxy.shown} refused to connect to {target}: HTTP {said}")
    return reader, writer


async def pass_on(one: Stream, other: Stream) -> None:
    """Pass on what each of two sides sends, until both have ended or one has broken off."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(one[0], other[1]))
            both.create_task(_pump(other[0], one[1]))
    except* OSError:
        pass
    finally:
        for _, writer in (one, other):
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(_PART):
        writer.write(part)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
