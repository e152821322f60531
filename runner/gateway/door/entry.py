"""Who is let in: requests of this machine's programs, to this server's own name, with its secret.

The secret is the first part of every path, because that is the one thing that every client sends
unchanged. Without it there is no hint that something is here. With it, what only a browser sends
is refused: a web page that learned the address must not spend money.
"""

from __future__ import annotations

import hmac
import secrets
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
        headers = request.headers
        if request.method not in METHODS:
            return 405, f"{request.method} is not used here: {', '.join(METHODS)}"
        hosts = [f"{name}:{self.port}" for name in (LOOPBACK, "localhost")]
        if headers.getall("Host", []) not in ([host] for host in hosts):
            return 403, f"the Host of a request must be {' or '.join(hosts)}"
        if "Origin" in headers or not set(_OWN_SITES).issuperset(
            headers.getall("Sec-Fetch-Site", ())
        ):
            return 403, "requests of web pages are refused"
        return None
