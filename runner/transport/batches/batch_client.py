"""BatchClient: sends batches over HTTP, with the keys, proxies and limits that calls have."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Self

from experiment.prompts import Request
from pricing.catalog import ModelName
from providers.batches import BatchLine, ChunkToSend, RemoteBatch
from providers.capabilities import Capability
from providers.errors import MalformedResponse
from providers.failures import describe_unsent
from providers.provider import Provider
from runner.transport.batches.batch_outcomes import (
    BadLine,
    FetchedResults,
    Found,
    LineResult,
    Uploaded,
    WrittenLines,
)
from runner.transport.batches.batch_route import BatchRoute, BatchRoutes
from runner.transport.batches.downloads import MOST_INLINE, fetch_results
from runner.transport.batches.exchange import (
    MOST_ANSWER,
    Exchange,
    NotTold,
    Reply,
    describe_unread,
)
from runner.transport.batches.line_files import measure_body, stream_body, write_lines
from runner.transport.batches.results import read_results
from runner.transport.batches.search import find_batch
from runner.transport.batches.uploads import upload_file
from runner.transport.outcome import NotBilled, Unknown
from runner.transport.sender import REQUEST_TIMEOUT


class BatchClient:
    """Sends batches; an async context manager. See `BatchTransport` for what each method is.

    Args:
        providers: every provider by name.
        timeout: seconds that a request may take, beside what large bodies take.
        capabilities: what each model takes, as pinned in the plan; for others, as known today.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        timeout: float = REQUEST_TIMEOUT,
        capabilities: Mapping[ModelName, Capability] = MappingProxyType({}),
    ) -> None:
        self._routes = BatchRoutes(providers, capabilities)
        self._exchange = Exchange(timeout)

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exchange.__aexit__()

    def read_clock(self, name: ModelName) -> datetime | None:
        """Return the time by the provider's clock; None where no answer has stated it."""
        return self._exchange.read_clock(name.provider)

    def takes_file(self, name: ModelName) -> bool:
        """Return whether the lines are uploaded before the batch is created."""
        return self._routes.find(name).api.takes_file

    def mark_key(self, name: ModelName, chunk_id: str) -> str:
        """Return a mark of the key that is sent."""
        key = self._routes.find(name).route.key or ""
        return hmac.new(key.encode(), chunk_id.encode(), hashlib.sha256).hexdigest()[:8]

    def write_lines(self, name: ModelName, lines: Iterable[BatchLine], to: Path) -> WrittenLines:
        """Write a chunk's lines as the provider takes them."""
        return write_lines(self._routes.find(name), lines, to)

    async def upload(self, name: ModelName, chunk: ChunkToSend) -> Uploaded | NotBilled | Unknown:
        """Upload a chunk's file."""
        return await upload_file(self._exchange, self._routes.find(name), chunk)

    async def create(
        self, name: ModelName, chunk: ChunkToSend
    ) -> RemoteBatch | NotBilled | Unknown:
        """Create a chunk's batch."""
        way = self._routes.find(name)
        call = way.api.create_call(way.target, chunk)
        if not call.tail:
            reply = await self._exchange.ask(way, call.method, call.url, call.body)
        else:
            size = measure_body(call, chunk.path)
            headers = {**way.route.headers, "Content-Length": str(size)}
            body = stream_body(call, chunk.path)
            reply = await self._exchange.ask(way, call.method, call.url, body, headers, size=size)
        return _read_batch(way, reply)

    async def find(self, name: ModelName, chunk: ChunkToSend) -> Found:
        """Look for the batch of a chunk whose creation was not answered."""
        mark = self.mark_key(name, chunk.id)
        return await find_batch(self._exchange, self._routes.find(name), chunk, mark)

    async def poll(self, name: ModelName, batch_id: str) -> RemoteBatch | NotBilled | Unknown:
        """Ask what became of a batch."""
        way = self._routes.find(name)
        most = MOST_INLINE if way.api.inlines_results else MOST_ANSWER
        url = way.api.batch_url(way.target, batch_id)
        return _read_batch(way, await self._exchange.ask(way, "GET", url, most=most))

    async def fetch_results(
        self,
        name: ModelName,
        batch: RemoteBatch,
        to: Path,
        lines: int,
        *,
        takes_cut: bool = False,
    ) -> FetchedResults | NotBilled | Unknown:
        """Fetch the results of a batch that ended."""
        way = self._routes.find(name)
        return await fetch_results(self._exchange, way, batch, to, lines, takes_cut=takes_cut)

    def read_results(
        self, name: ModelName, results: Path, find_request: Callable[[str], Request | None]
    ) -> Iterator[LineResult | BadLine]:
        """Read results one at a time."""
        return read_results(self._routes.find(name), results, find_request)

    async def cancel(self, name: ModelName, batch_id: str) -> RemoteBatch | NotBilled | Unknown:
        """Ask a provider to end a batch, and return what it then tells of it."""
        way = self._routes.find(name)
        url = way.api.cancel_url(way.target, batch_id)
        if not url:
            said = f"{way.provider.name} cannot end a batch; it ends by itself"
            return NotBilled(describe_unsent(said, retries=False))
        reply = await self._exchange.ask(way, "POST", url, headers=way.auth_headers)
        return await self.poll(name, batch_id) if isinstance(reply, Reply) else reply


def _read_batch(way: BatchRoute, reply: Reply | NotTold) -> RemoteBatch | NotTold:
    """Return the batch that an answer tells of."""
    if not isinstance(reply, Reply):
        return reply
    try:
        return way.api.parse_batch(way.api.read_answer(reply.body))
    except MalformedResponse as error:
        return describe_unread(error)
