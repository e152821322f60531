"""A call that was let in: what is handed to the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDict

# Of the way from the client to here: they say nothing of the call.
_OF_THE_WAY = (
    *("Connection", "Content-Encoding", "Content-Length", "Expect", "Host", "Keep-Alive"),
    *("Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade"),
)


@dataclass(frozen=True, slots=True)
class DoorCall:
    """A call of a client.

    Attributes:
        method: GET, HEAD or POST.
        path: behind the secret, as it was sent, such as `openai/v1/chat/completions`.
        query: behind the path, as it was sent, without the question mark.
        headers: without those that are about the connection; they hold whatever key the client has.
        body: whole, and not compressed.
        request: as aiohttp has it.
    """

    method: str
    path: str
    query: str
    headers: CIMultiDict[str] = field(repr=False)
    body: bytes = field(repr=False)
    request: web.BaseRequest = field(repr=False)

    @property
    def has_left(self) -> bool:
        """Whether the client has closed its connection."""
        transport = self.request.transport
        return transport is None or transport.is_closing()


def make_call(request: web.BaseRequest, path: str, body: bytes) -> DoorCall:
    """Return the call that a request is."""
    headers = CIMultiDict(request.headers)
    for name in _OF_THE_WAY:
        headers.popall(name, None)
    query = request.rel_url.raw_query_string
    return DoorCall(request.method, path, query, headers, body, request)
