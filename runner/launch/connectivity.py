"""Connectivity: each provider's free list of models is asked for before anything is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp

from estimator.plan import Plan
from experiment.definition import SUBJECT
from providers.apis import find_api
from providers.errors import MalformedResponse
from providers.failures import Failure, FailureMeaning, describe_mend, read_failure
from providers.provider import Provider
from providers.secrets import redact_message
from runner.errors import CannotSend
from runner.transport import read_body, require_api_key, require_proxy

_CHECK_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=10)

_MAX_LIST_BYTES = 4 << 20

_OK = 200
_REFUSALS = {
    FailureMeaning.BAD_KEY,
    FailureMeaning.OUT_OF_MONEY,
    FailureMeaning.SPEND_LIMIT,
    FailureMeaning.NOT_AVAILABLE_REGION,
}


@dataclass(frozen=True, slots=True)
class ProviderCheck:
    """The result of asking a provider for its model list.

    Attributes:
        provider: its name.
        message: for a person.
        refused: whether a request would fail as well.
        missing_models: models of the plan that the list does not have; it may know them all the
            same.
    """

    provider: str
    message: str
    refused: bool = False
    missing_models: tuple[str, ...] = ()


def check_providers(
    plan: Plan, providers: dict[str, Provider], *, answered_only: bool = False
) -> list[ProviderCheck]:
    """Ask every provider that a plan sends to for its model list, which costs nothing."""
    names = used_providers(plan, answered_only=answered_only)
    return asyncio.run(_check_concurrently(plan, [providers[name] for name in names]))


def refuse_unreachable(checks: Iterable[ProviderCheck]) -> None:
    """Refuse to run where a provider would reject every request.

    Raises:
        CannotSend: names every such provider.
    """
    if problems := [each.message for each in checks if each.refused]:
        raise CannotSend("\n".join(problems))


async def _check_concurrently(plan: Plan, providers: Iterable[Provider]) -> list[ProviderCheck]:
    async with aiohttp.ClientSession(timeout=_CHECK_TIMEOUT) as session:
        asking = (_check_provider(session, plan, each) for each in providers)
        return list(await asyncio.gather(*asking))


async def _check_provider(
    session: aiohttp.ClientSession, plan: Plan, provider: Provider
) -> ProviderCheck:
    api, name = find_api(provider), provider.name
    proxy = require_proxy(provider)
    through = f" through the proxy {proxy.shown}" if proxy else ""
    url = redact_message(api.models_url(provider)) + through  # as it is shown
    try:
        key = require_api_key(provider)
        headers = api.auth_headers(key)
        async with session.get(
            api.models_url(provider),
            headers=headers,
            proxy=proxy.url if proxy else None,
            allow_redirects=False,
        ) as response:
            body = await read_body(response, _MAX_LIST_BYTES)
            status = response.status
            failure = read_failure(provider, status, response.headers, body, key)
            if status != _OK:
                return _describe_refusal(provider, failure, f"HTTP {status} from {url}", body)
    except (
        aiohttp.ClientConnectorError,
        aiohttp.ClientHttpProxyError,
        aiohttp.ConnectionTimeoutError,
        aiohttp.InvalidURL,
    ):
        return ProviderCheck(
            name, f"{name}: cannot connect to {url}; nothing was sent", refused=True
        )
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return ProviderCheck(name, f"{name}: cannot read its model list ({type(error).__name__})")
    if failure.meaning in _REFUSALS:  # MiniMax and OpenRouter say so in a 200 too
        return _describe_refusal(provider, failure, f"HTTP {status} from {url}", body)
    return _check_model_list(plan, provider, body)


def _describe_refusal(
    provider: Provider, failure: Failure, where: str, body: bytes
) -> ProviderCheck:
    """Return what a refused model list means: whether all other requests would be refused too."""
    name = provider.name
    if failure.meaning is FailureMeaning.BAD_KEY:
        said = f"{name}: the key was rejected ({where}); nothing was sent"
        return ProviderCheck(name, said, refused=True)
    is_page = body.lstrip().startswith(b"<")  # of something between, which may let requests through
    if failure.meaning in _REFUSALS and not is_page:
        mend = describe_mend(failure, provider)
        said = f"{name}: {failure.message} ({where}); nothing was sent: {mend}"
        return ProviderCheck(name, said, refused=True)
    return ProviderCheck(name, f"{name}: reachable, but has no model list")


def _check_model_list(plan: Plan, provider: Provider, body: bytes) -> ProviderCheck:
    """Compare a provider's model list with the plan's models."""
    try:
        listed = find_api(provider).parse_model_list(json.loads(body))
    except (ValueError, RecursionError, MalformedResponse):
        return ProviderCheck(provider.name, f"{provider.name}: returned an unreadable model list")
    ours = [m.name.id for m in plan.models.values() if m.name.provider == provider.name]
    missing = tuple(model for model in ours if provider.wire_model(model) not in listed)
    if missing:
        said = f"{provider.name}: reachable, but does not list {', '.join(missing)}"
        return ProviderCheck(provider.name, said, missing_models=missing)
    return ProviderCheck(provider.name, f"{provider.name}: reachable, lists {', '.join(ours)}")


def used_providers(plan: Plan, *, answered_only: bool = False) -> list[str]:
    """Return the names of the providers that a plan's requests go to.

    Args:
        plan: that is run.
        answered_only: nothing is sent to the subject models.
    """
    written = set(plan.models)
    if answered_only:
        written = {stratum.model for stratum in plan.strata if stratum.stage != SUBJECT}
    return sorted({plan.models[each].name.provider for each in written})


def can_send_subjects(plan: Plan, providers: dict[str, Provider]) -> bool:
    """Return whether any subject model is at a provider that requests are sent to."""
    written = {stratum.model for stratum in plan.strata if stratum.stage == SUBJECT}
    return any(providers[plan.models[each].name.provider].kind != "none" for each in written)
