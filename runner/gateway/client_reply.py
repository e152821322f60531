"""What a program is sent back, with those headers of a provider's that its clients read."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from runner.gateway.door import ClientAnswer, DoorCall

_PASSED = frozenset(
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
        response: as it was ended; None until then.
        has_begun: whether the program was sent a part of it.
    """

    def __init__(self, call: DoorCall) -> None:
        self.response: web.StreamResponse | None = None
        self.has_begun = False
        self._call = call
        self._answer: ClientAnswer | None = None

    @property
    def has_left(self) -> bool:
        """Whether the program has closed its connection."""
        return self._call.has_left

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Begin a reply that comes in parts."""
        self._answer = ClientAnswer(self._call, status, _pick(headers))
        self.has_begun = True
        await self._answer.begin()

    async def write(self, part: bytes) -> None:
        """Send a part of a reply that was begun."""
        if self._answer is not None:
            await self._answer.write(part)

    async def end(self) -> None:
        """End a reply that was begun."""
        if self._answer is not None:
            self.response = await self._answer.end()

    def break_off(self) -> None:
        """Close the connection, so that the program sees that the answer is not whole."""
        if self._answer is not None:
            self.response = self._answer.break_off()

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole reply."""
        self._answer = ClientAnswer(self._call, status, _pick(headers), body=body)
        self.has_begun = True
        await self.end()


def _pick(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a client is sent."""
    return {
        name: value
        for name, value in headers.items()
        if name.lower() in _PASSED or name.lower().startswith(_PASSED_KINDS)
    }
