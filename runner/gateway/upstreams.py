"""Where calls go: the address, the key and the proxy of each provider, by the kind of API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from providers.apis import API_KINDS, Api
from providers.clients import ClientApi, Operation
from providers.provider import ENDPOINTS, Provider
from providers.proxies import Proxy
from runner.errors import CannotSend
from runner.gateway.spending import Refused, Why
from runner.transport import require_api_key, require_proxy

_KINDS = {endpoint: kind for kind, endpoint in ENDPOINTS.items()}


@dataclass(frozen=True, slots=True, eq=False, repr=False)  # it has the key
class Upstream:
    """Where calls of one kind go.

    Attributes:
        provider: whose they are.
        api: that reads its answers.
        key: of the provider; None where it needs none.
        proxy: that they go through; None where they need none.
    """

    provider: Provider
    api: Api
    key: str | None
    proxy: Proxy | None


class Upstreams:
    """Finds where calls go.

    Args:
        providers: where a program may send to, by name.
    """

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers
        self._found: dict[tuple[str, ClientApi], Upstream] = {}

    def find(self, operation: Operation) -> Upstream:
        """Return where calls of one kind go.

        Raises:
            Refused: there is no such provider, or no key for it.
        """
        key = (operation.provider, operation.api)
        if key not in self._found:
            self._found[key] = self._look_up(operation)
        return self._found[key]

    def _look_up(self, operation: Operation) -> Upstream:
        provider = self._providers.get(operation.provider)
        if provider is None:
            said = f"{operation.provider} is no provider that is known"
            raise Refused(Why.NOT_FOUND, "not_supported", said)
        api = API_KINDS[_KINDS[operation.api.value]]
        try:
            return Upstream(provider, api, require_api_key(provider), require_proxy(provider))
        except CannotSend as error:
            raise Refused(Why.STOPPED, "no_key", str(error)) from error
