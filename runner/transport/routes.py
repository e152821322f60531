"""Routes of all models that are asked, each found when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping

from pricing.catalog import ModelName
from pricing.rates import RateCard
from providers.apis import find_api
from providers.capabilities import Capability, find_capability
from providers.provider import Provider, find_api_key
from providers.proxies import Proxy
from runner.errors import CannotSend
from runner.transport.connection import require_proxy
from runner.transport.route import Route


class Routes:
    """Finds the route of a model, with its provider's key and proxy.

    Args:
        providers: every provider by name.
        reserve_cards: what is reserved by, for each model.
        capabilities: what each model takes, as pinned in the plan; for others, as known today.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        reserve_cards: Mapping[ModelName, RateCard],
        capabilities: Mapping[ModelName, Capability],
    ) -> None:
        self._providers = providers
        self._reserve_cards = reserve_cards
        self._capabilities = capabilities
        self._ways: dict[str, tuple[str | None, Proxy | None]] = {}  # key and proxy, by provider
        self._routes: dict[ModelName, Route] = {}

    def find(self, name: ModelName) -> Route:
        """Return the route of a model.

        Raises:
            CannotSend: there is no key for its provider, or no proxy that can be used.
        """
        route = self._routes.get(name)
        if route is None:
            route = self._routes[name] = self._build(name)
        return route

    def _build(self, name: ModelName) -> Route:
        provider = self._providers[name.provider]
        if provider.name not in self._ways:
            proxy = require_proxy(provider)
            self._ways[provider.name] = require_api_key(provider), proxy
        key, proxy = self._ways[provider.name]
        capability = self._capabilities.get(name) or find_capability(provider, name.id)
        api = find_api(provider, capability)
        return Route(
            provider=provider,
            model_id=name.id,
            api=api,
            url=api.completion_url(provider, name.id),
            headers={"Content-Type": "application/json"} | api.auth_headers(key),
            key=key,
            proxy=proxy,
            capability=capability,
            reserve_card=self._reserve_cards.get(name),
        )


def require_api_key(provider: Provider) -> str | None:
    """Return a provider's key from the environment; None where it needs none.

    Raises:
        CannotSend: it needs one, and none of its variables holds one.
    """
    key = find_api_key(provider)
    if key is None and provider.api_key_env:
        raise CannotSend(
            f"no key for {provider.name}: set {' or '.join(provider.api_key_env)} "
            "in the environment; nothing was sent"
        )
    return key
