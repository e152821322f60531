"""OpenAI's batches: a file of lines, a batch made of it, and files of what came of them.

POST {base_url}/files, POST {base_url}/batches, GET {base_url}/batches/{id} and
GET {base_url}/files/{id}/content, as OpenAI, Groq and DeepInfra take them, and Together with other
words. As in the packages `openai` 3.57.0 (types/batch.py), `groq` 1.7.0 and `together` 3.1.1, and
https://developers.openai.com/api/reference/resources/batches.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Raw, Struct

from providers.batches.apis.batch_api import BatchCall, BatchPage, BatchTarget, FileUpload
from providers.batches.apis.batch_fields import (
    describe_errors,
    list_objects,
    quote_cursor,
    quote_id,
    read_id,
    read_number,
    read_optional_id,
    read_time,
    read_word,
)
from providers.batches.apis.batch_states import judge_batch
from providers.batches.apis.form_files import FormFiles
from providers.batches.apis.result_line import (
    SERVER_ERROR,
    LineReader,
    ResultLine,
    is_given,
    read_custom_id,
    read_error,
    read_status,
    write_error,
)
from providers.batches.batch_limits import FindBy, find_batch_limits
from providers.batches.batch_line import LineEnd
from providers.batches.chunk import ChunkToSend
from providers.batches.remote_batch import BatchState, RemoteBatch
from providers.provider import Provider
from providers.reply import reading_response, require_object

CHUNK_LABEL = "afcost_chunk"  # a name in the metadata of a batch
_MOST_LABELS, _MOST_VALUE = 15, 512  # of 16 and 512, with the chunk's own
_ENDS = {
    **dict.fromkeys(("batch_expired", "expired"), LineEnd.EXPIRED),
    **dict.fromkeys(("batch_cancelled", "batch_canceled", "cancelled"), LineEnd.CANCELLED),
}


class _Response(Struct):
    status_code: int | None = None
    body: Raw = Raw(b"")


class _Line(Struct):
    custom_id: str | None = None
    response: _Response | None = None
    error: Raw = Raw(b"")


_READER = LineReader(_Line)


class OpenAiBatches(FormFiles):
    """Batches of OpenAI, and of others that speak its API."""

    def write_line(self, target: BatchTarget, custom_id: str, body: bytes) -> bytes:
        """Return a line of a chunk's file."""
        head = f'{{"custom_id":"{custom_id}","method":"POST","url":"{target.endpoint}","body":'
        return head.encode() + body + b"}"

    def create_call(self, target: BatchTarget, chunk: ChunkToSend) -> BatchCall:
        """Return the request that creates a batch."""
        fields: dict[str, Any] = {
            "input_file_id": chunk.file_id,
            "endpoint": target.endpoint,
            "completion_window": chunk.window or find_window(target.provider),
        }
        limits = find_batch_limits(target.provider)
        if limits is not None and limits.find_by is FindBy.METADATA:
            fields["metadata"] = write_labels(chunk)
        return BatchCall("POST", f"{target.base}/batches", json.dumps(fields).encode())

    def batch_url(self, target: BatchTarget, batch_id: str) -> str:
        """Return the address that tells of a batch."""
        return f"{target.base}/batches/{quote_id(batch_id)}"

    def list_url(self, target: BatchTarget, cursor: str) -> str:
        """Return the address of a page of all batches."""
        after = f"&after={quote_cursor(cursor)}" if cursor else ""
        return f"{target.base}/batches?limit=100{after}"

    def parse_batch(self, data: object) -> RemoteBatch:
        """Parse what is told of a batch; of Together, also inside of `job`."""
        with reading_response():
            fields = require_object(data)
            fields = require_object(fields["job"]) if "job" in fields else fields
            return _parse_batch(fields)

    def parse_page(self, data: object, cursor: str = "") -> BatchPage:  # noqa: ARG002 - the answer tells
        """Parse a page of all batches, or, of Together, all of them in a list."""
        with reading_response():
            if isinstance(data, list):
                return BatchPage(tuple(map(self.parse_batch, data)))
            page = require_object(data)
            batches = tuple(map(self.parse_batch, list_objects(page.get("data"))))
            # One that does not say whether it is the last is asked for another.
            goes_on = page.get("has_more") is not False and bool(batches)
            return BatchPage(batches, batches[-1].id if goes_on else "")

    def parse_line(self, line: bytes) -> ResultLine:
        """Parse a line of an output or of an error file."""
        return parse_openai_line(line)


