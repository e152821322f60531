"""Who is let in: requests from this machine's browser, to this server's own name, with its secret.

The address that is printed has the secret. It becomes a cookie and leaves the address bar by a
redirect. What asks for a change must say it once more in a header, which no form of another page
can. Whatever is refused gets an answer without content.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Middleware

SECRET_HEADER = "X-Afcost-Secret"  # noqa: S105 - its name
SECRET_FIELD = "secret"  # noqa: S105 - the same
_OWN_SITES = ("none", "same-origin")  # of Sec-Fetch-Site
_READING = ("GET", "HEAD")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "object-src 'none'; require-trusted-types-for 'script'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "afcost",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_secret() -> str:
    """Return a new secret."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Access:
    """What a request needs.

    Attributes:
        port: of the server, on which a name in a request must end: another name that leads here
            (DNS rebinding) is refused.
        secret: of the page.
    """

    port: int
    secret: str = field(repr=False)

    @property
    def address(self) -> str:
        """The address that leads in."""
        return f"http://127.0.0.1:{self.port}/?{SECRET_FIELD}={self.secret}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which the server is asked."""
        return tuple(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost"))

    @property
    def cookie(self) -> str:
        """The name of the cookie; ports of one machine share their cookies."""
        return f"afcost-{self.port}"

    def is_from_here(self, request: web.Request) -> bool:
        """Return whether a request names this server, and comes from no other page."""
        headers = request.headers
        origins = {f"http://{host}" for host in self.hosts}
        return (
            request.host in self.hosts
            and origins.issuperset(headers.getall("Origin", ()))
            and set(_OWN_SITES).issuperset(headers.getall("Sec-Fetch-Site", ()))
        )

    def has_secret(self, request: web.Request) -> bool:
        """Return whether a request has the secret: in its cookie and, to change something, twice.

        Every comparison takes the same time.
        """
        is_known = self._is_secret(request.cookies.get(self.cookie, ""))
        if request.method in _READING:
            return is_known
        return self._is_secret(request.headers.get(SECRET_HEADER, "")) and is_known

    def brings_secret(self, request: web.Request) -> bool:
        """Return whether a request has the secret in its address."""
        given = request.query.get(SECRET_FIELD, "")
        return request.method in _READING and self._is_secret(given)

    def _is_secret(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode())


def guard(access: Access) -> Middleware:
    """Return the middleware that lets in what may come in."""

    @web.middleware
    async def let_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not access.is_from_here(request):
            return web.Response(status=403)
        if access.brings_secret(request):
            return _move_secret(access, request)
        if not access.has_secret(request):
            return web.Response(status=403)
        try:
            return await handler(request)
        except web.HTTPException as refused:
            return web.Response(status=refused.status, headers=_keep_allowed(refused))

    return let_in


def _move_secret(access: Access, request: web.Request) -> web.Response:
    """Send a browser to the same page without the secret in its address, but in a cookie."""
    path = f"/{request.rel_url.raw_path.lstrip('/')}"  # two slashes would begin another host
    response = web.Response(status=303, headers={"Location": path})
    response.set_cookie(access.cookie, access.secret, httponly=True, samesite="Strict", path="/")
    return response


def _keep_allowed(refused: web.HTTPException) -> dict[str, str]:
    return {"Allow": refused.headers["Allow"]} if "Allow" in refused.headers else {}


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add to a response what tells a browser to be strict with it."""
    response.headers.update(_HEADERS)
