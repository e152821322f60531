"""Uploading a chunk's file: as one form, or at an address that is asked for first, as at Google."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from providers.batches import ChunkToSend
from providers.batches.apis import FileUpload, read_json_answer
from providers.errors import MalformedResponse
from runner.transport.batches.batch_outcomes import Uploaded
from runner.transport.batches.batch_route import BatchRoute
from runner.transport.batches.exchange import Exchange, NotTold, Reply, describe_unread

_KIND = "application/jsonl"


async def upload_file(
    exchange: Exchange, way: BatchRoute, chunk: ChunkToSend
) -> Uploaded | NotTold:
    """Upload a chunk's file, and return its id at the provider.

    Raises:
        ValueError: the provider takes no files.
    """
    size = chunk.path.stat().st_size
    upload = way.api.find_upload(way.target, chunk, size)
    if upload is None:
        raise ValueError(f"{way.provider.name} takes no files of batches")
    send = _send_form if upload.start is None else _send_where_told
    reply = await send(exchange, way, chunk, upload, size)
    if not isinstance(reply, Reply):
        return reply
    try:
        return Uploaded(way.api.parse_file_id(read_json_answer(reply.body)))
    except MalformedResponse as error:
        return describe_unread(error)


async def _send_form(
    exchange: Exchange, way: BatchRoute, chunk: ChunkToSend, upload: FileUpload, size: int
) -> Reply | NotTold:
    with chunk.path.open("rb") as file:
        form = aiohttp.FormData()
        for name, value in upload.fields.items():
            form.add_field(name, value)
        form.add_field("file", file, filename=f"{chunk.id}.jsonl", content_type=_KIND)
        return await exchange.ask(way, "POST", upload.url, form, way.auth_headers, size=size)


async def _send_where_told(
    exchange: Exchange, way: BatchRoute, chunk: ChunkToSend, upload: FileUpload, size: int
) -> Reply | NotTold:
    """Ask where a file goes, then send it; the key goes to the provider's own address alone."""
    headers = {
        **way.route.headers,
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Header-Content-Length": str(size),
        "X-Goog-Upload-Header-Content-Type": _KIND,
    }
    reply = await exchange.ask(way, "POST", upload.url, upload.start, headers)
    if not isinstance(reply, Reply):
        return reply
    told = reply.headers.get("X-Goog-Upload-URL", "")
    if not told:
        return describe_unread(MalformedResponse("does not say where the file is to go"))
    headers = way.auth_headers | {
        "X-Goog-Upload-Command": "upload, finalize",
        "X-Goog-Upload-Offset": "0",
        "Content-Type": _KIND,
    }
    url = _keep_host(told, upload.url)
    return await _send_file(exchange, way, chunk.path, url, headers, size)


async def _send_file(  # noqa: PLR0913 - what a request is
    exchange: Exchange, way: BatchRoute, path: Path, url: str, headers: dict[str, str], size: int
) -> Reply | NotTold:
    with path.open("rb") as file:
        return await exchange.ask(way, "POST", url, file, headers, size=size)


def _keep_host(told: str, own: str) -> str:
    """Return an address that was told, at the host that was asked."""
    path, known = urlsplit(told), urlsplit(own)
    return urlunsplit((known.scheme, known.netloc, path.path, path.query, ""))
