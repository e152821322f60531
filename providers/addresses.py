"""Addresses: whether requests stay on this machine or near it, and whose service they reach.

The host is read from addresses that `check_base_url` accepts, in which every HTTP client finds the
same one. Any other address is neither on this machine nor a known service.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from experiment.definition import check_base_url
from pricing.catalog import find_host_factor
from providers.provider import Provider
from providers.registry import builtin_providers

_LOOPBACK_V6 = IPv6Network("::1/128")
_UNICAST_V6 = IPv6Network("2000::/3")  # all that is assigned to hosts of the internet (RFC 4291)
_NAT64 = IPv6Network("64:ff9b::/96")  # an address of IPv4 in its last 32 bits (RFC 6052)
_ISATAP = (0x00005EFE, 0x02005EFE)  # before an address of IPv4 in the last 64 bits (RFC 5214)
_BITS_V4 = 32


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


def is_public(host: str) -> bool:
    """Return whether an address is of no machine near this one; a name has no address yet.

    An address of IPv6 that leads to one of IPv4 is judged by that, too: mapped ones, 6to4, NAT64
    and ISATAP. Those of Teredo, and forms that are no longer in use, are of no public host.

    Args:
        host: an address as a resolver or a client writes it, short forms such as `127.1` too.

    Raises:
        ValueError: it is a name.
    """
    text = host.partition("%")[0]
    if ":" not in text:
        try:
            return _is_public_v4(IPv4Address(socket.inet_aton(text)))
        except OSError as error:
            raise ValueError(f"{host} is no address") from error
    address = IPv6Address(text)
    if address.ipv4_mapped:
        return _is_public_v4(address.ipv4_mapped)
    led_to = list(_list_inner(address))
    is_outer = address in _UNICAST_V6 and (address.is_global or address.sixtofour is not None)
    return (is_outer or address in _NAT64) and all(map(_is_public_v4, led_to))


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast


def _list_inner(address: IPv6Address) -> Iterator[IPv4Address]:
    """Yield the addresses of IPv4 that routers on the way may take from one of IPv6."""
    if address.sixtofour is not None:
        yield address.sixtofour
    last = int(address)
    if address in _NAT64 or (last >> _BITS_V4) & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(last & 0xFFFFFFFF)


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
