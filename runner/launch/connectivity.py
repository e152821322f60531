"""Connectivity: each provider's free list of models is asked for before anything is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp

from estimator.plan.plan import Plan
from providers import reply as wire
from providers.provider import Provider
from runner.errors import CannotSend
from runner.transport.sender import key_of

_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=10)

_LARGEST_LIST = 16 << 20

_OK, _UNAUTHORIZED = 200, 401


@dataclass(frozen=True, slots=True)
class Reached:
    """What a provider's list of models says.

    Attributes:
        provider: its name.
        said: for a person.
        refused: whether a request would fail as well.
        lacks: models of the plan that the list does not have; it may know them all the same.
    """

    provider: str
    said: str
    refused: bool = False
    lacks: tuple[str, ...] = ()


def reach(plan: Plan, known: dict[str, Provider]) -> list[Reached]:
    """Ask every provider of a plan for its list of models, which costs nothing."""
    return asyncio.run(_reach(plan, known))


def refuse_unreachable(reached: Iterable[Reached]) -> None:
    """Stop before anything is sent where a provider would refuse everything.

    Raises:
        CannotSend: names every such provider.
    """
    if problems := [each.said for each in reached if each.refused]:
        raise CannotSend("\n".join(problems))


async def _reach(plan: Plan, known: dict[str, Provider]) -> list[Reached]:
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        asking = (_ask(session, plan, known[name]) for name in used_providers(plan))
        return list(await asyncio.gather(*asking))


async def _ask(session: aiohttp.ClientSession, plan: Plan, provider: Provider) -> Reached:
    url, name = f"{provider.base_url.rstrip('/')}/models", provider.name
    try:
        headers = wire.headers(provider, key_of(provider))
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status == _UNAUTHORIZED:
                said = f"{name}: the key was rejected (HTTP 401 from {url}); nothing was sent"
                return Reached(name, said, refused=True)
            if response.status != _OK:
                return Reached(name, f"{name}: reachable, but has no model list")
            body = await response.content.read(_LARGEST_LIST)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
        return Reached(name, f"{name}: cannot connect to {url}; nothing was sent", refused=True)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return Reached(name, f"{name}: cannot read its model list ({type(error).__name__})")
    return _listed(plan, provider, body)


def _listed(plan: Plan, provider: Provider, body: bytes) -> Reached:
    """Say which models of a plan a provider's list has."""
    try:
        data = json.loads(body)
        listed = {str(each["id"]) for each in data["data"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return Reached(provider.name, f"{provider.name}: returned an unreadable model list")
    ours = [m.name.id for m in plan.models.values() if m.name.provider == provider.name]
    lacks = tuple(model for model in ours if not _has(listed, provider.wire_model(model)))
    if lacks:
        said = f"{provider.name}: reachable, but does not list {', '.join(lacks)}"
        return Reached(provider.name, said, lacks=lacks)
    return Reached(provider.name, f"{provider.name}: reachable, lists {', '.join(ours)}")


def _has(listed: set[str], model: str) -> bool:
    return model in listed or f"models/{model}" in listed  # Google puts models/ before its ids


def used_providers(plan: Plan) -> list[str]:
    """Return the names of the providers that a plan's requests go to."""
    return sorted({model.name.provider for model in plan.models.values()})
