"""Api: what a module of this folder implements for the API that it speaks.

It writes requests and reads responses; the estimator and the runner send them. Where providers that
speak the same API differ, their rows in `providers.yaml` say so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from experiment.prompts import Request
from pricing.rates import RateCard
from providers.apis.count_tokens import COUNT_APIS, CountTokensApi
from providers.apis.request_options import build_request_options
from providers.capabilities import Capability
from providers.provider import Provider
from providers.reply import (
    ModelResponse,
    read_model_ids,
    reading_response,
    refuse_error,
    require_object,
)


class Api(ABC):
    """How one API is spoken to; it holds no state and no key."""

    @abstractmethod
    def completion_url(self, provider: Provider, model_id: str) -> str:
        """Return the URL that requests to a model are posted to."""

    @abstractmethod
    def auth_headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of a request; without a key, none that identifies the user."""

    def build_body(
        self,
        provider: Provider,
        model_id: str,
        request: Request,
        capability: Capability,
        *,
        reserve_card: RateCard | None = None,
    ) -> dict[str, Any]:
        """Build a request's body.

        Args:
            provider: where it goes.
            model_id: what the provider calls the model.
            request: what is sent.
            capability: what the model takes there.
            reserve_card: what was reserved by; a provider that takes a highest price is given this
                one.
        """
        options = build_request_options(provider, request, capability, reserve_card=reserve_card)
        return self.write_body(provider, model_id, request, capability, options)

    def parse_response(self, provider: Provider, data: object) -> ModelResponse:
        """Parse a response's body. Its token classes are disjoint, whatever the API's are.

        Raises:
            MalformedResponse: no text, or usage that is missing or makes no sense.
        """
        with reading_response():
            body = require_object(data)
            refuse_error(body)
            return self._parse_body(provider, body)

    def models_url(self, provider: Provider) -> str:
        """Return the URL of the provider's model list, which is free."""
        return f"{provider.base_url.rstrip('/')}/models"

    def parse_model_list(self, data: object) -> frozenset[str]:
        """Parse a model list into the ids that a request may name.

        Raises:
            MalformedResponse: it is not a model list.
        """
        return read_model_ids(data)

    def find_count_api(self, provider: Provider) -> CountTokensApi | None:
        """Return how the provider counts a prompt for free; None where it does not.

        Which do is known by their names, and at their own addresses.
        """
        return COUNT_APIS.get(provider.name) if provider.builtin_url else None

    @abstractmethod
    def write_body(
        self,
        provider: Provider,
        model_id: str,
        request: Request,
        capability: Capability,
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Return a body of a prompt and of its options; see `build_body`.

        Args:
            provider: as of `build_body`.
            model_id: the same.
            request: the same.
            capability: the same.
            options: as `build_request_options` gives them, which are the same for all requests of
                a use; their names are the record's.
        """

    @abstractmethod
    def _parse_body(self, provider: Provider, data: dict[str, Any]) -> ModelResponse:
        """Parse the body of an answer; whatever is missing in it may raise as it is looked up."""
