"""Addresses: whether requests stay on this machine, and whose service they reach.

The host is read from addresses that `check_base_url` accepts, in which every HTTP client finds the
same one. Any other address is neither on this machine nor a known service.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from experiment.definition import check_base_url
from pricing.catalog import find_host_factor
from providers.provider import Provider
from providers.registry import builtin_providers

_LOOPBACK_V6 = IPv6Network("::1/128")


def is_loopback(base_url: str) -> bool:
    """Return whether an address names this machine: localhost, 127.0.0.0/8 or ::1, as such.

    Other spellings, such as a decimal number or a final dot, are left to a resolver and count as
    elsewhere.
    """
    host = find_host(base_url)
    if host == "localhost" or (host.endswith(".localhost") and not host.startswith(".")):
        return True
    try:
        return IPv4Address(host).is_loopback
    except AddressValueError:
        pass
    try:
        return IPv6Address(host) in _LOOPBACK_V6
    except AddressValueError:
        return False


def is_unencrypted(base_url: str) -> bool:
    """Return whether others on the way to an address can read what is sent there."""
    return base_url.startswith("http://") and not is_loopback(base_url)


def find_service(provider: Provider) -> str | None:
    """Return the built-in provider whose paid API requests reach; None at a server of one's own."""
    host = find_host(provider.base_url).rstrip(".")
    for name, known in builtin_providers().items():
        own = find_host(known.base_url)
        if not known.api_key_env or not host or not own:
            continue
        if host == own or host.endswith(f".{own}") or find_host_factor(name, provider.base_url):
            return name
    return None


def find_host(base_url: str) -> str:
    """Return the host of an address in lower case; empty where clients may disagree about it."""
    try:
        return urlsplit(check_base_url(base_url)).hostname or ""
    except ValueError:
        return ""
