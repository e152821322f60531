"""Connections: through which proxy they go, and what fails before a request is on its way.

Nothing of a request is sent before there is a connection to its provider: a proxy that refuses or
breaks off costs nothing. Whatever fails later may have been billed.
"""

from __future__ import annotations

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from providers.errors import BadProxy
from providers.failures import describe_unsent
from providers.provider import Provider
from providers.proxies import Proxy, find_proxy
from runner.errors import CannotSend
from runner.transport.outcome import NotBilled

_STOP_STATUSES = {401, 403, 407}  # of a proxy: it connects to no provider for this user


class ConnectError(aiohttp.ClientError):
    """There was no connection, so nothing was sent."""


class Connector(aiohttp.TCPConnector):
    """Connects, and tells what fails before there is a connection from what fails on it."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's
    ) -> Connection:
        """Return a connection; see `ConnectError`."""
        try:
            return await super().connect(req, traces, timeout)
        except (aiohttp.ClientHttpProxyError, aiohttp.InvalidURL, TimeoutError):
            raise
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectError(str(error) or type(error).__name__) from error


def require_proxy(provider: Provider) -> Proxy | None:
    """Return the proxy that a provider's requests go through; None where they need none.

    Raises:
        CannotSend: the environment names one that cannot be used.
    """
    try:
        return find_proxy(provider.base_url)
    except BadProxy as error:
        raise CannotSend(f"{provider.name}: {error}; nothing was sent") from error


def describe_unsent_request(
    provider: Provider,
    proxy: Proxy | None,
    error: ConnectError | aiohttp.ClientHttpProxyError | aiohttp.ConnectionTimeoutError,
) -> NotBilled:
    """Return the outcome where there was no connection, or a proxy refused to make one."""
    if proxy is not None and isinstance(error, aiohttp.ClientHttpProxyError):
        stop = error.status in _STOP_STATUSES
        refused = f"the proxy {proxy.shown} refused to connect to {provider.base_url}"
        return NotBilled(describe_unsent(f"{refused}: HTTP {error.status}", retries=not stop))
    through = f" through the proxy {proxy.shown}" if proxy else ""
    return NotBilled(describe_unsent(f"cannot connect to {provider.base_url}{through}: {error}"))
