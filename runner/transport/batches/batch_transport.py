"""BatchTransport: what sends batches, as a run uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from experiment.prompts import Request
from pricing.catalog import ModelName
from providers.batches import BatchLine, ChunkToSend, RemoteBatch
from runner.transport.batches.batch_outcomes import (
    BadLine,
    FetchedResults,
    Found,
    LineResult,
    Uploaded,
    WrittenLines,
)
from runner.transport.outcome import NotBilled, Unknown


class BatchTransport(Protocol):
    """Sends batches; `BatchClient` does it over HTTP. Nothing is tried twice here."""

    def read_clock(self, name: ModelName) -> datetime | None:
        """Return the time by the clock of a model's provider, as its answers state it."""

    def takes_file(self, name: ModelName) -> bool:
        """Return whether the lines are uploaded before the batch is created."""

    def mark_key(self, name: ModelName, chunk_id: str) -> str:
        """Return a mark of the key that is sent, which does not tell it; the same for the same key.

        It tells whether a batch may belong to another account, whose list this key does not see.
        """

    def write_lines(self, name: ModelName, lines: Iterable[BatchLine], to: Path) -> WrittenLines:
        """Write a chunk's lines as the provider takes them; the same lines make the same file.

        Raises:
            NotTaken: the provider would refuse a request; the file is not there then.
        """

    async def upload(self, name: ModelName, chunk: ChunkToSend) -> Uploaded | NotBilled | Unknown:
        """Upload a chunk's file. A lost upload costs nothing: it may be done again."""

    async def create(
        self, name: ModelName, chunk: ChunkToSend
    ) -> RemoteBatch | NotBilled | Unknown:
        """Create a chunk's batch. Unknown: it may exist, and must be looked for before another."""

    async def find(self, name: ModelName, chunk: ChunkToSend) -> Found:
        """Look for the batch of a chunk whose creation was not answered."""

    async def poll(self, name: ModelName, batch_id: str) -> RemoteBatch | NotBilled | Unknown:
        """Ask what became of a batch; both failures mean that it was not told."""

    async def fetch_results(
        self,
        name: ModelName,
        batch: RemoteBatch,
        to: Path,
        lines: int,
        *,
        takes_cut: bool = False,
    ) -> FetchedResults | NotBilled | Unknown:
        """Fetch the results of a batch that ended; the file is there whole or not at all.

        Args:
            name: of the model.
            batch: as it was polled last.
            to: the file that they are written to.
            lines: how many the chunk has, which bounds what is read.
            takes_cut: whether results that are cut off, or fewer than the provider says, are taken
                as they are; what is missing stays unknown. Otherwise they are an error.
        """

    def read_results(
        self, name: ModelName, results: Path, find_request: Callable[[str], Request | None]
    ) -> Iterator[LineResult | BadLine]:
        """Read results one at a time, in the order of the file, also repeated ones.

        Args:
            name: of the model.
            results: a file that `fetch_results` wrote.
            find_request: returns the request of a custom id; None where it is none of the chunk's.
        """

    async def cancel(self, name: ModelName, batch_id: str) -> RemoteBatch | NotBilled | Unknown:
        """Ask a provider to end a batch; what it did by then is billed, and is to be collected."""
