"""Looking for the batch of a chunk whose creation was not answered.

The whole list is read, back to before the chunk was intended. A batch is known by its chunk's name
where it has one, by the file that was uploaded for it, or by the custom ids in its results, which
are only told of once it has ended. That there is none is sure only with the key that its creation
was sent with: another may belong to another account. Whether it may still appear is for others to
say, who know how long ago that was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.batches import BatchState, ChunkToSend, FindBy, RemoteBatch, parse_line_name
from providers.errors import MalformedResponse
from runner.transport.batches.batch_outcomes import Found
from runner.transport.batches.batch_route import BatchRoute
from runner.transport.batches.exchange import Exchange, NotTold, Reply, describe_unread
from runner.transport.batches.first_results import read_first_ids

_MOST_PAGES = 300
_CLOCKS = timedelta(days=7)  # by which a provider's clock and this one may differ


@dataclass(slots=True)
class _Looked:
    """What came of looking through a list."""

    found: RemoteBatch | None = None
    working: int = 0  # batches that may be it, which only their results will tell
    unreadable: int = 0  # batches that may be it, whose results do not tell
    failure: NotTold | None = None
    is_whole: bool = True


async def find_batch(
    exchange: Exchange, way: BatchRoute, chunk: ChunkToSend, key_mark: str
) -> Found:
    """Look for a chunk's batch.

    Args:
        exchange: that it is asked by.
        way: where the chunk was sent.
        chunk: that was sent.
        key_mark: of the key that is asked with.
    """
    if chunk.sent_at is None:
        return Found(None, is_sure=True)
    looked = await _look(exchange, way, chunk)
    if looked.found is not None:
        return Found(looked.found, is_sure=True)
    if looked.failure is not None:
        failure = looked.failure.failure
        return Found(None, is_sure=False, why=failure.message, failure=failure)
    return _judge(looked, chunk, key_mark)


def _judge(looked: _Looked, chunk: ChunkToSend, key_mark: str) -> Found:
    if looked.unreadable:
        why = f"{looked.unreadable:,} that may be it have no results that can be read"
    elif chunk.key_mark and chunk.key_mark != key_mark:
        why = "it was sent with another key, whose batches this one may not see"
    elif not looked.is_whole:
        why = "the list of batches could not be read to its end"
    elif looked.working:
        batches = f"{looked.working:,} batch{'es' if looked.working > 1 else ''}"
        why = f"{batches} that may be it still work; their results will tell"
    else:
        return Found(None, is_sure=True)
    return Found(None, is_sure=False, why=why)


async def _look(exchange: Exchange, way: BatchRoute, chunk: ChunkToSend) -> _Looked:
    looked = _Looked()
    async for each in _list_batches(exchange, way, chunk.intended_at - _CLOCKS, looked):
        if _is_named(each, chunk):
            looked.found = each
        elif way.limits.find_by is FindBy.CUSTOM_IDS and _may_be(each, chunk):
            await _compare_results(exchange, way, each, chunk, looked)
        if looked.found is not None or looked.failure is not None:
            break
    return looked


async def _list_batches(
    exchange: Exchange, way: BatchRoute, since: datetime, looked: _Looked
) -> AsyncIterator[RemoteBatch]:
    cursor, seen = "", set[str]()
    for _ in range(_MOST_PAGES):
        reply = await exchange.ask(way, "GET", way.api.list_url(way.target, cursor))
        if not isinstance(reply, Reply):
            looked.failure = reply
            return
        try:
            page = way.api.parse_page(way.api.read_answer(reply.body), cursor)
        except MalformedResponse as error:
            looked.failure = describe_unread(error)
            return
        fresh = [each for each in page.batches if each.id not in seen]
        for each in fresh:
            yield each
        if page.batches and not fresh:  # the same page again: are there others?
            looked.is_whole = way.limits.lists_all
            return
        seen.update(each.id for each in fresh)
        cursor = page.cursor
        # Of all of them: one with a wrong time must not hide those behind it.
        times = [each.created_at for each in page.batches]
        is_past = bool(times) and all(each is not None and each < since for each in times)
        if not cursor or (is_past and way.limits.newest_first):
            return
    looked.is_whole = False


def _is_named(batch: RemoteBatch, chunk: ChunkToSend) -> bool:
    by_file = bool(chunk.file_id) and batch.file_id == chunk.file_id
    return batch.chunk == chunk.id or by_file


def _may_be(batch: RemoteBatch, chunk: ChunkToSend) -> bool:
    """Return whether a batch without a name may be a chunk's; a failed one bills nothing.

    One that has ended may count fewer requests than it was sent: those that it did.
    """
    is_older = batch.created_at is not None and batch.created_at < chunk.intended_at - _CLOCKS
    total, is_working = batch.total or chunk.lines, batch.state is BatchState.WORKING
    is_other = total > chunk.lines or (is_working and total < chunk.lines)
    is_known = batch.id in chunk.other_batches
    return not (is_older or is_other or is_known or batch.state is BatchState.FAILED)


async def _compare_results(
    exchange: Exchange, way: BatchRoute, batch: RemoteBatch, chunk: ChunkToSend, looked: _Looked
) -> None:
    """Compare the custom ids of a batch's first results with the chunk's."""
    if batch.state is BatchState.WORKING:
        looked.working += 1
        return
    ids = await read_first_ids(exchange, way, batch)
    if isinstance(ids, NotTold):
        looked.failure = ids
    elif not ids:
        looked.unreadable += 1
    elif any((parse_line_name(each) or ("",))[0] == chunk.id for each in ids):
        looked.found = batch
