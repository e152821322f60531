"""A door in the test's own process, and the plainest client: bytes to a socket, and bytes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from runner.gateway.door import Door, DoorCall, Limits

HELLO = b'{"model": "m", "messages": []}'


async def echo(call: DoorCall) -> web.StreamResponse:
    """Answer with what was handed over."""
    told = {
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "headers": [*call.headers.items()],
        "body": call.body.decode("utf-8", "replace"),
    }
    return web.json_response(told)


def with_door(ask: Callable[..., Awaitable[Any]], handle: Any = echo, **options: Any) -> Any:
    """Open a door, and return what `ask` finds at it, with what was noted."""
    return asyncio.run(_with_door(ask, handle, options))


async def _with_door(ask: Any, handle: Any, options: dict[str, Any]) -> Any:
    notes: list[str] = []
    limits = options.pop("limits", Limits())
    async with Door(handle, note=notes.append, limits=limits, **options) as door:
        found = await asyncio.wait_for(ask(door), 60)
    return found, notes


async def knock(door: Door, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send the bytes of a request, and return the status, the headers and the body."""
    reader, writer = await connect(door)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return parse(answer)


async def connect(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port(door))


def parse(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


def port(door: Door) -> int:
    found = urlsplit(door.url).port
    assert found is not None
    return found


def write_request(
    door: Door,
    path: str | None = None,
    method: str = "POST",
    body: bytes = HELLO,
    **headers: str | None,
) -> bytes:
    """Write a request; a header that is None is left out, and `path` is behind the secret."""
    secret = urlsplit(door.url).path
    target = f"{secret}/openai/v1/chat/completions" if path is None else path
    usual = {
        "Host": f"127.0.0.1:{port(door)}",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in (usual | given).items() if value is not None]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode() + body


def read_error(body: bytes) -> str:
    return str(json.loads(body)["error"]["message"])


async def until(happened: Callable[[], object]) -> None:
    """Wait until something has happened."""
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 - a look
            await asyncio.sleep(0.001)
