"""Mistral's batch jobs: a file of lines, a job of one model made of it, files of what came of them.

POST {base_url}/files, POST {base_url}/batch/jobs, GET the same with /{id}, as in the package
`mistralai` 3.7.0 (models/batchjob.py, createbatchjobrequest.py) and
https://docs.mistral.ai/capabilities/batch. Lines of results are as at OpenAI.
"""

from __future__ import annotations

import json
from typing import Any

from providers.batches.apis.batch_api import BatchCall, BatchPage, BatchTarget
from providers.batches.apis.batch_fields import (
    describe_errors,
    list_objects,
    quote_id,
    read_id,
    read_number,
    read_optional_id,
    read_time,
    read_word,
)
from providers.batches.apis.batch_states import judge_batch
from providers.batches.apis.form_files import FormFiles
from providers.batches.apis.openai_batches import (
    find_window,
    parse_openai_line,
    read_chunk,
    write_labels,
)
from providers.batches.apis.result_line import ResultLine
from providers.batches.chunk import ChunkToSend
from providers.batches.remote_batch import BatchState, RemoteBatch
from providers.reply import reading_response, require_object

_PAGE = 100  # jobs


class MistralBatches(FormFiles):
    """Mistral's batch jobs."""

    def write_line(self, target: BatchTarget, custom_id: str, body: bytes) -> bytes:  # noqa: ARG002 - the job names the endpoint
        """Return a line of a chunk's file."""
        return f'{{"custom_id":"{custom_id}","body":'.encode() + body + b"}"

    def create_call(self, target: BatchTarget, chunk: ChunkToSend) -> BatchCall:
        """Return the request that creates a job."""
        fields: dict[str, Any] = {
            "input_files": [chunk.file_id],
            "model": target.model_id,
            "endpoint": target.endpoint,
            "metadata": write_labels(chunk),
            "timeout_hours": int(chunk.window or find_window(target.provider)),
        }
        return BatchCall("POST", f"{target.base}/batch/jobs", json.dumps(fields).encode())

    def batch_url(self, target: BatchTarget, batch_id: str) -> str:
        """Return the address that tells of a job."""
        return f"{target.base}/batch/jobs/{quote_id(batch_id)}"

    def list_url(self, target: BatchTarget, cursor: str) -> str:
        """Return the address of a page of all jobs; its cursor is the page's number."""
        return f"{target.base}/batch/jobs?page_size={_PAGE}&order_by=-created&page={cursor or 0}"

    def parse_batch(self, data: object) -> RemoteBatch:
        """Parse what is told of a job."""
        with reading_response():
            return _parse_job(require_object(data))

    def parse_page(self, data: object, cursor: str = "") -> BatchPage:
        """Parse a page of all jobs; that it is full is all that tells of another."""
        with reading_response():
            listed = list_objects(require_object(data).get("data") or [])
            batches = tuple(map(self.parse_batch, listed))
            following = str(int(cursor or 0) + 1) if len(batches) >= _PAGE else ""
            return BatchPage(batches, following)

    def parse_line(self, line: bytes) -> ResultLine:
        """Parse a line of an output or of an error file."""
        return parse_openai_line(line)


def _read_file(value: object) -> str:
    """Read the id of a file, also from what describes the file; empty where there is none."""
    return read_optional_id(value if isinstance(value, dict) else {"id": value}, "id")


def _parse_job(fields: dict[str, Any]) -> RemoteBatch:
    files = [_read_file(fields.get(name)) for name in ("output_file", "error_file")]
    inputs = fields.get("input_files") or [""]
    told = RemoteBatch(
        id=read_id(fields, "id"),
        state=BatchState.WORKING,
        status=read_word(fields.get("status")),
        total=read_number(fields, "total_requests"),
        succeeded=read_number(fields, "succeeded_requests"),
        failed=read_number(fields, "failed_requests"),
        results=tuple(filter(None, files)),
        created_at=read_time(fields.get("created_at")),
        problem=describe_errors(fields.get("errors")),
        file_id=_read_file(inputs[0]),
        chunk=read_chunk(fields.get("metadata")),
    )
    return judge_batch(told)
