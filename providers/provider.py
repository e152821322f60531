"""A provider: one place to send requests to, and its key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.secrets import remember_secret

# What capability records call the API that a provider of a kind speaks.
ENDPOINTS = {
    "openai": "chat",
    "responses": "responses",
    "anthropic": "messages",
    "google": "generate",
}


@dataclass(frozen=True, slots=True)
class Provider:
    """A destination for requests.

    Attributes:
        name: as in `provider/model`.
        kind: the API that it speaks, as in `apis.API_KINDS`; `none` where only prices are known.
        base_url: up to, but without, the route.
        api_key_env: environment variables that may hold the key; empty where none is needed.
        prefill: how a final assistant message is taken: continue, prefix, flags or none.
        max_tokens_field: what `max_tokens` is called on the wire.
        model_prefix: put before a model's id on the wire.
        cost_field: where `usage` states the cost of a request in USD, if anywhere.
        estimate_field: where `usage` states what the provider only estimates.
        standard_tier: the `service_tier` that asks for the standard price, where a setting of the
            user's account could otherwise choose a more expensive one.
        max_price: whether it takes `provider.max_price`, as OpenRouter does.
        cache_marks: whether it passes on a message's `cache_control`, as OpenRouter does.
        capabilities: what the user says that its models take, as in `capabilities.yaml`.
        builtin_url: False where the user sends this provider's requests elsewhere.
        other_urls: further addresses of its own, where its key may go as well.
        openai_url: where only prices are known: the form of an address at which it takes requests
            in OpenAI's API, for a user who has one.
    """

    name: str
    kind: str
    base_url: str
    api_key_env: tuple[str, ...] = ()
    prefill: str = "continue"
    max_tokens_field: str = "max_tokens"
    model_prefix: str = ""
    cost_field: str | None = None
    estimate_field: str | None = None
    max_price: bool = False
    cache_marks: bool = False
    standard_tier: str = ""
    builtin_url: bool = True
    capabilities: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)
    openai_url: str = ""
    other_urls: tuple[str, ...] = ()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The APIs that its models may be asked by, as records name them, its own first."""
        own = ENDPOINTS.get(self.kind)
        if own is None:
            return ()
        return (own, "responses") if own == "chat" else (own,)

    @property
    def takes_cache_marks(self) -> bool:
        """Whether a request can say what of its prompt is to be cached."""
        return self.kind == "anthropic" or (self.kind == "openai" and self.cache_marks)

    def wire_model(self, model_id: str) -> str:
        """Return a model's id as sent in requests, with the prefix exactly once."""
        prefix = "" if model_id.startswith(self.model_prefix) else self.model_prefix
        return prefix + model_id


def find_api_key(provider: Provider) -> str | None:
    """Return the first API key in the environment for a provider; None without one."""
    for variable in provider.api_key_env:
        if key := os.environ.get(variable, "").strip():
            remember_secret(key)  # from now on it is in no text that is stored or shown
            return key
    return None
