"""A server of batches that answers each request as a function says, and what asks it.

It remembers every request with its headers and its body, which may be sent in chunks. `CUT` as a
body closes the connection after the headers and what stands before it.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from experiment.prompts import Message, Request
from pricing.catalog import ModelName
from providers.batches import BatchLine, ChunkToSend, name_chunk, name_line
from providers.provider import Provider
from providers.registry import builtin_providers
from runner.transport.batches import BatchClient
from tests.support.threaded_server import run_threaded_server

KEY = "sk-batch-0123456789abcdefghijklmnopqrstuvwxyz"
CHUNK = name_chunk("a ledger", 0)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body, read."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Told:
    """A response; `cut` closes the connection after half of the body."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False

    @property
    def bytes(self) -> bytes:
        """The body as it is sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Server:
    """A running server: its address, and all requests in order of arrival."""

    url: str
    answer: Callable[[Asked], Told | None]
    asked: list[Asked] = field(default_factory=list)


@contextlib.contextmanager
def run_scripted_batches(answer: Callable[[Asked], Told | None]) -> Iterator[Server]:
    """Serve until the block ends; None as an answer closes the connection."""
    with run_threaded_server(_Handler) as http:
        http.scripted = Server(f"http://127.0.0.1:{http.server_port}", answer)
        yield http.scripted


def build_provider(name: str, url: str) -> Provider:
    """Return a known provider at another address."""
    known = builtin_providers()[name]
    return replace(known, base_url=url, api_key_env=("MY_BATCH_KEY",), builtin_url=False)


def build_request(number: int, max_tokens: int = 100) -> Request:
    """Return the request of a line."""
    return Request(
        id=f"id{number}",
        stage="subject",
        model="a-model",
        condition="all",
        query=number,
        sample=0,
        messages=(Message("user", f"Question\n{number}"),),
        sampling={"max_tokens": max_tokens},
    )


def list_lines(count: int) -> list[BatchLine]:
    """Return the lines of the chunk."""
    return [BatchLine(name_line(CHUNK, n), build_request(n)) for n in range(count)]


def find_request(custom_id: str) -> Request | None:
    """Return the request of one of ten lines of the chunk."""
    return {line.custom_id: line.request for line in list_lines(10)}.get(custom_id)


def build_chunk(path: Path, lines: int = 2, **fields: Any) -> ChunkToSend:
    """Return the chunk as it is sent."""
    return ChunkToSend(CHUNK, path, lines, NOW, **fields)


def do(url: str, name: str, what: Callable[..., Any], **options: Any) -> Any:
    """Have a client of a provider at an address do something, and return what came of it."""

    async def doing() -> Any:
        options.setdefault("timeout", 5.0)
        async with BatchClient({name: build_provider(name, url)}, **options) as client:
            done = what(client, ModelName(f"{name}/a-model", name, "a-model"))
            return await done if asyncio.iscoroutine(done) else done

    return asyncio.run(doing())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer as the function says."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer as the function says."""
        self._answer("POST")

    def _answer(self, method: str) -> None:
        server: Server = self.server.scripted  # type: ignore[attr-defined]
        body = self._read_body()
        server.asked.append(Asked(method, self.path, dict(self.headers), body))
        told = server.answer(server.asked[-1])
        if told is None:
            self.close_connection = True
            return
        sent = told.bytes
        self.send_response(told.status)
        for name, value in {"Content-Length": str(len(sent)), **told.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent[: len(sent) // 2] if told.cut else sent)
        self.close_connection = self.close_connection or told.cut

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        """Say nothing."""
