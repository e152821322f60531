"""Fetching a batch's results to disk: whole, or an error, and going on where one was cut off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import aiohttp

from providers.batches import RemoteBatch
from providers.errors import MalformedResponse
from providers.failures import describe_unreadable
from runner.transport.batches.batch_outcomes import FetchedResults
from runner.transport.batches.batch_route import BatchRoute
from runner.transport.batches.exchange import (
    Exchange,
    NotTold,
    Reply,
    describe_unread,
    explain_failure,
    judge_response,
)
from runner.transport.batches.result_files import (
    NoRoomError,
    ResultFile,
    join_files,
    name_result_file,
    remove_files,
    require_room,
)
from runner.transport.outcome import Unknown
from runner.transport.sender import SENDING_ERRORS, read_body

MOST_INLINE = 256 * 2**20  # bytes of an answer that has results in it
_MOST_LINE = 8 * 2**20  # bytes of a result, on average
_MOST_ERROR, _BETWEEN_CHECKS = 2**20, 2**26  # bytes of an error; between looks at the disk
_MOST_HOPS = 3
_REDIRECTIONS = {301, 302, 303, 307, 308}
_OK, _PARTIAL = 200, 206


async def fetch_results(  # noqa: PLR0913 - what is fetched, and where to
    exchange: Exchange,
    way: BatchRoute,
    batch: RemoteBatch,
    to: Path,
    lines: int,
    *,
    takes_cut: bool,
) -> FetchedResults | NotTold:
    """Fetch all results of a batch into one file.

    Args:
        exchange: that they are asked by.
        way: whose batch it is.
        batch: that has ended.
        to: where they go.
        lines: how many the chunk has.
        takes_cut: whether what is there is taken where it is less than the provider says.
    """
    files = []
    for source in batch.results:
        files.append(name_result_file(to, source))
        failure = await _fetch_source(exchange, way, source, files[-1], lines, takes_cut=takes_cut)
        if failure is not None:
            return failure
    size, count = join_files(files, to)
    expected = batch.succeeded or 0
    remove_files(files)
    if count < expected and not takes_cut:
        said = f"{count:,} results came of {expected:,} that the provider says are there"
        return Unknown(describe_unreadable(said))
    return FetchedResults(to, size, count, is_whole=count >= expected)


async def _fetch_source(  # noqa: PLR0913 - as of `fetch_results`
    exchange: Exchange,
    way: BatchRoute,
    source: str,
    file: ResultFile,
    lines: int,
    *,
    takes_cut: bool,
) -> NotTold | None:
    if file.is_done:
        return None
    fetch = _fetch_inline if way.api.inlines_results else _fetch_file
    url = way.api.result_url(way.target, source)
    failure = await fetch(exchange, way, url, file, lines, takes_cut=takes_cut)
    file.hide(way.route.key)
    if failure is None and not file.ends_whole():
        failure = Unknown(describe_unreadable("the results end in the middle of a line"))
        if not takes_cut:
            file.drop()  # what was sent as whole is not gone on with
    if failure is None or (takes_cut and file.measure()):
        file.finish()
        return None
    return failure


async def _fetch_inline(
    exchange: Exchange, way: BatchRoute, url: str, file: ResultFile, _: int, *, takes_cut: bool
) -> NotTold | None:
    """Fetch an answer about a batch, and write each of the results in it on a line.

    One that is cut off has none that can be told apart.
    """
    reply = await exchange.ask(way, "GET", url, most=MOST_INLINE)
    if not isinstance(reply, Reply):
        return reply
    try:
        file.write_lines(way.api.split_results(reply.body))
    except MalformedResponse as error:
        file.drop()
        if not takes_cut:
            return describe_unread(error)
        file.write_lines([])
    return None


async def _fetch_file(  # noqa: PLR0913 - what is fetched, and where to
    exchange: Exchange,
    way: BatchRoute,
    url: str,
    file: ResultFile,
    lines: int,
    *,
    takes_cut: bool,  # noqa: ARG001 - what arrived is kept in any case
) -> NotTold | None:
    """Fetch a file; what was cut off is gone on with, where the provider does that."""
    headers, most = way.auth_headers, (lines + 1) * _MOST_LINE
    try:
        for _ in range(_MOST_HOPS):
            told = await _fetch_once(exchange, way, url, headers, file, most)
            if not isinstance(told, str):
                return told
            url, headers = _follow(url, told), {}  # a key goes to its provider alone
    except NoRoomError as error:
        return Unknown(describe_unreadable(str(error)))
    except SENDING_ERRORS as error:
        return explain_failure(way, error, exchange.seconds)
    return describe_unread(MalformedResponse("sends from one address to another without end"))


async def _fetch_once(  # noqa: PLR0913 - as of `_fetch_file`
    exchange: Exchange,
    way: BatchRoute,
    url: str,
    headers: Mapping[str, str],
    file: ResultFile,
    most: int,
) -> NotTold | str | None:
    """Fetch a file from an address; return the address that it sends on to, if it does."""
    had = file.measure()
    headers = {**headers, "Range": f"bytes={had}-"} if had else headers
    async with exchange.open(way, "GET", url, None, headers, may_take_long=True) as response:
        if response.status in _REDIRECTIONS and response.headers.get("Location"):
            return response.headers["Location"]
        if response.status == _OK or (had and _begins_at(response, had)):
            await _write_content(response, file, had if response.status != _OK else 0, most)
            return None
        file.drop()
        body = await read_body(response, _MOST_ERROR)
        judged = judge_response(way, response.status, response.headers, body)
    if isinstance(judged, Reply):
        return describe_unread(MalformedResponse("sends another part than was asked for"))
    return judged


async def _write_content(
    response: aiohttp.ClientResponse, file: ResultFile, had: int, most: int
) -> None:
    written, checked = had, -1
    with file.begun.open("ab" if had else "wb") as opened:
        async for block in response.content.iter_any():
            written += len(block)
            if written > most:
                raise NoRoomError(f"the results are larger than {most / 2**20:,.0f} MiB")
            if written // _BETWEEN_CHECKS > checked:
                checked = written // _BETWEEN_CHECKS
                require_room(file.begun.parent)
            opened.write(block)


def _begins_at(response: aiohttp.ClientResponse, had: int) -> bool:
    given = response.headers.get("Content-Range", "")
    return response.status == _PARTIAL and given.startswith(f"bytes {had}-")


def _follow(url: str, told: str) -> str:
    """Return where an address sends on to, which must be as safe as itself.

    Raises:
        ValueError: it is not.
    """
    following = urljoin(url, told)
    schemes = urlsplit(following).scheme, urlsplit(url).scheme
    if schemes[0] != "https" and schemes != ("http", "http"):
        raise ValueError("results are sent on to an address without encryption")
    return following
