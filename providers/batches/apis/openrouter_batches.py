"""OpenRouter's batches: lines are sent with the creation, results are in the answer about it.

POST {base_url}/batches and GET {base_url}/batches/{id}, as in the package `openrouter` 1.3.84
(components/batchsubmitbody.py, batchobject.py) and
https://openrouter.ai/docs/guides/features/batch-api. The model must stand before the requests. A
batch has no metadata and cannot be ended; each line's usage has its cost, as a call's has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from msgspec import MsgspecError, Raw
from msgspec.json import Decoder

from providers.batches.apis.batch_api import BatchApi, BatchCall, BatchPage, BatchTarget
from providers.batches.apis.batch_fields import quote_id, read_json_answer
from providers.batches.apis.openai_batches import OpenAiBatches, parse_openai_line
from providers.batches.apis.result_line import ResultLine, is_given
from providers.batches.chunk import ChunkToSend
from providers.batches.remote_batch import BatchState, RemoteBatch
from providers.errors import MalformedResponse
from providers.secrets import quote_value

_RESULTS = "results"
_PARTS, _LIST = Decoder(dict[str, Raw]), Decoder(list[Raw])
_OPENAI = OpenAiBatches()  # a batch, and a page of them, are told of alike


class OpenRouterBatches(BatchApi):
    """OpenRouter's batches."""

    inlines_results = True

    def read_answer(self, body: bytes) -> dict[str, Any]:
        """Read an answer about a batch, or about all of them, without results that are in it."""
        read = _read_parts(body)
        return {
            name: read_json_answer(bytes(each)) for name, each in read.items() if name != _RESULTS
        }

    def split_results(self, body: bytes) -> Iterator[bytes]:
        """Return the results that are in an answer about a batch, each in JSON."""
        listed = _read_parts(body).get(_RESULTS, Raw(b""))
        if not is_given(listed):
            return iter(())
        try:
            return (bytes(each) for each in _LIST.decode(listed))
        except MsgspecError as error:
            raise MalformedResponse(f"the results are no list: {error}") from error

    def write_line(self, target: BatchTarget, custom_id: str, body: bytes) -> bytes:  # noqa: ARG002 - the batch names both
        """Return a request of a batch."""
        return f'{{"custom_id":"{custom_id}","body":'.encode() + body + b"}"

    def create_call(self, target: BatchTarget, chunk: ChunkToSend) -> BatchCall:  # noqa: ARG002 - it has no name
        """Return the request that creates a batch, with its lines in it."""
        fields = {"endpoint": target.endpoint, "model": target.model_id}
        head = json.dumps(fields).removesuffix("}") + ', "requests": ['
        return BatchCall("POST", f"{target.base}/batches", head.encode(), b"]}")

    def batch_url(self, target: BatchTarget, batch_id: str) -> str:
        """Return the address that tells of a batch, with its results once it has ended."""
        return f"{target.base}/batches/{quote_id(batch_id)}"

    def cancel_url(self, target: BatchTarget, batch_id: str) -> str:  # noqa: ARG002 - there is none
        """Return that no batch can be ended."""
        return ""

    def list_url(self, target: BatchTarget, cursor: str) -> str:
        """Return the address of a page of all batches."""
        return _OPENAI.list_url(target, cursor)

    def parse_batch(self, data: object) -> RemoteBatch:
        """Parse what is told of a batch."""
        return _point_to_results(_OPENAI.parse_batch(data))

    def parse_page(self, data: object, cursor: str = "") -> BatchPage:
        """Parse a page of all batches."""
        page = _OPENAI.parse_page(data, cursor)
        return replace(page, batches=tuple(map(_point_to_results, page.batches)))

    def result_url(self, target: BatchTarget, source: str) -> str:
        """Return the address of the batch, whose results are in it."""
        return self.batch_url(target, source)

    def parse_line(self, line: bytes) -> ResultLine:
        """Parse a result, which is as in OpenAI's files."""
        return parse_openai_line(line)


def _read_parts(body: bytes) -> dict[str, Raw]:
    """Return the fields of an answer, each as it came.

    Raises:
        MalformedResponse: it is no JSON object.
    """
    try:
        return _PARTS.decode(body)
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedResponse(f"the answer is no JSON: {quote_value(str(error))}") from error


def _point_to_results(batch: RemoteBatch) -> RemoteBatch:
    """Return a batch that names itself as where its results are, once it has ended."""
    return replace(batch, results=(batch.id,)) if batch.state is BatchState.ENDED else batch
