"""BatchApi: what a module of this folder implements for the batches that it speaks.

It writes what is sent and reads what comes back, and sends nothing. A chunk's lines are one file
with a JSON object on each line. It is uploaded, or is sent in the middle of the body that creates
the batch, with commas between the lines.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.batches.apis.batch_fields import read_json_answer
from providers.batches.apis.result_line import ResultLine
from providers.batches.chunk import ChunkToSend
from providers.batches.remote_batch import RemoteBatch
from providers.errors import MalformedResponse
from providers.provider import Provider


@dataclass(frozen=True, slots=True)
class BatchTarget:
    """Where a batch goes.

    Attributes:
        provider: whose it is.
        model_id: what the provider calls the model; as a call's body names it.
        endpoint: which of its APIs the lines are for, such as `/v1/chat/completions`; empty where
            it has one.
    """

    provider: Provider
    model_id: str
    endpoint: str = ""

    @property
    def base(self) -> str:
        """The provider's address, without a slash at its end."""
        return self.provider.base_url.rstrip("/")


@dataclass(frozen=True, slots=True)
class BatchCall:
    """A request about a batch.

    Attributes:
        method: of HTTP.
        url: where it goes.
        body: JSON; empty for none. With `tail`, what comes before the lines.
        tail: what comes after the lines, where those are sent in it; empty where they are not.
    """

    method: str
    url: str
    body: bytes = b""
    tail: bytes = b""


@dataclass(frozen=True, slots=True)
class FileUpload:
    """How a file is uploaded.

    Attributes:
        url: where it is posted to.
        fields: of the form, beside the file.
        start: headers and fields of a request that is answered with where it goes, as at Google;
            None where it is one form.
    """

    url: str
    fields: Mapping[str, str] = field(default_factory=dict)
    start: bytes | None = None


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A page of a provider's list of batches; `cursor` leads to the next, empty at the last."""

    batches: tuple[RemoteBatch, ...]
    cursor: str = ""


class BatchApi(ABC):
    """How the batches of one API are spoken to; it holds no state and no key."""

    takes_file = False  # whether lines are uploaded before the batch is created
    inlines_results = False  # whether results are in the answer about the batch

    def read_answer(self, body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Read an answer about a batch, without results that are in it.

        Raises:
            MalformedResponse: it is no JSON.
        """
        return read_json_answer(body)

    def split_results(self, body: bytes) -> Iterator[bytes]:  # noqa: ARG002 - of those that have them there
        """Return the results that are in an answer about a batch, each in JSON."""
        return iter(())

    @abstractmethod
    def write_line(self, target: BatchTarget, custom_id: str, body: bytes) -> bytes:
        """Return a line of a chunk's file, without the line's end.

        Args:
            target: where it goes.
            custom_id: of the line, of characters that JSON leaves as they are.
            body: of a call, as JSON.
        """

    def find_upload(self, target: BatchTarget, chunk: ChunkToSend, size: int) -> FileUpload | None:  # noqa: ARG002 - of those that have files
        """Return how a chunk's file of so many bytes is uploaded; None where it has none."""
        return None

    def parse_file_id(self, data: object) -> str:  # noqa: ARG002 - of those that have files
        """Return the id of a file that was uploaded.

        Raises:
            MalformedResponse: there is none.
        """
        raise MalformedResponse("this provider has no files of batches")

    @abstractmethod
    def create_call(self, target: BatchTarget, chunk: ChunkToSend) -> BatchCall:
        """Return the request that creates a batch."""

    @abstractmethod
    def batch_url(self, target: BatchTarget, batch_id: str) -> str:
        """Return the address that tells of a batch."""

    def cancel_url(self, target: BatchTarget, batch_id: str) -> str:
        """Return the address that a batch is ended at; empty where none can be."""
        return f"{self.batch_url(target, batch_id)}/cancel"

    @abstractmethod
    def list_url(self, target: BatchTarget, cursor: str) -> str:
        """Return the address of a page of all batches; the first where the cursor is empty."""

    @abstractmethod
    def parse_batch(self, data: object) -> RemoteBatch:
        """Parse what is told of a batch.

        Raises:
            MalformedResponse: it is no batch.
        """

    @abstractmethod
    def parse_page(self, data: object, cursor: str = "") -> BatchPage:
        """Parse a page of the list of all batches; `cursor` is what led to it.

        Raises:
            MalformedResponse: it is none.
        """

    @abstractmethod
    def result_url(self, target: BatchTarget, source: str) -> str:
        """Return the address of results, by an entry of `RemoteBatch.results`."""

    @abstractmethod
    def parse_line(self, line: bytes) -> ResultLine:
        """Parse a line of results.

        Raises:
            MalformedResponse: it cannot be read.
        """
