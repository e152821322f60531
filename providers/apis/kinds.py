"""Kinds: which API a provider speaks, by the `kind` in its row. A new API is registered here."""

from __future__ import annotations

from providers.apis.anthropic_messages import AnthropicMessagesApi
from providers.apis.api import Api
from providers.apis.chat_completions import ChatCompletionsApi
from providers.apis.count_tokens import CountTokensApi
from providers.apis.generate_content import GenerateContentApi
from providers.apis.responses import ResponsesApi
from providers.capabilities import Capability
from providers.provider import ENDPOINTS, Provider

# An experiment may name the same kinds: see `kind` in `experiment.definition.provider_fields`.
API_KINDS: dict[str, Api] = {
    "openai": ChatCompletionsApi(),
    "anthropic": AnthropicMessagesApi(),
    "responses": ResponsesApi(),
    "google": GenerateContentApi(),
}
_ENDPOINT_KINDS = {endpoint: kind for kind, endpoint in ENDPOINTS.items()}


def find_api(provider: Provider, capability: Capability | None = None) -> Api:
    """Return the API that a provider speaks; it must be one that requests can be sent to.

    Args:
        provider: which.
        capability: of the model that is asked, where it matters: some models are only served by
            another API of their provider.
    """
    endpoint = capability.endpoint if capability else ""
    return API_KINDS[_ENDPOINT_KINDS.get(endpoint, provider.kind)]


def find_count_api(provider: Provider) -> CountTokensApi | None:
    """Return the API of a provider's count endpoint; None where none is known."""
    api = API_KINDS.get(provider.kind)
    return api.find_count_api(provider) if api else None
