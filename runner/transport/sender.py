"""Sending one request, once. What happened to the money decides the outcome, not the status.

    Answered     the provider answered, with usage
    NotBilled    it was never sent, or was refused before any work: the money is free again
    Unknown      it was sent, but it is unknown whether it was billed: the money is held

There are no retries here: each sending is an attempt with a reservation of its own. What comes back
is read no further than `max_tokens` can explain, and leaves this module without keys and bounded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Self

import aiohttp

from experiment.definition import merge_extra
from experiment.prompts import Request
from pricing.catalog import ModelName
from pricing.rates import RateCard
from providers.apis import Api
from providers.capabilities import Capability
from providers.error_body import put_on_one_line
from providers.errors import MalformedResponse, NotTaken
from providers.failures import (
    Billed,
    Failure,
    FailureMeaning,
    FailureScope,
    carries_error,
    describe_lost,
    describe_unreadable,
    describe_unsent,
    read_failure,
    read_free_answer,
)
from providers.provider import Provider
from providers.proxies import Proxy
from providers.rate_limits import RateLimit, parse_rate_limits
from providers.reply import build_filtered_response, clean_response
from runner.transport.connection import (
    ConnectError,
    Connector,
    describe_unsent_request,
)
from runner.transport.json_body import read_json
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown
from runner.transport.route import Route
from runner.transport.routes import Routes
from runner.transport.time_limit import TimeLimit

REQUEST_TIMEOUT = 600.0  # seconds
# The longest tokens of known vocabularies are 128 characters of one kind, spaces or dashes; twice
# that leaves room for how they are written in JSON. Whatever else is in a body fits the floor.
_BYTES_PER_TOKEN, _LOGPROBS_BYTES_PER_TOKEN, _CHARS_PER_TOKEN = 256, 4096, 256
_MIN_BODY_BYTES, _MAX_BODY_BYTES, _MAX_LOGPROBS_BYTES = 2**20, 8 * 2**20, 64 * 2**20
_MIN_TEXT_CHARS, _MAX_REASON = 4096, 500
# A list takes 30 times as much memory as it takes in a body; a token's text has few brackets.
_MIN_BRACKETS, _BRACKETS_PER_TOKEN, _LOGPROBS_BRACKETS_PER_TOKEN = 20_000, 8, 64
_UNSENT = (ConnectError, aiohttp.ClientHttpProxyError, aiohttp.ConnectionTimeoutError)
# What goes wrong in sending a request, and in reading what comes back.
SENDING_ERRORS = (aiohttp.ClientError, OSError, ValueError, ArithmeticError)


class HttpTransport:
    """Sends requests over one pool of connections; use it as an async context manager.

    Args:
        providers: every provider by name.
        timeout: seconds that one request may take, from connecting to the last byte; those in
            which this process was suspended do not count.
        capabilities: what each model takes, as pinned in the plan; for others, as known today.
        reserve_cards: what is reserved by, for each model; none is served at more where that can
            be said.
    """

    def __init__(
        self,
        providers: dict[str, Provider],
        timeout: float = REQUEST_TIMEOUT,
        reserve_cards: Mapping[ModelName, RateCard] = MappingProxyType({}),
        capabilities: Mapping[ModelName, Capability] = MappingProxyType({}),
    ) -> None:
        self._limit = TimeLimit(timeout)
        # aiohttp's own limit would run out before what arrived during a suspension is read.
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(30, timeout))
        self._routes = Routes(providers, reserve_cards, capabilities)

    async def __aenter__(self) -> Self:
        connector = Connector(limit=0)
        # It reads no proxy and no .netrc from the environment by itself.
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, name: ModelName, request: Request) -> Outcome:
        """Send a request once and return what happened to the money."""
        return shorten_failure(await self._send(name, request))

    async def _send(self, name: ModelName, request: Request) -> Outcome:
        route = self._routes.find(name)
        try:
            body = route.write_body(request)
        except NotTaken as error:  # a judge's prefill, which was not known when it was planned
            said = f"{route.provider.name} would refuse it, it was not sent: {error}"
            return NotBilled(Failure(said, FailureMeaning.REFUSED, FailureScope.REQUEST, Billed.NO))
        return await self._post(route, request, body)

    async def _post(self, route: Route, request: Request, body: bytes) -> Outcome:
        provider, proxy = route.provider, route.proxy
        began = time.monotonic()
        try:
            async with (
                self._limit.apply(),
                self._session.post(
                    route.url,
                    data=body,
                    headers=route.headers,
                    proxy=proxy.url if proxy else None,
                    allow_redirects=False,
                ) as response,
            ):
                text = await read_body(response, max_body_bytes(request))
                seconds = time.monotonic() - began
                check_brackets(text, request)
                limits = parse_rate_limits(response.headers, datetime.now(UTC))
                outcome = classify_body(
                    provider, route.api, route.key, response.status, response.headers, text
                )
        except SENDING_ERRORS as error:
            return explain_failed_sending(error, provider, proxy, request, self._limit.seconds)
        return clean_outcome(outcome, request, limits, seconds)


class BodyTooLargeError(ValueError):
    """A body was larger than it may be; the rest of it was not read."""


async def read_body(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Read a body, also one that is sent compressed, and stop where it becomes too large.

    Raises:
        BodyTooLargeError: it is larger than `max_bytes`.
    """
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > max_bytes:
            raise BodyTooLargeError(f"the answer is larger than {max_bytes / 2**20:,.3g} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def max_body_bytes(request: Request) -> int:
    """Return the largest body that an answer of `max_tokens` can have, generously."""
    per_token, most = _BYTES_PER_TOKEN, _MAX_BODY_BYTES
    if _has_logprobs(request):  # each token comes with up to twenty others
        per_token, most = _LOGPROBS_BYTES_PER_TOKEN, _MAX_LOGPROBS_BYTES
    return min(max(request.max_output * per_token, _MIN_BODY_BYTES), most)


def check_brackets(body: bytes, request: Request) -> None:
    """Raise `BodyTooLargeError` where a body would need far more memory than its size."""
    per_token = _LOGPROBS_BRACKETS_PER_TOKEN if _has_logprobs(request) else _BRACKETS_PER_TOKEN
    found = body.count(b"[") + body.count(b"{")
    if found > _MIN_BRACKETS + per_token * request.max_output:
        raise BodyTooLargeError(f"the answer has {found:,} lists and objects")


def _has_logprobs(request: Request) -> bool:
    fields = merge_extra(request.sampling)
    return bool(fields.get("logprobs") or fields.get("top_logprobs"))


def explain_failed_sending(
    error: Exception, provider: Provider, proxy: Proxy | None, request: Request, seconds: float
) -> NotBilled | Unknown:
    """Return what became of the money of a request in which one of `SENDING_ERRORS` was raised.

    Args:
        error: that was raised.
        provider: where the request went.
        proxy: that it went through; None for none.
        request: that was sent.
        seconds: that it might take.
    """
    if isinstance(error, _UNSENT):
        return describe_unsent_request(provider, proxy, error)
    if isinstance(error, aiohttp.InvalidURL):
        said = f"{provider.base_url} is not a valid URL: {error}"
        return NotBilled(describe_unsent(said, retries=False))
    if isinstance(error, TimeoutError):
        return Unknown(describe_lost(f"no answer within {seconds:g} s"))
    if isinstance(error, BodyTooLargeError):
        said = f"{error}, more than max_tokens ({request.max_output:,}) can hold"
        return Unknown(describe_unreadable(said))
    said = f"the connection failed after sending: {type(error).__name__}: {error}"
    return Unknown(describe_lost(said))


def classify_body(  # noqa: PLR0913 - what a response is made of
    provider: Provider,
    api: Api,
    key: str | None,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> Outcome:
    """Return what became of the money of a request that was responded to."""
    why = ""
    if status == 200:  # noqa: PLR2004 - HTTP
        try:
            data = read_json(body)
            if not carries_error(data):
                answer = api.parse_response(provider, data)
                free = read_free_answer(provider, answer, headers, body)
                if free and free.meaning is not FailureMeaning.FILTERED:
                    # It is none, in the ledger too.
                    answer = replace(answer, finish="error", choices=())
                return Answered(answer, failure=free)
        except (ValueError, RecursionError, MalformedResponse) as error:
            why = f"HTTP 200, but {error}"
    failure = read_failure(provider, status, headers, body, key, why)
    if failure.meaning is FailureMeaning.FILTERED:
        return Answered(build_filtered_response(failure.message), failure=failure)
    return NotBilled(failure) if failure.billed is Billed.NO else Unknown(failure)


def shorten_failure(outcome: Outcome) -> Outcome:
    """Return an outcome whose failure is told on one line that is not long."""
    if outcome.failure is None:
        return outcome
    message = put_on_one_line(outcome.failure.message, _MAX_REASON)
    return replace(outcome, failure=replace(outcome.failure, message=message))


def clean_outcome(
    outcome: Outcome, request: Request, limits: tuple[RateLimit, ...], seconds: float | None
) -> Outcome:
    """Return an outcome as it may be stored: an answer without keys and bounded.

    Args:
        outcome: as it was read.
        request: that was sent.
        limits: what came with it of rate limits.
        seconds: that it took; None where that was not measured.
    """
    if not isinstance(outcome, Answered):
        return replace(outcome, limits=limits)
    longest = max(request.max_tokens * _CHARS_PER_TOKEN, _MIN_TEXT_CHARS)
    return Answered(clean_response(outcome.response, longest, seconds), limits, outcome.failure)
