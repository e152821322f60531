"""Kinds: which module speaks a provider's batches, by `api` in its row of `batches.yaml`."""

from __future__ import annotations

from dataclasses import replace

from providers.batches.apis.batch_api import BatchApi, BatchTarget
from providers.batches.apis.generate_batches import GenerateBatches
from providers.batches.apis.message_batches import MessageBatches
from providers.batches.apis.mistral_batches import MistralBatches
from providers.batches.apis.openai_batches import OpenAiBatches, TogetherBatches
from providers.batches.apis.openrouter_batches import OpenRouterBatches
from providers.batches.batch_limits import find_batch_limits
from providers.provider import Provider

_APIS: dict[str, BatchApi] = {
    "openai": OpenAiBatches(),
    "together": TogetherBatches(),
    "anthropic": MessageBatches(),
    "google": GenerateBatches(),
    "openrouter": OpenRouterBatches(),
    "mistral": MistralBatches(),
}
_KINDS = {"anthropic": "anthropic", "google": "google"}  # of others it is OpenAI's


def find_batch_api(provider: Provider) -> BatchApi | None:
    """Return how a provider's batches are spoken to; None where it has none that is known.

    So it is where the user sends its requests to a server that speaks another API than its own.
    """
    limits = find_batch_limits(provider)
    if limits is None or provider.kind not in (_KINDS.get(limits.api, "openai"), "responses"):
        return None
    return _APIS[limits.api]


def build_target(provider: Provider, model_id: str, completion_url: str) -> BatchTarget:
    """Return where a batch goes.

    Args:
        provider: whose it is.
        model_id: what the provider calls the model.
        completion_url: where calls of the same requests are posted to.
    """
    base = provider.base_url.rstrip("/")
    route = completion_url.removeprefix(base) if completion_url.startswith(base) else ""
    return BatchTarget(provider, provider.wire_model(model_id), f"/v1{route}")


def drop_call_prices(provider: Provider) -> Provider:
    """Return a provider whose requests name neither a service tier nor a highest price.

    Those are of calls: a batch has a tier of its own, and is routed at a price of its own.
    """
    return replace(provider, standard_tier="", max_price=False)
