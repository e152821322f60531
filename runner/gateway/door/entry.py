"""Who is let in: requests of this machine's programs, to this server's own name, with its secret.

The secret is the first part of every path, because that is the one thing that every client sends
unchanged. Without it there is no hint that something is here. With it, what only a browser sends
is refused: a web page that learned the address must not spend money. A connection that was let in
before its first request needs no secret in its paths: they are those of the hosts that it is for.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from providers.secrets import remember_secret
from runner.loopback import LOOPBACK

METHODS = ("GET", "HEAD", "POST")
_OWN_SITES = ("none", "same-origin")  # of Sec-Fetch-Site


def make_secret() -> str:
    """Return a new secret, which no text repeats from now on."""
    secret = secrets.token_urlsafe(24)
    remember_secret(secret)
    return secret


@dataclass(frozen=True, slots=True)
class Entry:
    """What a request needs.

    Attributes:
        port: of the server, on which the name in a request must end: another name that leads here
            (DNS rebinding) is refused.
        secret: the first part of every path.
    """

    port: int
    secret: str = field(repr=False)

    @property
    def url(self) -> str:
        """The address that leads in, without a slash at its end."""
        return f"http://{LOOPBACK}:{self.port}/{self.secret}"

    def find_path(self, request: web.BaseRequest) -> str | None:
        """Return the path behind the secret, as it was sent; None without the secret.

        The comparison takes the same time for every guess.
        """
        given, slash, path = request.rel_url.raw_path.removeprefix("/").partition("/")
        is_known = hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode())
        return path if is_known and slash else None

    def find_objection(self, request: web.BaseRequest) -> tuple[int, str] | None:
        """Return the status and the reason for which a request is refused; None where it is not."""
        return (
            _find_foreign_method(request)
            or self._find_foreign_host(request)
            or _find_web_page(request)
        )

    def _find_foreign_host(self, request: web.BaseRequest) -> tuple[int, str] | None:
        hosts = [f"{name}:{self.port}" for name in (LOOPBACK, "localhost")]
        if request.headers.getall("Host", []) in ([host] for host in hosts):
            return None
        return 403, f"the Host of a request must be {' or '.join(hosts)}"


@dataclass(frozen=True, slots=True)
class HostEntry:
    """What a request needs on a connection of a client that takes this server for its provider's.

    Attributes:
        hosts: of providers -> whose they are.
    """

    hosts: Mapping[str, str]

    def find_path(self, request: web.BaseRequest) -> str | None:
        """Return a request's path behind the name of the provider that it is for; None for others.

        The Host of the request decides; its connection may have been made for another of them.
        """
        named = request.headers.getall("Host", [])
        host = named[0].lower().removesuffix(":443").rstrip(".") if len(named) == 1 else ""
        path = request.rel_url.raw_path.removeprefix("/")
        return f"{self.hosts[host]}/{path}" if host in self.hosts else None

    def find_objection(self, request: web.BaseRequest) -> tuple[int, str] | None:
        """Return the status and the reason for which a request is refused; None where it is not."""
        return _find_foreign_method(request) or _find_web_page(request)


def _find_foreign_method(request: web.BaseRequest) -> tuple[int, str] | None:
    if request.method in METHODS:
        return None
    return 405, f"{request.method} is not used here: {', '.join(METHODS)}"


def _find_web_page(request: web.BaseRequest) -> tuple[int, str] | None:
    sites = request.headers.getall("Sec-Fetch-Site", ())
    if "Origin" in request.headers or not set(_OWN_SITES).issuperset(sites):
        return 403, "requests of web pages are refused"
    return None
