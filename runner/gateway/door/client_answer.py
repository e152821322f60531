"""An answer that is streamed to a client, who may leave before its end.

What was paid for is read to its end and settled, whoever still listens. So nothing here raises when
the client has left: what is written from then on goes nowhere. A client that is there but takes
nothing for a while is left, because it would hold up what is read from the provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping

from aiohttp import web

from runner.gateway.door.call import DoorCall

PATIENCE = 60.0  # seconds in which a client must take what was written


class ClientAnswer:
    """An answer on its way.

        answer = ClientAnswer(call, 200, {"Content-Type": "text/event-stream"})
        await answer.begin()
        await answer.write(b"data: ...")
        return await answer.end()

    Args:
        call: that is answered.
        status: of the answer.
        headers: of the answer; without Content-Length it is sent in chunks.
        body: all of it, where it is not streamed: it is sent with the headers, by `end`.
        patience: seconds in which the client must take what was written.
    """

    def __init__(
        self,
        call: DoorCall,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
        body: bytes | None = None,
    ) -> None:
        self._call, self._patience = call, patience
        self._response = (
            web.StreamResponse(status=status, headers=headers)
            if body is None
            else web.Response(status=status, headers=headers, body=body)
        )
        self._is_left = False

    @property
    def has_left(self) -> bool:
        """Whether the client has left, so that what is written goes nowhere."""
        return self._is_left or self._call.has_left

    async def begin(self) -> None:
        """Send the status and the headers."""
        await self._send(self._response.prepare(self._call.request))

    async def write(self, chunk: bytes) -> None:
        """Send a part of the answer at once."""
        if chunk and not self.has_left:
            await self._send(self._response.write(chunk))

    async def end(self) -> web.StreamResponse:
        """End the answer, and return what a handler returns."""
        if not self.has_left:
            await self._send(self._end())
        return self._response

    def break_off(self) -> web.StreamResponse:
        """Close the connection, so that the client sees that the answer is not whole."""
        self._is_left = True
        abort(self._call.request)
        return self._response

    async def _end(self) -> None:
        await self._response.prepare(self._call.request)  # nothing, where it was begun
        await self._response.write_eof()

    async def _send(self, sending: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await sending
        except (ConnectionError, TimeoutError):
            self.break_off()


def abort(request: web.BaseRequest) -> None:
    """Close a request's connection at once; what was not sent yet is dropped."""
    if request.transport is not None:
        request.transport.abort()
