"""What stands behind the door in these tests: it passes calls on to the test provider.

It stands in for the gateway: it replaces the key, sends, and streams back what comes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from runner.gateway.door import ClientAnswer, DoorCall

REAL_KEY = "sk-real-0123456789abcdef"
_KEY_HEADERS = ("Authorization", "x-api-key", "x-goog-api-key")
_ROUTES = re.compile(
    r"(?:^|/)(?P<plain>chat/completions|responses|messages)$"
    r"|(?:^|/)(?P<models>models/[^/]+:(?:generateContent|streamGenerateContent))$"
)


@dataclass
class Relay:
    """Passes calls on.

    Attributes:
        url: of the provider.
        session: that sends.
        paths: of all calls, as they came.
        keys: that the client sent.
        strange: paths that are passed on nowhere.
    """

    url: str
    session: aiohttp.ClientSession
    paths: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)

    async def __call__(self, call: DoorCall) -> web.StreamResponse:
        """Pass a call on, and stream its answer back."""
        self.paths.append(call.path)
        self.keys |= {call.headers[each] for each in _KEY_HEADERS if each in call.headers}
        route = _ROUTES.search(call.path)
        if route is None or call.method != "POST":
            self.strange.append(f"{call.method} {call.path}")
            return web.json_response({"error": {"message": "not in these tests"}}, status=404)
        path = f"/v1/{route['plain']}" if route["plain"] else f"/v1beta/{route['models']}"
        headers = {"Authorization": f"Bearer {REAL_KEY}", "Content-Type": "application/json"}
        async with self.session.post(self.url + path, data=call.body, headers=headers) as found:
            kind = found.headers["Content-Type"]
            answer = ClientAnswer(call, found.status, {"Content-Type": kind})
            await answer.begin()
            async for piece in found.content.iter_any():
                await answer.write(piece)
            return await answer.end()
