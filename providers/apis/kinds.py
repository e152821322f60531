"""Kinds: which API a provider speaks, by the `kind` in its row. A new API is registered here."""

from __future__ import annotations

from providers.apis.anthropic_messages import AnthropicMessagesApi
from providers.apis.api import Api
from providers.apis.chat_completions import ChatCompletionsApi
from providers.apis.count_tokens import CountTokensApi
from providers.provider import Provider

# An experiment may name the same kinds: see `kind` in `experiment.definition.schema`.
API_KINDS: dict[str, Api] = {
    "openai": ChatCompletionsApi(),
    "anthropic": AnthropicMessagesApi(),
}


def find_api(provider: Provider) -> Api:
    """Return the API that a provider speaks; it must be one that requests can be sent to."""
    return API_KINDS[provider.kind]


def find_count_api(provider: Provider) -> CountTokensApi | None:
    """Return the API of a provider's count endpoint; None where none is known."""
    api = API_KINDS.get(provider.kind)
    return api.find_count_api(provider) if api else None
