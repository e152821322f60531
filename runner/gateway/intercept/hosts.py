"""Hosts: which are providers' own, which are of models that are not read here, and all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pricing.data_files import read_data_file
from providers.provider import Provider

HTTPS = 443


@dataclass(frozen=True, slots=True)
class TrustVariable:
    """A variable that clients read the certificates from that they trust.

    Attributes:
        variable: its name.
        extra: whether the client trusts these beside roots of its own, and not instead of them.
        basis: `tried` or `read`.
        clients: that read it.
    """

    variable: str
    extra: bool
    basis: str
    clients: str


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The hosts that a program's connections are looked at for.

    Attributes:
        providers: host -> the provider whose it is; calls to it are read.
        refused: pattern with at most one star -> whose models are there; they are not read.
    """

    providers: Mapping[str, str]
    refused: Mapping[str, str]

    def find_refusal(self, host: str, port: int) -> str | None:
        """Return why a connection is refused; None where it is not."""
        if host in self.providers and port != HTTPS:
            return f"{host} is spoken to on port {HTTPS} only"
        for pattern, what in self.refused.items():
            if _fits(host, pattern):
                return f"{host} ({what}) is not read here, and would go past the cap"
        return None


def find_known_hosts(providers: Mapping[str, Provider]) -> KnownHosts:
    """Return the hosts of providers, whatever address a program's calls are sent on to.

    Args:
        providers: that are built in, by name.
    """
    data = _load()
    refused = {row["host"]: row["what"] for row in data["refused"]}
    return KnownHosts(dict(_list_hosts(providers, data["also"])), refused)


def list_trust_variables() -> tuple[TrustVariable, ...]:
    """Return the variables that clients read certificates from."""
    return tuple(TrustVariable(**row) for row in _load()["trust"])


def _list_hosts(
    providers: Mapping[str, Provider], also: Mapping[str, list[str]]
) -> Iterator[tuple[str, str]]:
    for name, provider in providers.items():
        if provider.kind != "none" and provider.base_url.startswith("https://"):
            for url in (provider.base_url, *provider.other_urls):
                yield str(urlsplit(url).hostname), name
            yield from ((host, name) for host in also.get(name, ()))


def _fits(host: str, pattern: str) -> bool:
    begin, star, end = pattern.partition("*")
    if not star:
        return host == pattern
    return len(host) >= len(begin) + len(end) and host.startswith(begin) and host.endswith(end)


def _load() -> Any:  # noqa: ANN401 - rows of several kinds
    return read_data_file(Path(__file__).with_name("hosts.yaml"))
