"""Sending one request, once. What happened to the money decides the outcome, not the status.

    Answered     the provider answered, with usage
    NotBilled    it was never sent, or was refused before any work: the money is free again
    Unknown      it was sent, but it is unknown whether it was billed: the money is held

There are no retries here: each sending is an attempt with a reservation of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Self

import aiohttp

from estimator.counting import find_family
from experiment.prompts import Request
from pricing.catalog import ModelName
from pricing.rates import RateCard
from providers.apis import find_api
from providers.error_body import extract_error_message, is_filtered, is_flagged, is_spend_limit
from providers.errors import MalformedResponse
from providers.provider import Provider, find_api_key
from providers.rate_limits import parse_rate_limits, parse_retry_after
from runner.errors import CannotSend
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown
from runner.transport.time_limit import TimeLimit

REQUEST_TIMEOUT = 600.0  # seconds
_MAX_ANSWER_BYTES = 64 * 2**20
_STOP_STATUSES = {401, 402, 403, 404}
_RETRY_STATUSES = {409, 425, 429}
_AMBIGUOUS_STATUS = 408


class HttpTransport:
    """Sends requests over one pool of connections; use it as an async context manager.

    Args:
        providers: every provider by name.
        timeout: seconds that one request may take, from connecting to the last byte; those in
            which this process was suspended do not count.
        reserve_cards: what is reserved by, for each model; none is served at more where that can
            be said.
    """

    def __init__(
        self,
        providers: dict[str, Provider],
        timeout: float = REQUEST_TIMEOUT,
        reserve_cards: Mapping[ModelName, RateCard] = MappingProxyType({}),
    ) -> None:
        self._providers = providers
        self._limit = TimeLimit(timeout)
        # aiohttp's own limit would run out before what arrived during a suspension is read.
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=min(30, timeout))
        self._reserve_cards = reserve_cards
        self._keys: dict[str, str | None] = {}

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, name: ModelName, request: Request) -> Outcome:
        """Send a request once and return what happened to the money."""
        provider = self._providers[name.provider]
        if provider.name not in self._keys:
            self._keys[provider.name] = require_api_key(provider)
        key = self._keys[provider.name]
        fixed, reserve = find_family(name.id).fixed_sampling, self._reserve_cards.get(name)
        api = find_api(provider)
        body = api.build_body(
            provider, name.id, request, fixed_sampling=fixed, reserve_card=reserve
        )
        try:
            async with (
                self._limit.apply(),
                self._session.post(
                    api.completion_url(provider),
                    json=body,
                    headers=api.auth_headers(key),
                    allow_redirects=False,
                ) as response,
            ):
                text = await _read_body(response)
                limits = parse_rate_limits(response.headers, datetime.now(UTC))
                outcome = replace(_classify_response(provider, response, text, key), limits=limits)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NotBilled(f"cannot connect to {provider.base_url}: {error}", retry=True)
        except aiohttp.InvalidURL as error:
            return NotBilled(f"{provider.base_url} is not a valid URL: {error}", stop=True)
        except TimeoutError:
            return Unknown(f"no answer within {self._limit.seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unknown(f"the connection failed after sending: {type(error).__name__}: {error}")
        return _redact_key(outcome, key)


def require_api_key(provider: Provider) -> str | None:
    """Return a provider's key from the environment; None where it needs none.

    Raises:
        CannotSend: it needs one, and none of its variables holds one.
    """
    key = find_api_key(provider)
    if key is None and provider.api_key_env:
        raise CannotSend(
            f"no key for {provider.name}: set {' or '.join(provider.api_key_env)} "
            "in the environment; nothing was sent"
        )
    return key


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > _MAX_ANSWER_BYTES:
            raise ValueError(f"the answer is larger than {_MAX_ANSWER_BYTES >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def _classify_response(
    provider: Provider, response: aiohttp.ClientResponse, body: bytes, key: str | None
) -> Outcome:
    status = response.status
    if status == 200:  # noqa: PLR2004 - HTTP
        try:
            data = json.loads(body, parse_float=Decimal)
            return Answered(find_api(provider).parse_response(provider, data))
        except (ValueError, RecursionError, MalformedResponse) as error:
            return Unknown(f"HTTP 200, but {error}")
    reason = f"HTTP {status} from {provider.name}: {extract_error_message(body, key)}"
    if is_spend_limit(body):
        return NotBilled(reason, stop=True)
    if status in _RETRY_STATUSES:
        return NotBilled(reason, retry=True, retry_after=parse_retry_after(response.headers))
    unknown = status == _AMBIGUOUS_STATUS or status >= 500 or 200 <= status < 300  # noqa: PLR2004 - HTTP
    if unknown or is_filtered(body):
        return Unknown(reason, retry=unknown)
    return NotBilled(reason, stop=status in _STOP_STATUSES and not is_flagged(body))


def _redact_key(outcome: Outcome, key: str | None) -> Outcome:
    """Remove a key that a provider repeats in its error, so it reaches no log or ledger."""
    if key and isinstance(outcome, NotBilled | Unknown):
        return replace(outcome, reason=outcome.reason.replace(key, "[key]"))
    return outcome
