"""Reading what a client asks a proxy for: CONNECT to a host, with the secret."""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
import socket
from dataclasses import dataclass

_MOST_BYTES = 16 << 10
_END = b"\r\n\r\n"
_LINE = re.compile(
    r"CONNECT (\[[0-9a-f:.]+\]|[a-z0-9._-]{1,253}):(\d{1,5}) HTTP/1\.[01]", re.IGNORECASE
)
_MOST_PORT = 65535


class BadConnect(Exception):
    """A request that is not taken; has the status for the client."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client means to be connected to.

    Attributes:
        host: in lower case, without a dot at its end; an address of IPv6 without brackets.
        port: there.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


async def read_connect(connection: socket.socket, secret: str) -> Target:
    """Read a request to a proxy.

    Args:
        connection: of which nothing was read; what follows the request is left there.
        secret: that the request must have as its password.

    Raises:
        BadConnect: it is not taken.
        ConnectionError: the client left.
    """
    head = await _read_head(connection)
    line, *fields = head.removesuffix(_END).decode("latin-1").split("\r\n")
    headers = [field.partition(":") for field in fields]
    given = [value.strip() for name, _, value in headers if name.lower() == "proxy-authorization"]
    if len(given) != 1 or not hmac.compare_digest(_read_password(given[0]), secret.encode()):
        raise BadConnect(407, "Proxy Authentication Required")
    found = _LINE.fullmatch(line)
    if found is None or int(found[2]) > _MOST_PORT:
        raise BadConnect(405, "only CONNECT to HOST:PORT is taken")
    host = found[1].strip("[]").lower().rstrip(".")
    if not host.strip(":"):
        raise BadConnect(405, "only CONNECT to HOST:PORT is taken")
    return Target(host, int(found[2]))


async def _read_head(connection: socket.socket) -> bytes:
    """Read up to the empty line; a client waits there for the answer."""
    loop, head = asyncio.get_running_loop(), b""
    while not head.endswith(_END):
        if len(head) > _MOST_BYTES or _END in head:
            raise BadConnect(400, "more was sent than a request for a connection")
        part = await loop.sock_recv(connection, 4096)
        if not part:
            raise ConnectionResetError("the client left")
        head += part
    return head


def _read_password(credentials: str) -> bytes:
    """Return the password of `Basic ...`; empty where it is none."""
    scheme, _, encoded = credentials.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except ValueError:  # no base64, or no ASCII
        return b""
