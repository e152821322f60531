"""Interception: all that has a program's connections come through here, for as long as it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from providers.provider import Provider
from runner.gateway.door import Door
from runner.gateway.intercept.hosts import find_known_hosts
from runner.gateway.intercept.identity import make_identity
from runner.gateway.intercept.interceptor import ConnectionTally, Interceptor
from runner.gateway.intercept.trusted_files import write_trusted_files
from runner.gateway.intercept.variables import list_proxy_variables


@dataclass(frozen=True, slots=True)
class Interception:
    """A program's connections come through here.

    Attributes:
        environment: of the program.
        tally: of its connections.
    """

    environment: Mapping[str, str] = field(repr=False)
    tally: ConnectionTally


@asynccontextmanager
async def intercept_connections(
    door: Door,
    base: Mapping[str, str],
    guarded: Mapping[str, str],
    providers: Mapping[str, Provider],
) -> AsyncIterator[Interception]:
    """Take a program's connections to providers for the duration of the context.

    Args:
        door: that the calls on them go to.
        base: the environment that the program would have.
        guarded: the same, as `guarded_environment` returns it.
        providers: that are built in, by name.
    """
    hosts = find_known_hosts(providers)
    with TemporaryDirectory(prefix="afcost-") as name:
        folder = Path(name)
        identity = make_identity(hosts.providers, folder)
        trusted = write_trusted_files(base, identity.authority, folder)
        take = door.take_hosts(hosts.providers, identity.tls)
        async with Interceptor(hosts, take) as proxy:
            led = list_proxy_variables(guarded, proxy.url, hosts)
            yield Interception({**guarded, **trusted, **led}, proxy.tally)
