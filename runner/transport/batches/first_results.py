"""The custom ids of a batch's first results, which tell whose it is where it has no name."""

from __future__ import annotations

from itertools import islice

import aiohttp

from providers.batches import RemoteBatch
from providers.errors import MalformedResponse
from runner.transport.batches.batch_route import BatchRoute
from runner.transport.batches.downloads import MOST_INLINE
from runner.transport.batches.exchange import (
    Exchange,
    NotTold,
    Reply,
    describe_unread,
    explain_failure,
    judge_response,
)
from runner.transport.sender import SENDING_ERRORS, read_body

_MOST_READ, _MOST_LINES = 8 * 2**20, 50  # one result may be damaged, or of another batch


async def read_first_ids(
    exchange: Exchange, way: BatchRoute, batch: RemoteBatch
) -> list[str] | NotTold:
    """Return the custom ids of the first results of a batch; none where none can be read."""
    read = _read_inline if way.api.inlines_results else _read_file
    ids: list[str] = []
    for source in batch.results:
        lines = await read(exchange, way, way.api.result_url(way.target, source))
        if isinstance(lines, NotTold):
            return lines
        ids += filter(None, (_read_custom_id(way, line) for line in lines))
    return ids


async def _read_inline(exchange: Exchange, way: BatchRoute, url: str) -> list[bytes] | NotTold:
    reply = await exchange.ask(way, "GET", url, most=MOST_INLINE)
    if not isinstance(reply, Reply):
        return reply
    try:
        return list(islice(way.api.split_results(reply.body), _MOST_LINES))
    except MalformedResponse as error:
        return describe_unread(error)


async def _read_file(exchange: Exchange, way: BatchRoute, url: str) -> list[bytes] | NotTold:
    try:
        async with exchange.open(
            way, "GET", url, None, way.auth_headers, may_take_long=True
        ) as response:
            if response.status == 200:  # noqa: PLR2004 - HTTP
                return await _read_lines(response)
            judged = judge_response(
                way, response.status, response.headers, await read_body(response, _MOST_READ)
            )
    except SENDING_ERRORS as error:
        return explain_failure(way, error, exchange.seconds)
    if isinstance(judged, Reply):
        return describe_unread(MalformedResponse("has no results where it says they are"))
    return judged


async def _read_lines(response: aiohttp.ClientResponse) -> list[bytes]:
    """Return the first lines of a response; the last of them may be cut off."""
    read = bytearray()
    async for block in response.content.iter_any():
        read += block
        if read.count(b"\n") > _MOST_LINES or len(read) > _MOST_READ:
            break
    return bytes(read).split(b"\n")[:_MOST_LINES]


def _read_custom_id(way: BatchRoute, line: bytes) -> str:
    try:
        return way.api.parse_line(line).custom_id if line.strip() else ""
    except MalformedResponse:
        return ""
