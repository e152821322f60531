"""The strict provider over HTTP: all providers under one address, each under its own name.

    with run_strict_provider() as server:
        ...  # POST to f"{server.url}/openai/v1/chat/completions"
        assert server.refusals == []

What stands between the name and the API's own path does not matter. It runs in a thread of this
process, on a free port of 127.0.0.1, and remembers what it refused.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.strict.checks import Fault, find_faults
from tests.strict.replies import find_status, write_answer, write_error
from tests.strict.rulebook import load_rulebooks
from tests.support.threaded_server import run_threaded_server

_API_PATHS = {
    "chat": re.compile(r".*/chat/completions"),
    "responses": re.compile(r".*/responses"),
    "messages": re.compile(r".*/messages"),
    "generate": re.compile(r".*/models/(?P<model>[^:]+):generateContent"),
}


@dataclass
class StrictProvider:
    """A running server: its address, and what it was asked.

    Attributes:
        url: its address; a provider's base URL is below it.
        accepted: how many requests it answered.
        refusals: (provider, model, fault) of those that it refused.
    """

    url: str
    accepted: int = 0
    refusals: list[tuple[str, str, Fault]] = field(default_factory=list)


def find_api_name(path: str) -> tuple[str, str]:
    """Return which API a path belongs to, and the model that it names; empty where none does."""
    for name, pattern in _API_PATHS.items():
        if found := pattern.fullmatch(path):
            return name, found.groupdict().get("model") or ""
    return "", ""


@contextlib.contextmanager
def run_strict_provider() -> Iterator[StrictProvider]:
    """Serve until the block ends."""
    with run_threaded_server(_Handler) as server:
        provider = StrictProvider(f"http://127.0.0.1:{server.server_port}")
        server.strict = provider  # type: ignore[attr-defined]
        yield provider


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a request, or refuse it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0]
        provider, (api, model) = path.split("/")[1], find_api_name(path)
        model = model or str(body.get("model", ""))
        headers = {name.lower(): value for name, value in self.headers.items()}
        faults = find_faults(provider, api, body, model=model, headers=headers)
        strict: StrictProvider = self.server.strict  # type: ignore[attr-defined]
        if faults:
            strict.refusals.append((provider, model, faults[0]))
            self._refuse(provider, api, faults[0])
        else:
            strict.accepted += 1
            asked = json.dumps(body, ensure_ascii=False)
            self._reply(200, write_answer(api, model, asked, body.get("n") or 1))

    def do_GET(self) -> None:
        """List no models: the list is optional."""
        self._reply(404, {"error": {"message": "Not found."}})

    def _refuse(self, provider: str, api: str, fault: Fault) -> None:
        rules = load_rulebooks()[provider].apis
        form = rules[api] if api in rules else next(iter(rules.values()))
        self._reply(find_status(form.status, fault), write_error(form.errors, fault))

    def _reply(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
