"""Google's batches of its own API: a file of lines, a job made of it, a file of what came of them.

POST {base_url}/models/{model}:batchGenerateContent, GET {base_url}/batches/{id}, and files by
Google's resumable upload, as in the package `google-genai` 3.6.1 (batches.py, files.py) and
https://ai.google.dev/api/batch-api. Lines have a `key`, jobs a display name. A job is told of as
the metadata of an operation.
"""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Raw, Struct

from providers.apis import google_model_url, native_google_url
from providers.batches.apis.batch_api import BatchApi, BatchCall, BatchPage, BatchTarget, FileUpload
from providers.batches.apis.batch_fields import (
    describe_errors,
    list_objects,
    quote_cursor,
    quote_id,
    read_cursor,
    read_id,
    read_number,
    read_optional_id,
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
    write_error,
)
from providers.batches.batch_line import LineEnd
from providers.batches.chunk import ChunkToSend
from providers.batches.remote_batch import BatchState, RemoteBatch
from providers.reply import reading_response, require_object

_VERSION = re.compile(r"/v[^/]*$")
_CANCELLED = 1
# google.rpc.Code -> status of HTTP: https://cloud.google.com/apis/design/errors
_STATUSES = {
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    14: 503,
    16: 401,
}


class _Line(Struct):
    key: str | None = None
    response: Raw = Raw(b"")
    error: Raw = Raw(b"")
    status: Raw = Raw(b"")


_READER = LineReader(_Line)


class GenerateBatches(BatchApi):
    """Batches of Google's own API."""

    takes_file = True

    def write_line(self, target: BatchTarget, custom_id: str, body: bytes) -> bytes:  # noqa: ARG002 - the job names the model
        """Return a line of a chunk's file."""
        return f'{{"key":"{custom_id}","request":'.encode() + body + b"}"

    def find_upload(self, target: BatchTarget, chunk: ChunkToSend, size: int) -> FileUpload | None:  # noqa: ARG002 - told in its headers
        """Return how a chunk's file is uploaded: asked for first, at an address of its own."""
        native = native_google_url(target.base)
        version = _VERSION.search(native)
        at = version.start() if version else len(native)
        start = {"file": {"displayName": chunk.id, "mimeType": "application/jsonl"}}
        url = f"{native[:at]}/upload{native[at:]}/files"
        return FileUpload(url, start=json.dumps(start).encode())

    def parse_file_id(self, data: object) -> str:
        """Return the name of a file that was uploaded."""
        with reading_response():
            return read_id(require_object(require_object(data)["file"]), "name")

    def create_call(self, target: BatchTarget, chunk: ChunkToSend) -> BatchCall:
        """Return the request that creates a job."""
        url = google_model_url(target.provider.base_url, target.model_id, "batchGenerateContent")
        batch = {"displayName": chunk.id, "inputConfig": {"fileName": chunk.file_id}}
        return BatchCall("POST", url, json.dumps({"batch": batch}).encode())

    def batch_url(self, target: BatchTarget, batch_id: str) -> str:
        """Return the address that tells of a job; its name begins with `batches/`."""
        name = f"batches/{batch_id.removeprefix('batches/')}"
        return f"{native_google_url(target.base)}/{quote_id(name)}"

    def cancel_url(self, target: BatchTarget, batch_id: str) -> str:
        """Return the address that a job is ended at."""
        return f"{self.batch_url(target, batch_id)}:cancel"

    def list_url(self, target: BatchTarget, cursor: str) -> str:
        """Return the address of a page of all jobs."""
        after = f"&pageToken={quote_cursor(cursor)}" if cursor else ""
        return f"{native_google_url(target.base)}/batches?pageSize=100{after}"

    def parse_batch(self, data: object) -> RemoteBatch:
        """Parse what is told of a job."""
        with reading_response():
            return _parse_operation(require_object(data))

    def parse_page(self, data: object, cursor: str = "") -> BatchPage:  # noqa: ARG002 - the answer tells
        """Parse a page of all jobs; an empty one has no list."""
        with reading_response():
            page = require_object(data)
            listed = list_objects(page.get("operations") or [])
            batches = tuple(map(self.parse_batch, listed))
            return BatchPage(batches, read_cursor(page.get("nextPageToken")))

    def result_url(self, target: BatchTarget, source: str) -> str:
        """Return the address of a file's contents."""
        name = f"files/{source.removeprefix('files/')}"
        return f"{native_google_url(target.base)}/{quote_id(name)}:download?alt=media"

    def parse_line(self, line: bytes) -> ResultLine:
        """Parse a line: a response, or a status."""
        read = _READER.read(line)
        custom_id = read_custom_id(read.key)
        if is_given(read.response):
            return ResultLine(custom_id, OK, bytes(read.response))
        given = read.error if is_given(read.error) else read.status
        if not is_given(given):
            return ResultLine(custom_id)
        error = read_error(given)
        end = LineEnd.CANCELLED if error.get("code") == _CANCELLED else None
        return ResultLine(custom_id, _find_status(error), write_error(error), end)


def _find_status(error: dict[str, Any]) -> int:
    """Return the status of an error, whose code is of gRPC or of HTTP."""
    code = read_number(error, "code") or 0
    return code if 400 <= code < 600 else _STATUSES.get(code, SERVER_ERROR)  # noqa: PLR2004 - HTTP


def _parse_operation(operation: dict[str, Any]) -> RemoteBatch:
    fields = require_object(operation.get("metadata") or operation)
    stats = fields.get("batchStats")
    output = fields.get("output") or operation.get("response") or {}
    told = RemoteBatch(
        id=read_id(operation, "name"),
        state=BatchState.WORKING,
        status=read_word(fields.get("state")),
        total=read_number(stats, "requestCount"),
        succeeded=read_number(stats, "successfulRequestCount"),
        failed=read_number(stats, "failedRequestCount"),
        results=tuple(filter(None, [read_optional_id(output, "responsesFile")])),
        created_at=read_time(fields.get("createTime")),
        problem=describe_errors(operation.get("error") or fields.get("error")),
        file_id=read_optional_id(fields.get("inputConfig") or {}, "fileName"),
        chunk=read_word(fields.get("displayName")),
    )
    return judge_batch(told)
