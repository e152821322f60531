"""How the bytes of an answer reach the client: whole, streamed, cut in the middle, or half late."""

import asyncio

from aiohttp import web

from tests.support.provider.behaviour import Fault

BROKEN = frozenset({"cut_body", "cut_stream", "slow"})


async def whole(request: web.Request, answer: web.Response) -> bool:
    """Send an answer, and say whether the client was there to take it."""
    await answer.prepare(request)
    await answer.write_eof()
    return request.transport is not None and not request.transport.is_closing()


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


async def streamed(
    request: web.Request, events: list[bytes], fault: Fault | None, seconds: float
) -> tuple[web.StreamResponse, bool]:
    """Send a stream's events, and say whether the client was there to take all of them.

    Args:
        request: that is answered.
        events: of the stream.
        fault: cuts the stream in its middle, or sends the second half later.
        seconds: that pass between two events.
    """
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for number, event in enumerate(events):
        if fault is not None and number == len(events) // 2:
            if fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault.kind in ("cut_body", "cut_stream") and request.transport is not None:
                request.transport.close()
                return answer, False
        if seconds and number:
            await asyncio.sleep(seconds)
        await answer.write(event)
    await answer.write_eof()
    return answer, request.transport is not None and not request.transport.is_closing()
