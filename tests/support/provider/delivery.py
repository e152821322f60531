"""How the bytes of an answer reach the client: whole, cut in the middle, or half of them late."""

import asyncio

from aiohttp import web

from tests.support.provider.behaviour import Fault

BROKEN = frozenset({"cut_body", "cut_stream", "slow"})


async def whole(request: web.Request, answer: web.Response) -> bool:
    """Send an answer, and say whether the client was there to take it."""
    await answer.prepare(request)
    await answer.write_eof()
    return request.transport is not None and not request.transport.is_closing()


async def streamed(
    request: web.Request, parts: list[bytes], *, whole: bool
) -> tuple[web.StreamResponse, bool]:
    """Send a stream of events, and close the connection where they are not all of them.

    Return it, and whether the client was there to take the whole of it.
    """
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for part in parts:
        await answer.write(part)
    if whole:
        await answer.write_eof()
        return answer, request.transport is not None and not request.transport.is_closing()
    if request.transport is not None:
        request.transport.close()
    return answer, False


async def broken(request: web.Request, text: bytes, fault: Fault) -> web.StreamResponse:
    """Send half of an answer, then close the connection; a slow one sends the rest first."""
    headers = {} if fault.kind == "cut_stream" else {"Content-Length": str(len(text))}
    answer = web.StreamResponse(headers={"Content-Type": "application/json"} | headers)
    if fault.kind == "cut_stream":
        answer.enable_chunked_encoding()
    await answer.prepare(request)
    await answer.write(text[: len(text) // 2])
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        await answer.write(text[len(text) // 2 :])
    if request.transport is not None:
        request.transport.close()
    return answer
