"""A provider that answers as a function says: any status, headers and body, for any call.

    def answer(call: Call) -> Reply:
        return Reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"})

    with run_scripted_provider(answer) as provider:
        ...  # POST to f"{provider.url}/v1/chat/completions" or .../v1/messages
        assert len(provider.calls) == 2

It serves in threads of this process, lists no models, and remembers every call. `write_usual`
writes what a call would usually be answered.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.provider.answers import JUDGES_FIELD, by_tier
from tests.support.provider.api_formats import Anthropic, Asked, OpenAI, Said
from tests.support.provider.bill import Charge
from tests.support.threaded_server import run_threaded_server

Json = dict[str, Any]
INPUT, OUTPUT = 50, 20  # tokens that a usual answer is billed


@dataclass(frozen=True)
class Call:
    """A call: its number from 1, when it came, in seconds from the first, and what it asks."""

    n: int
    at: float
    path: str
    asked: Asked

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self.asked.model

    @property
    def prompt(self) -> str:
        """All text that is asked."""
        return self.asked.prompt

    @property
    def is_judge(self) -> bool:
        """Whether it asks a judge."""
        return JUDGES_FIELD in self.prompt


@dataclass(frozen=True)
class Reply:
    """What a call is answered with."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class ScriptedProvider:
    """A running server: its address, and all calls in order of arrival."""

    url: str
    answer: Callable[[Call], Reply]
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    began: float = 0.0

    def enter(self, path: str, body: Json) -> Call:
        """Note a call."""
        asked = (Anthropic() if path.endswith("/messages") else OpenAI()).read(body)
        with self.lock:
            now = time.monotonic()
            self.began = self.began or now
            call = Call(len(self.calls) + 1, now - self.began, path, asked)
            self.calls.append(call)
        return call


def write_usual(call: Call, text: str | None = None, **changes: Any) -> Reply:
    """Return the usual answer to a call, with other fields at its top where they are given."""
    charge = Charge(INPUT, OUTPUT)
    said = Said(
        by_tier(call.prompt) if text is None else text, cut=False, charge=charge, told=charge
    )
    wire = Anthropic() if call.path.endswith("/messages") else OpenAI()
    return Reply(200, wire.answer(call.n, call.asked, said) | changes)


@contextlib.contextmanager
def run_scripted_provider(answer: Callable[[Call], Reply]) -> Iterator[ScriptedProvider]:
    """Serve until the block ends, on a free port of 127.0.0.1."""
    with run_threaded_server(_Handler) as server:
        provider = ScriptedProvider(f"http://127.0.0.1:{server.server_port}", answer)
        server.scripted = provider  # type: ignore[attr-defined]
        yield provider


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a call as the function says."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        provider: ScriptedProvider = self.server.scripted  # type: ignore[attr-defined]
        reply = provider.answer(provider.enter(self.path, body))
        with contextlib.suppress(OSError):  # who asked may have left
            self._reply(reply)

    def do_GET(self) -> None:
        """List no models: the list is optional."""
        self._reply(Reply(404, {"error": {"message": "Not found."}}))

    def _reply(self, reply: Reply) -> None:
        is_text = isinstance(reply.body, str)
        text = (str(reply.body) if is_text else json.dumps(reply.body)).encode()
        self.send_response(reply.status)
        kind = "text/html" if is_text else "application/json"
        sent = {"Content-Type": kind, "Content-Length": str(len(text))} | dict(reply.headers)
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
