"""Where the batches of a model go, found once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pricing.catalog import ModelName
from providers.batches import BatchLimits, find_batch_limits
from providers.batches.apis import (
    BatchApi,
    BatchTarget,
    build_target,
    drop_call_prices,
    find_batch_api,
)
from providers.capabilities import Capability
from providers.provider import Provider
from runner.errors import CannotSend
from runner.transport.route import Route
from runner.transport.routes import Routes


@dataclass(frozen=True, slots=True, eq=False, repr=False)  # it has the key
class BatchRoute:
    """Where the batches of a model go.

    Attributes:
        route: of calls of the same requests, but without what is of calls alone.
        api: how the batches are spoken to.
        target: as `api` needs it.
        limits: of the provider's batches.
    """

    route: Route
    api: BatchApi
    target: BatchTarget
    limits: BatchLimits

    @property
    def provider(self) -> Provider:
        """Whose the batches are."""
        return self.route.provider

    @property
    def auth_headers(self) -> dict[str, str]:
        """The headers of a request that has no body of JSON; with the key."""
        given = self.route.headers.items()
        return {name: value for name, value in given if name.lower() != "content-type"}


class BatchRoutes:
    """Finds where the batches of a model go.

    Args:
        providers: every provider by name.
        capabilities: what each model takes, as pinned in the plan; for others, as known today.
    """

    def __init__(
        self, providers: Mapping[str, Provider], capabilities: Mapping[ModelName, Capability]
    ) -> None:
        of_batches = {name: drop_call_prices(each) for name, each in providers.items()}
        self._routes = Routes(of_batches, MappingProxyType({}), capabilities)
        self._found: dict[ModelName, BatchRoute] = {}

    def find(self, name: ModelName) -> BatchRoute:
        """Return where the batches of a model go.

        Raises:
            CannotSend: its provider has no batches that are known, there is no key for it, or no
                proxy that can be used.
        """
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._build(name)
        return found

    def _build(self, name: ModelName) -> BatchRoute:
        route = self._routes.find(name)
        api, limits = find_batch_api(route.provider), find_batch_limits(route.provider)
        if api is None or limits is None:
            raise CannotSend(
                f"{name}: {route.provider.name} has no batches that afcost knows; "
                "run it without --batch, as calls"
            )
        return BatchRoute(route, api, build_target(route.provider, name.id, route.url), limits)
