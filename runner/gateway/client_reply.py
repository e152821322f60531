"""What a program is sent back: whole, or as it comes; nothing once it has hung up."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

_PASSED = frozenset(  # headers of a provider's that clients read
    {
        "content-type",
        "retry-after",
        "retry-after-ms",
        "request-id",
        "x-request-id",
        "x-should-retry",
        "anthropic-organization-id",
        "openai-processing-ms",
        "openai-version",
    }
)
_PASSED_KINDS = ("x-ratelimit-", "anthropic-ratelimit-")


class ClientReply:
    """The reply to one call of a program's.

    Attributes:
        response: as it was begun; None while nothing was.
        is_gone: the client hung up.
    """

    def __init__(self, request: web.BaseRequest) -> None:
        self.response: web.StreamResponse | None = None
        self.is_gone = False
        self._request = request

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Begin a reply that comes in parts."""
        self.response = web.StreamResponse(status=status, headers=pick_headers(headers))
        with self._noticing_hang_up():
            await self.response.prepare(self._request)

    async def write(self, part: bytes) -> None:
        """Send a part of a reply."""
        if part and self.response is not None and not self.is_gone:
            with self._noticing_hang_up():
                await self.response.write(part)

    async def end(self) -> None:
        """End a reply that came in parts."""
        if self.response is not None and not self.is_gone:
            with self._noticing_hang_up():
                await self.response.write_eof()

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole reply."""
        reply = web.Response(status=status, headers=pick_headers(headers), body=body)
        self.response = reply
        with self._noticing_hang_up():
            await reply.prepare(self._request)
            await reply.write_eof()

    def _noticing_hang_up(self) -> _NoticingHangUp:
        return _NoticingHangUp(self)


class _NoticingHangUp(suppress):
    """Notes that a client is gone, where writing to it fails."""

    def __init__(self, reply: ClientReply) -> None:
        super().__init__(OSError, RuntimeError)  # aiohttp: a transport that is closing
        self._reply = reply

    def __exit__(self, *details: object) -> bool:
        """Note it."""
        self._reply.is_gone |= details[0] is not None
        return bool(super().__exit__(*details))  # type: ignore[arg-type] # as `suppress` has it


def pick_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a provider's reply that a client is sent."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() in _PASSED or name.lower().startswith(_PASSED_KINDS)
    }
