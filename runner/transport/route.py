"""Routes: where the requests to a model go, found once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from experiment.prompts import Request
from pricing.rates import RateCard
from providers.apis import Api, build_request_options
from providers.capabilities import Capability
from providers.provider import Provider
from providers.proxies import Proxy
from runner.transport.json_body import is_plain, write_json

_MOST_OPTIONS = 256  # that are remembered; an experiment has one for each use of a model


class _Options(NamedTuple):
    """The options of requests, and whether JSON has them as they are: texts are all else."""

    fields: dict[str, Any]
    are_plain: bool


@dataclass(frozen=True, slots=True, eq=False, repr=False)  # it has the key
class Route:
    """Where the requests to a model go, and what is the same in all of them.

    Attributes:
        provider: whose it is.
        model_id: what the provider calls it.
        api: how it is spoken to.
        url: that requests are posted to.
        headers: of a request; with the key.
        key: of the provider; None where it needs none.
        proxy: that requests go through; None where they need none.
        capability: what the model takes there.
        reserve_card: what is reserved by; a provider that takes a highest price is given this one.
    """

    provider: Provider
    model_id: str
    api: Api
    url: str
    headers: Mapping[str, str]
    key: str | None
    proxy: Proxy | None
    capability: Capability
    reserve_card: RateCard | None
    _options: dict[tuple[str, str, bool], _Options] = field(default_factory=dict, init=False)

    def write_body(self, request: Request) -> bytes:
        """Return a request's body.

        Raises:
            NotTaken: the provider would refuse the request.
        """
        options = self._find_options(request)
        body = self.api.write_body(
            self.provider, self.model_id, request, self.capability, dict(options.fields)
        )
        return write_json(body, is_known_plain=options.are_plain)

    def _find_options(self, request: Request) -> _Options:
        """Return the options of a request, which depend on its fields and on how its prefill ends.

        Those of a request that would be refused are not remembered.
        """
        prefill = request.prefill
        key = repr(request.sampling), prefill[len(prefill.rstrip()) :], bool(prefill)
        if (known := self._options.get(key)) is None:
            fields = build_request_options(
                self.provider, request, self.capability, reserve_card=self.reserve_card
            )
            known = _Options(fields, is_plain(fields))
            if len(self._options) < _MOST_OPTIONS:
                self._options[key] = known
        return known
