"""The relay: sends a program's calls to their providers, and what comes back to the program.

It is the transport of `AttemptRunner`: what it returns decides what becomes of the money. An answer
is read to its end, and settled, whether or not the program still waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

import aiohttp

from experiment.prompts import Request
from pricing.catalog import ModelName
from providers.clients import (
    Operation,
    StreamAssembler,
    write_json,
    write_refusal,
    write_stream_error,
)
from providers.failures import Billed, Failure, FailureMeaning, FailureScope, describe_lost
from providers.rate_limits import parse_rate_limits
from providers.secrets import redact_message
from runner.gateway.client_reply import ClientReply
from runner.gateway.door import DoorCall
from runner.gateway.relayed_call import RelayedCall
from runner.gateway.upstreams import Upstream
from runner.transport import (
    REQUEST_TIMEOUT,
    SENDING_ERRORS,
    BodyTooLargeError,
    Connector,
    NotBilled,
    Outcome,
    TimeLimit,
    Unknown,
    classify_body,
    clean_outcome,
    explain_failed_sending,
    max_body_bytes,
    read_body,
    shorten_failure,
)

_OK, _BAD_GATEWAY = 200, 502
_MAX_FREE_BYTES = 4 << 20  # of a list of models, or a count
_JSON = {"Content-Type": "application/json"}
_LEFT = Failure(
    "its client left before it was sent",
    FailureMeaning.UNSENT,
    FailureScope.REQUEST,
    Billed.NO,
)
_PASSED_ON = ("anthropic-version", "anthropic-beta", "openai-beta", "accept")


class Relay:
    """Sends calls over one pool of connections; use it as an async context manager.

    Args:
        timeout: seconds that one call may take, from connecting to the last byte.
        note: is told of what failed here, without what was sent.
    """

    def __init__(
        self, timeout: float = REQUEST_TIMEOUT, note: Callable[[str], None] = lambda _: None
    ) -> None:
        self._note = note
        self._limit = TimeLimit(timeout)
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(30, timeout))
        self._calls: dict[str, RelayedCall] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=Connector(limit=0),
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    def expect(self, request: Request, call: RelayedCall) -> None:
        """Remember what is sent for a request, until `forget`."""
        self._calls[request.id] = call

    def forget(self, request: Request) -> None:
        """Drop what is sent for a request."""
        self._calls.pop(request.id, None)

    async def send(self, name: ModelName, request: Request) -> Outcome:  # noqa: ARG002 - `Transport`
        """Send a call once, and return what happened to the money.

        Whatever fails here, it may have been billed, and nothing else would hold its money.
        """
        call = self._calls[request.id]
        if call.reply.has_left:  # it would be paid for, and read by none
            return await self._fail(call, NotBilled(_LEFT))
        try:
            return shorten_failure(await self._send(call, request))
        except Exception as error:  # noqa: BLE001 - see above
            self._note(f"a call failed inside the gateway: {type(error).__name__}")
            failed = Unknown(describe_lost(f"the gateway failed: {type(error).__name__}"))
            with suppress(Exception):  # the client may be what failed
                await self._fail(call, failed)
            return failed

    def is_awaited(self, request: Request) -> bool:
        """Return whether the program still waits for the answer to a request."""
        return not self._calls[request.id].reply.has_left

    async def pass_free(
        self, upstream: Upstream, operation: Operation, arrived: DoorCall, reply: ClientReply
    ) -> None:
        """Pass on what costs nothing: a list of models, a count of tokens."""
        provider, proxy = upstream.provider, upstream.proxy
        passed = {name: arrived.headers[name] for name in _PASSED_ON if name in arrived.headers}
        try:
            async with (
                self._limit.apply(),
                self._session.request(
                    operation.method,
                    f"{provider.base_url.rstrip('/')}{operation.path}",
                    params=_pick_query(arrived.query),
                    data=arrived.body or None,
                    headers=_JSON | upstream.api.auth_headers(upstream.key) | passed,
                    proxy=proxy.url if proxy else None,
                    allow_redirects=False,
                ) as response,
            ):
                body = await read_body(response, _MAX_FREE_BYTES)
                shown = redact_message(body.decode("utf-8", "replace")).encode()
                await reply.send(response.status, response.headers, shown)
        except SENDING_ERRORS as error:
            said = f"afcost: cannot reach {provider.name}: {redact_message(str(error))}"
            headers, body = write_refusal(operation.api, _BAD_GATEWAY, said, "upstream_failed")
            await reply.send(_BAD_GATEWAY, headers, body)

    async def _send(self, call: RelayedCall, request: Request) -> Outcome:
        provider, proxy = call.upstream.provider, call.upstream.proxy
        began = time.monotonic()
        try:
            async with (
                self._limit.apply(),
                self._session.post(
                    f"{provider.base_url.rstrip('/')}{call.path}",
                    data=call.body,
                    headers=self._build_headers(call),
                    proxy=proxy.url if proxy else None,
                    allow_redirects=False,
                ) as response,
            ):
                limits = parse_rate_limits(response.headers, datetime.now(UTC))
                is_stream = response.status == _OK and call.call.is_streamed
                take = self._take_stream if is_stream else self._take_whole
                outcome = await take(call, request, response)
        except SENDING_ERRORS as error:
            seconds = self._limit.seconds
            failed = explain_failed_sending(error, provider, proxy, request, seconds)
            return await self._fail(call, failed)
        return clean_outcome(outcome, request, limits, time.monotonic() - began)

    def _build_headers(self, call: RelayedCall) -> dict[str, str]:
        passed = {name: call.headers[name] for name in _PASSED_ON if name in call.headers}
        return _JSON | call.upstream.api.auth_headers(call.upstream.key) | passed

    async def _take_whole(
        self, call: RelayedCall, request: Request, response: aiohttp.ClientResponse
    ) -> Outcome:
        """Read an answer, or an error, and pass it on."""
        body = await read_body(response, max_body_bytes(request))
        shown = body
        if response.status != _OK:  # errors repeat parts of keys
            shown = redact_message(body.decode("utf-8", "replace")).encode()
        await call.reply.send(response.status, response.headers, shown)
        await asyncio.sleep(0)  # other answers that have come are passed on first
        return self._classify(call, response, body)

    async def _take_stream(
        self, call: RelayedCall, request: Request, response: aiohttp.ClientResponse
    ) -> Outcome:
        """Pass an answer on as it comes, and read what it says once all of it is there."""
        stream, most, size = StreamAssembler(call.call), 8 * max_body_bytes(request), 0
        await call.reply.begin(response.status, response.headers)
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > most:
                raise BodyTooLargeError(f"the answer is larger than {most / 2**20:,.3g} MiB")
            await call.reply.write(stream.feed(chunk))
        await call.reply.write(stream.flush())
        data = stream.finish()
        if data is None:
            call.reply.break_off()
            return Unknown(describe_lost("the stream ended before its end, or without usage"))
        await call.reply.end()
        return self._classify(call, response, write_json(data).encode())

    def _classify(
        self, call: RelayedCall, response: aiohttp.ClientResponse, body: bytes
    ) -> Outcome:
        provider, api, key = call.upstream.provider, call.upstream.api, call.upstream.key
        return classify_body(provider, api, key, response.status, response.headers, body)

    async def _fail(self, call: RelayedCall, outcome: NotBilled | Unknown) -> Outcome:
        """Tell the program of a failure that no provider told it of."""
        if call.reply.response is not None:  # it has all of its answer
            return outcome
        said = f"afcost: {redact_message(outcome.reason)}"
        if not call.reply.has_begun:
            headers, body = write_refusal(call.call.api, _BAD_GATEWAY, said, "upstream_failed")
            headers.pop("x-should-retry", None)
            await call.reply.send(_BAD_GATEWAY, headers, body)
        else:
            if call.call.is_streamed:
                error = write_stream_error(call.call.api, said, "upstream_failed", _BAD_GATEWAY)
                await call.reply.write(error)
            call.reply.break_off()
        return outcome


def _pick_query(query: str) -> list[tuple[str, str]]:
    """Return what is asked for behind a path, without a key."""
    return [(name, value) for name, value in parse_qsl(query) if name != "key"]