class TogetherBatches(OpenAiBatches):
    """Together's batches: OpenAI's but for how a file is uploaded and a batch is created."""

    def find_upload(self, target: BatchTarget, chunk: ChunkToSend, size: int) -> FileUpload | None:  # noqa: ARG002 - a form
        """Return how a chunk's file is uploaded: https://docs.together.ai/reference/upload-file."""
        fields = {"purpose": "batch-api", "file_name": f"{chunk.id}.jsonl", "file_type": "jsonl"}
        return FileUpload(f"{target.base}/files/upload", fields)

    def create_call(self, target: BatchTarget, chunk: ChunkToSend) -> BatchCall:
        """Return the request that creates a batch."""
        fields = {
            "input_file_id": chunk.file_id,
            "endpoint": target.endpoint,
            "completion_window": chunk.window or find_window(target.provider),
            "model_id": target.model_id,
        }
        return BatchCall("POST", f"{target.base}/batches", json.dumps(fields).encode())


def find_window(provider: Provider) -> str:
    """Return the window that a provider's batches are asked for; empty where it has no choice."""
    limits = find_batch_limits(provider)
    return limits.windows[0] if limits and limits.windows else ""


def write_labels(chunk: ChunkToSend) -> dict[str, str]:
    """Return the metadata of a chunk's batch."""
    labels = list(chunk.labels.items())[:_MOST_LABELS]
    cut = {name[:64]: value[:_MOST_VALUE] for name, value in labels}
    return cut | {CHUNK_LABEL: chunk.id}


def read_chunk(metadata: object) -> str:
    """Return the chunk that a batch's metadata names; empty where it names none."""
    return read_word(metadata.get(CHUNK_LABEL)) if isinstance(metadata, dict) else ""


def parse_openai_line(line: bytes) -> ResultLine:
    """Parse a line of results; a response counts before an error beside it, for it is billed.

    Raises:
        MalformedResponse: it cannot be read.
    """
    read = _READER.read(line)
    custom_id = read_custom_id(read.custom_id)
    if read.response is not None and is_given(read.response.body):
        status = read_status(read.response.status_code)
        return ResultLine(custom_id, status, bytes(read.response.body))
    if not is_given(read.error):
        return ResultLine(custom_id)
    error = read_error(read.error)
    words = (read_word(error.get(name)).lower() for name in ("code", "type"))
    end = next((_ENDS[word] for word in words if word in _ENDS), None)
    return ResultLine(custom_id, SERVER_ERROR, write_error(error), end)


def _parse_batch(fields: dict[str, Any]) -> RemoteBatch:
    counts = fields.get("request_counts")
    files = [read_optional_id(fields, name) for name in ("output_file_id", "error_file_id")]
    problem = describe_errors(fields.get("errors") or fields.get("error"))
    told = RemoteBatch(
        id=read_id(fields, "id"),
        state=BatchState.WORKING,
        status=read_word(fields.get("status")),
        total=read_number(counts, "total"),
        succeeded=read_number(counts, "completed"),
        failed=read_number(counts, "failed"),
        results=tuple(filter(None, files)),
        created_at=read_time(fields.get("created_at")),
        problem=problem,
        file_id=read_optional_id(fields, "input_file_id"),
        chunk=read_chunk(fields.get("metadata")),
    )
    return judge_batch(told)
