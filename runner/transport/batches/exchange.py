"""Exchange: sends one request about a batch, and says what became of it.

No answer about a batch bills anything by itself, but a batch that was created does. So a refusal is
`NotBilled` only where it is sure that nothing was created: it was not sent, or was answered with a
status of 400 to 499 that says so.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar, cast

import aiohttp

from providers.errors import MalformedResponse
from providers.failures import (
    Billed,
    describe_lost,
    describe_unreadable,
    describe_unsent,
    read_failure,
)
from providers.rate_limits import parse_date
from runner.transport.batches.batch_route import BatchRoute
from runner.transport.connection import ConnectError, Connector, describe_unsent_request
from runner.transport.outcome import NotBilled, Unknown
from runner.transport.sender import (
    SENDING_ERRORS,
    BodyTooLargeError,
    read_body,
    shorten_failure,
)
from runner.transport.time_limit import TimeLimit

MOST_ANSWER = 4 * 2**20  # bytes of an answer about a batch, or of a page of them
_SLOWEST = 50_000  # bytes a second of a connection that is still worth waiting for
_UNSENT = (ConnectError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError)
_MAY_HAVE_DONE = {408, 409, 499}  # a timeout, a conflict, and what a client is said to have closed

NotTold = NotBilled | Unknown
_T = TypeVar("_T", NotBilled, Unknown)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response of a status from 200 to 299, read whole."""

    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """Sends requests about batches over one pool of connections; an async context manager.

    Args:
        timeout: seconds that a request may take, beside what its bytes take on a slow connection.
    """

    def __init__(self, timeout: float) -> None:
        self.seconds = timeout
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(30, timeout))
        self._stated: dict[str, tuple[datetime, float]] = {}  # provider -> its time, and when

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=Connector(limit=0), timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def read_clock(self, provider: str) -> datetime | None:
        """Return the time by a provider's clock, in UTC; None where no answer has stated it.

        It is what its last answer stated, and the time since, by a clock that is never set.
        """
        stated = self._stated.get(provider)
        if stated is None:
            return None
        with suppress(OverflowError):  # at the end of all years
            return stated[0] + timedelta(seconds=time.monotonic() - stated[1])
        return None

    async def ask(  # noqa: PLR0913 - what a request is
        self,
        way: BatchRoute,
        method: str,
        url: str,
        data: Any = None,  # noqa: ANN401 - whatever aiohttp sends
        headers: Mapping[str, str] | None = None,
        *,
        size: int = 0,
        most: int = MOST_ANSWER,
    ) -> Reply | NotTold:
        """Send a request and read its answer.

        Args:
            way: whose batches it is about.
            method: of HTTP.
            url: where it goes.
            data: its body; None for none.
            headers: instead of those of a request with a body of JSON.
            size: of the body, in bytes, where that is large.
            most: that the answer may have, in bytes.
        """
        seconds = self.seconds + (size + (most if most > MOST_ANSWER else 0)) / _SLOWEST
        timed = TimeLimit(seconds).apply()
        try:
            async with timed, self.open(way, method, url, data, headers) as response:
                body = await read_body(response, most)
                return judge_response(way, response.status, response.headers, body)
        except SENDING_ERRORS as error:
            return explain_failure(way, error, seconds)

    @asynccontextmanager
    async def open(  # noqa: PLR0913 - what a request is
        self,
        way: BatchRoute,
        method: str,
        url: str,
        data: Any = None,  # noqa: ANN401 - whatever aiohttp sends
        headers: Mapping[str, str] | None = None,
        *,
        may_take_long: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; it may raise `SENDING_ERRORS`. Redirections are not followed.

        One that may take long ends where nothing arrives for as long as others may take in all.
        """
        proxy, timeout = way.route.proxy, self._timeout
        if may_take_long:
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=timeout.sock_connect, sock_read=self.seconds
            )
        async with self._session.request(
            method,
            url,
            data=data,
            headers=way.route.headers if headers is None else headers,
            proxy=proxy.url if proxy else None,
            allow_redirects=False,
            timeout=timeout,
        ) as response:
            if date := parse_date(response.headers.get("Date", "")):
                self._stated[way.provider.name] = date, time.monotonic()
            yield response


def judge_response(
    way: BatchRoute, status: int, headers: Mapping[str, str], body: bytes
) -> Reply | NotTold:
    """Return a response, or what its refusal means for what was to be created."""
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP
        return Reply(headers, body)
    failure = read_failure(way.provider, status, headers, body, way.route.key)
    if 400 <= status < 500 and status not in _MAY_HAVE_DONE:  # noqa: PLR2004 - HTTP
        return _shorten(NotBilled(replace(failure, billed=Billed.NO)))
    return _shorten(Unknown(replace(failure, billed=Billed.MAYBE, source="")))


def explain_failure(way: BatchRoute, error: Exception, seconds: float) -> NotTold:
    """Return what a failure to send, or to read the answer, means."""
    if isinstance(error, _UNSENT):
        return _shorten(describe_unsent_request(way.provider, way.route.proxy, error))
    if isinstance(error, aiohttp.InvalidURL):
        said = f"{way.provider.base_url} is not a valid URL: {error}"
        return _shorten(NotBilled(describe_unsent(said, retries=False)))
    if isinstance(error, TimeoutError):
        return Unknown(describe_lost(f"no answer within {seconds:,.0f} s"))
    if isinstance(error, BodyTooLargeError | MalformedResponse):
        return _shorten(Unknown(describe_unreadable(str(error))))
    said = f"the connection failed after sending: {type(error).__name__}: {error}"
    return _shorten(Unknown(describe_lost(said)))


def describe_unread(error: MalformedResponse) -> Unknown:
    """Return the outcome of an answer that came and cannot be read."""
    return _shorten(Unknown(describe_unreadable(f"the provider answered, but {error}")))


def _shorten(outcome: _T) -> _T:
    return cast("_T", shorten_failure(outcome))
