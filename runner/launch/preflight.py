"""Preflight: everything that can be checked before the first paid call is, and named at once.

The plan and its approval, every file, price and window (`estimator.stale`), every provider's key
and address, the room on the disk. What is asked of a provider is its free list of models: a key
that it refuses, or an address where nobody answers, stops the run; a provider without such a list
does not.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp

from estimator.plan import plan_file as plans
from estimator.plan import staleness as stale
from estimator.plan.plan_file import Plan
from estimator.plan.staleness import Fresh
from providers import reply as wire
from providers.registry import Provider, providers
from runner.approval import approval_file as approvals
from runner.approval.approval_file import Approval
from runner.errors import CannotSend, NotApproved
from runner.ledger.location import Place, Shared, place_of, read_ledger
from runner.ledger.schema import approvals as given_in
from runner.run_folder import default_folder
from runner.transport.sender import key_of

_PER_REQUEST = 20_000  # bytes of a ledger that a request may need, its answer among them
_LEAST = 50 << 20  # bytes that must be free on the disk in any case
_TIMEOUT = aiohttp.ClientTimeout(total=20, sock_connect=10)
_LARGEST_LIST = 16 << 20
_OK, _UNAUTHORIZED = 200, 401


@dataclass(frozen=True, slots=True)
class Ready:
    """A run that may begin.

    Attributes:
        plan: what was planned.
        approval: what was approved.
        fresh: the experiment as it is now, with the prices to reserve by.
        known: every provider by name.
        folder: of the run.
        ledger: where it is.
        beside: whether the approval beside the plan holds; it is not needed where the ledger has
            one.
    """

    plan: Plan
    approval: Approval
    fresh: Fresh
    known: dict[str, Provider]
    folder: Path
    ledger: Place
    beside: bool


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


def ready(plan_path: Path, now: datetime, folder: Path | None, ledger: str | None = None) -> Ready:
    """Check everything about a plan that no provider needs to be asked for.

    Args:
        plan_path: the plan file.
        now: the time by which approval and prices are judged.
        folder: the run folder; None takes the plan's own.
        ledger: the address of a PostgreSQL ledger; None takes the one in the folder.

    Raises:
        EstimatorError, RunnerError: the first thing that is in the way.
    """
    plan = plans.read(plan_path)
    folder = folder or default_folder(plan)
    place = place_of(folder, plan.digest, ledger)
    approval, beside = _approved(plan, plan_path, place, now)
    fresh = stale.check(plan, now, approval.until)
    known = providers(fresh.experiment.spec.providers)
    check_endpoints(plan, known)
    check_disk(folder, plan.requests_in_all if isinstance(place, Path) else 0)
    return Ready(plan, approval, fresh, known, folder, place, beside)


def _approved(plan: Plan, plan_path: Path, ledger: Place, now: datetime) -> tuple[Approval, bool]:
    """Give the newest approval: beside the plan, or in a ledger that others approved it in.

    Returns:
        the approval, and whether the one beside the plan holds.

    Raises:
        NotApproved: there is none.
    """
    shared = None if isinstance(ledger, Path) else _in_ledger(plan, ledger, now)
    try:
        approval = approvals.require(plan, plan_path, now)
        approvals.check_bound(plan_path, ledger)
    except NotApproved:
        if shared is None:
            raise
        return shared, False
    return (approval if shared is None or shared.at < approval.at else shared), True


def _in_ledger(plan: Plan, ledger: Shared, now: datetime) -> Approval | None:
    if not ledger.exists():
        return None
    with read_ledger(ledger) as database:
        given = given_in(database)
    newest = given and Approval.from_json(given[-1] | {"plan": plan.digest})
    if not newest or (newest.until is not None and now >= newest.until):
        return None
    return newest


def check_endpoints(plan: Plan, known: dict[str, Provider]) -> None:
    """See that every model's provider can be sent to, and has its key.

    Raises:
        CannotSend: names every provider that cannot be used.
    """
    problems = []
    for name in _used(plan):
        if known[name].kind == "none":
            problems.append(
                f"{name}: only its prices are known here, requests cannot be sent to it"
            )
            continue
        try:
            key_of(known[name])
        except CannotSend as error:
            problems.append(str(error))
    if problems:
        raise CannotSend("\n".join(problems))


def check_disk(folder: Path, requests: int) -> None:
    """See that the answers will fit.

    Raises:
        CannotSend: they may not; nothing was sent.
    """
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    needed, free = max(_LEAST, requests * _PER_REQUEST), shutil.disk_usage(place).free
    if free < needed:
        raise CannotSend(
            f"{place}: {free >> 20:,} MiB are free, {requests:,} requests may need "
            f"{needed >> 20:,} MiB; nothing was sent. Make room, or choose another --run-dir"
        )


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
        asking = (_ask(session, plan, known[name]) for name in _used(plan))
        return list(await asyncio.gather(*asking))


async def _ask(session: aiohttp.ClientSession, plan: Plan, provider: Provider) -> Reached:
    url, name = f"{provider.base_url.rstrip('/')}/models", provider.name
    try:
        headers = wire.headers(provider, key_of(provider))
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status == _UNAUTHORIZED:
                said = f"{name}: the key is refused (HTTP 401 from {url}); nothing was sent"
                return Reached(name, said, refused=True)
            if response.status != _OK:
                return Reached(name, f"{name}: answers, without a list of models here")
            body = await response.content.read(_LARGEST_LIST)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
        return Reached(name, f"{name}: nobody answers at {url}; nothing was sent", refused=True)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return Reached(name, f"{name}: its list of models cannot be read ({type(error).__name__})")
    return _listed(plan, provider, body)


def _listed(plan: Plan, provider: Provider, body: bytes) -> Reached:
    """Say which models of a plan a provider's list has."""
    try:
        data = json.loads(body)
        listed = {str(each["id"]) for each in data["data"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return Reached(provider.name, f"{provider.name}: answers, with a list that is none")
    ours = [m.name.id for m in plan.models.values() if m.name.provider == provider.name]
    lacks = tuple(model for model in ours if not _has(listed, provider.wire_model(model)))
    if lacks:
        said = f"{provider.name}: answers, but does not list {', '.join(lacks)}"
        return Reached(provider.name, said, lacks=lacks)
    return Reached(provider.name, f"{provider.name}: answers, and lists {', '.join(ours)}")


def _has(listed: set[str], model: str) -> bool:
    return model in listed or f"models/{model}" in listed  # Google puts models/ before its ids


def _used(plan: Plan) -> list[str]:
    return sorted({model.name.provider for model in plan.models.values()})
