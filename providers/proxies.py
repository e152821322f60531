"""Proxies: whether requests go through one, by `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.

Read as other programs read them: lower-case names come first, `ALL_PROXY` is for both schemes, and
`NO_PROXY` lists hosts, domains, addresses and ranges of them, or `*`. Requests to this machine go
through none. A user and a password are read from the proxy's own address and from nowhere else: a
`.netrc` is never looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit

from providers.addresses import find_host, is_loopback
from providers.errors import BadProxy
from providers.secrets import quote_value, remember_secret

_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        url: its address, with a user and a password where it needs them.
        shown: the same without them, for people.
    """

    url: str
    shown: str


def find_proxy(url: str) -> Proxy | None:
    """Return the proxy that requests to an address go through; None where they go there directly.

    Raises:
        BadProxy: the proxy that is set for it is not one that can be used; names the variable.
    """
    scheme = urlsplit(url).scheme
    for name in (f"{scheme}_proxy", "all_proxy"):
        variable, value = _read_variable(name)
        if value:
            return None if is_loopback(url) or _is_excepted(url) else _parse_proxy(variable, value)
    return None


def _read_variable(name: str) -> tuple[str, str]:
    """Return the variable of a name that counts, and its value.

    Where a web server runs a program, `HTTP_PROXY` is a header of a request, and says nothing.
    """
    upper = name.upper()
    if name in os.environ:
        return name, os.environ[name].strip()
    if upper == "HTTP_PROXY" and "REQUEST_METHOD" in os.environ:
        return upper, ""
    return upper, os.environ.get(upper, "").strip()


def _is_excepted(url: str) -> bool:
    """Return whether `NO_PROXY` names the host of an address."""
    _, listed = _read_variable("no_proxy")
    host, port = find_host(url).rstrip("."), urlsplit(url).port
    return any(names_host(each.strip().lower(), host, port) for each in listed.split(","))


def names_host(listed: str, host: str, port: int | None) -> bool:
    """Return whether an entry of `NO_PROXY` is for a host: it, a domain above it, or its range."""
    if not listed or listed == "*":
        return bool(listed)
    if port and listed.endswith(f":{port}"):
        listed = listed.removesuffix(f":{port}")
    domain = listed.removeprefix("*").removeprefix(".")
    if host == domain or host.endswith(f".{domain}"):
        return True
    try:
        return ip_address(host) in ip_network(listed.strip("[]"), strict=False)
    except ValueError:
        return False


def _parse_proxy(variable: str, value: str) -> Proxy:
    """Parse a proxy's address; one without a scheme is meant as http."""
    written = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(written)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise _make_failure(variable, "it is not an address") from error
    for secret in _find_secrets(parts):
        remember_secret(secret)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        said = f"{quote_value(parts.scheme)} is not http or https" if parts.hostname else "no host"
        raise _make_failure(variable, said)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = f"{parts.scheme}://{host}{port}"
    user = parts.netloc.rpartition("@")[0]
    return Proxy(f"{parts.scheme}://{user}@{host}{port}" if user else shown, shown)


def _find_secrets(parts: SplitResult) -> Iterator[str]:
    """Yield what nothing may repeat: the password, or a user that stands for one."""
    secret = parts.password or parts.username or ""
    yield from dict.fromkeys((secret, unquote(secret)))


def _make_failure(variable: str, why: str) -> BadProxy:
    return BadProxy(
        f"{variable} is no proxy that can be used: {why}. Set it to http://HOST:PORT, or unset it, "
        "or list the provider's host in NO_PROXY"
    )
