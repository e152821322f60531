"""Reading a request's body: no more bytes and no longer than is allowed, also when decompressed."""

from __future__ import annotations

import asyncio

from aiohttp import web

_ENCODINGS = ("", "identity", "gzip", "deflate")  # aiohttp decompresses these piece by piece
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadBody(Exception):
    """A body that is not taken; has the status and the reason for the client."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def read_body(request: web.BaseRequest, most_bytes: int, seconds: float) -> bytes:
    """Read a request's body.

    Args:
        request: of which nothing was read.
        most_bytes: that it may have, as sent and decompressed.
        seconds: until it must be there.

    Raises:
        BadBody: it is not taken.
        ConnectionError: the client left before all of it was there.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise BadBody(415, "the body is compressed in a way that is not read here; send it plain")
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    try:
        async with asyncio.timeout(seconds):
            await _say_continue(request)
            return await _read(request, most_bytes)
    except TimeoutError as error:
        raise BadBody(408, f"the body did not come within {seconds:g} s") from error
    except web.RequestPayloadError as error:
        raise BadBody(400, "the body cannot be read as its headers say") from error


async def _say_continue(request: web.BaseRequest) -> None:
    """Tell a client that asks first, as curl does, to send its body."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0  # it is no part of the answer


async def _read(request: web.BaseRequest, most_bytes: int) -> bytes:
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
    return bytes(body)


def _too_large(most_bytes: int) -> BadBody:
    return BadBody(413, f"the body is larger than {most_bytes} bytes")
