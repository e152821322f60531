"""Anthropic's Message Batches: the lines are sent with the creation, and results are one file.

POST {base_url}/messages/batches, GET the same with /{id} and /{id}/results, as in the package
`anthropic` 2.14.0 (types/messages/message_batch.py and message_batch_result.py) and
https://platform.claude.com/docs/en/build-with-claude/batch-processing. Only results of the type
`succeeded` are billed. A batch has no name: it is known by the custom ids in its results.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from providers.batches.apis.batch_api import BatchApi, BatchCall, BatchPage, BatchTarget
from providers.batches.apis.batch_fields import (
    list_objects,
    quote_cursor,
    quote_id,
    read_id,
    read_number,
    read_time,
    read_word,
)
from providers.batches.apis.batch_states import judge_batch
from providers.batches.apis.result_line import (
    OK,
    SERVER_ERROR,
    LineReader,
    ResultLine,
    is_given,
    read_custom_id,
    read_error,
)
from providers.batches.batch_line import LineEnd
from providers.batches.chunk import ChunkToSend
from providers.batches.remote_batch import BatchState, RemoteBatch
from providers.errors import MalformedResponse
from providers.reply import reading_response, require_object

_ENDS = {"expired": LineEnd.EXPIRED, "canceled": LineEnd.CANCELLED}
_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
# As in https://platform.claude.com/docs/en/api/errors.
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class _Result(Struct):
    type: str = ""
    message: Raw = Raw(b"")
    error: Raw = Raw(b"")


class _Line(Struct):
    custom_id: str | None = None
    result: _Result | None = None


_READER = LineReader(_Line)


class MessageBatches(BatchApi):
    """Anthropic's Message Batches."""

    def write_line(self, target: BatchTarget, custom_id: str, body: bytes) -> bytes:  # noqa: ARG002 - a body names its model
        """Return a request of a batch."""
        return f'{{"custom_id":"{custom_id}","params":'.encode() + body + b"}"

    def create_call(self, target: BatchTarget, chunk: ChunkToSend) -> BatchCall:  # noqa: ARG002 - it has no name
        """Return the request that creates a batch, with its lines in it."""
        return BatchCall("POST", _batches_url(target), b'{"requests":[', b"]}")

    def batch_url(self, target: BatchTarget, batch_id: str) -> str:
        """Return the address that tells of a batch."""
        return f"{_batches_url(target)}/{quote_id(batch_id)}"

    def list_url(self, target: BatchTarget, cursor: str) -> str:
        """Return the address of a page of all batches."""
        after = f"&after_id={quote_cursor(cursor)}" if cursor else ""
        return f"{_batches_url(target)}?limit=100{after}"

    def parse_batch(self, data: object) -> RemoteBatch:
        """Parse what is told of a batch."""
        with reading_response():
            return _parse_batch(require_object(data))

    def parse_page(self, data: object, cursor: str = "") -> BatchPage:  # noqa: ARG002 - the answer tells
        """Parse a page of all batches."""
        with reading_response():
            page = require_object(data)
            batches = tuple(map(self.parse_batch, list_objects(page.get("data"))))
            goes_on = page.get("has_more") is not False and bool(batches)
            return BatchPage(batches, batches[-1].id if goes_on else "")

    def result_url(self, target: BatchTarget, source: str) -> str:
        """Return the address of results; that which an answer names is not trusted with a key."""
        return f"{self.batch_url(target, source)}/results"

    def parse_line(self, line: bytes) -> ResultLine:
        """Parse a result."""
        read = _READER.read(line)
        custom_id, result = read_custom_id(read.custom_id), read.result or _Result()
        if result.type in _ENDS:
            return ResultLine(custom_id, end=_ENDS[result.type])
        if result.type == "succeeded" and is_given(result.message):
            return ResultLine(custom_id, OK, bytes(result.message))
        if result.type == "errored" and is_given(result.error):
            return ResultLine(custom_id, _find_status(result.error), bytes(result.error))
        raise MalformedResponse(f"a result of the type {read_word(result.type)!r}")


def _batches_url(target: BatchTarget) -> str:
    base = target.base if target.base.endswith("/v1") else f"{target.base}/v1"
    return f"{base}/messages/batches"


def _find_status(error: Raw) -> int:
    """Return the status that an error would have had; it may be inside of another."""
    fields = read_error(error)
    inner = fields.get("error")
    kind = (inner if isinstance(inner, dict) else fields).get("type")
    return _STATUSES.get(str(kind), SERVER_ERROR)


def _parse_batch(fields: dict[str, Any]) -> RemoteBatch:
    given = fields.get("request_counts")
    counts = {name: read_number(given, name) for name in _COUNTS}
    known = [count for count in counts.values() if count is not None]
    status, batch_id = read_word(fields.get("processing_status")), read_id(fields, "id")
    ended = status == "ended"
    told = RemoteBatch(
        id=batch_id,
        state=BatchState.WORKING,
        status=status,
        is_expired=ended and bool(counts["expired"]),
        is_cancelled=ended and bool(counts["canceled"]),
        total=sum(known) if known else None,
        succeeded=counts["succeeded"] if ended else None,
        failed=counts["errored"] if ended else None,
        results=(batch_id,) if ended else (),
        created_at=read_time(fields.get("created_at")),
        problem="its results are archived" if fields.get("archived_at") else "",
    )
    return judge_batch(told)
