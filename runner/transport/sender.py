"""Sending one request, once. What became of the money decides the outcome, not the status code.

    Answered     the provider answered, with usage
    NotBilled    it was never sent, or was refused before any work: the money is free again
    Unknown      it was sent, and nobody knows whether it was billed: the money is held

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

from estimator.counting.model_families import family
from experiment.prompts.request import Request
from pricing.catalog.model_names import ModelName
from pricing.rates.rate_card import RateCard
from providers import rate_limits as limits
from providers import reply as wire
from providers.error_body import excerpt, is_filtered, is_flagged, is_spend_limit
from providers.provider import Provider, api_key
from runner.errors import CannotSend
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown

TIMEOUT = 600.0  # seconds
_LARGEST_ANSWER = 64 * 2**20
_STOPS = {401, 402, 403, 404}
_RETRIED = {409, 425, 429}
_AMBIGUOUS = 408


class Sender:
    """Sends requests over one pool of connections; use it as an async context manager.

    Args:
        providers: every provider by name.
        timeout: seconds that one request may take, from connecting to the last byte.
        dearest: what is reserved by, for each model; none is served at more where that can be said.
    """

    def __init__(
        self,
        providers: dict[str, Provider],
        timeout: float = TIMEOUT,
        dearest: Mapping[ModelName, RateCard] = MappingProxyType({}),
    ) -> None:
        self._providers = providers
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(30, timeout))
        self._dearest = dearest
        self._keys: dict[str, str | None] = {}

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, name: ModelName, request: Request) -> Outcome:
        """Send a request once, and tell what became of the money."""
        provider = self._providers[name.provider]
        if provider.name not in self._keys:
            self._keys[provider.name] = key_of(provider)
        key = self._keys[provider.name]
        fixed, dearest = family(name.id).fixed_sampling, self._dearest.get(name)
        body = wire.body(provider, name.id, request, fixed_sampling=fixed, dearest=dearest)
        try:
            async with self._session.post(
                wire.url(provider),
                json=body,
                headers=wire.headers(provider, key),
                allow_redirects=False,
            ) as response:
                text = await _text(response)
                told = limits.read(response.headers, datetime.now(UTC))
                outcome = replace(_outcome(provider, response, text, key), limits=told)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NotBilled(f"cannot connect to {provider.base_url}: {error}", retry=True)
        except aiohttp.InvalidURL as error:
            return NotBilled(f"{provider.base_url} is not a valid URL: {error}", stop=True)
        except TimeoutError:
            return Unknown(f"no answer within {self._timeout.total:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Unknown(f"the connection failed after sending: {type(error).__name__}: {error}")
        return _without_key(outcome, key)


def key_of(provider: Provider) -> str | None:
    """Find a provider's key in the environment; None where it needs none.

    Raises:
        CannotSend: it needs one, and none of its variables holds one.
    """
    key = api_key(provider)
    if key is None and provider.api_key_env:
        raise CannotSend(
            f"no key for {provider.name}: set {' or '.join(provider.api_key_env)} "
            "in the environment; nothing was sent"
        )
    return key


async def _text(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > _LARGEST_ANSWER:
            raise ValueError(f"the answer is larger than {_LARGEST_ANSWER >> 20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def _outcome(
    provider: Provider, response: aiohttp.ClientResponse, text: bytes, key: str | None
) -> Outcome:
    status = response.status
    if status == 200:  # noqa: PLR2004 - HTTP
        try:
            return Answered(wire.read(provider, json.loads(text, parse_float=Decimal)))
        except (ValueError, RecursionError, wire.Unreadable) as error:
            return Unknown(f"HTTP 200, but {error}")
    reason = f"HTTP {status} from {provider.name}: {excerpt(text, key)}"
    if is_spend_limit(text):
        return NotBilled(reason, stop=True)
    if status in _RETRIED:
        return NotBilled(reason, retry=True, after=limits.retry_after(response.headers))
    unknown = status == _AMBIGUOUS or status >= 500 or 200 <= status < 300  # noqa: PLR2004 - HTTP
    if unknown or is_filtered(text):
        return Unknown(reason, retry=unknown)
    return NotBilled(reason, stop=status in _STOPS and not is_flagged(text))


def _without_key(outcome: Outcome, key: str | None) -> Outcome:
    """Keep a key that a provider repeats in its error out of logs and the ledger."""
    if key and isinstance(outcome, NotBilled | Unknown):
        return replace(outcome, reason=outcome.reason.replace(key, "[key]"))
    return outcome
