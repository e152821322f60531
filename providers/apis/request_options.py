"""Request options: all of a body but the model and the prompt, and a prompt's system text.

A provider's row decides these, whichever API it speaks: what `max_tokens` is called, the tier that
is asked for, the highest price, vLLM's two flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiment.prompts import CacheMark, Message, Request
from pricing.catalog import find_host_factor
from pricing.rates import RateCard
from providers.capabilities import Capability, build_sent_fields
from providers.provider import Provider


def build_request_options(
    provider: Provider,
    request: Request,
    capability: Capability,
    *,
    reserve_card: RateCard | None,
) -> dict[str, Any]:
    """Build the fields of a body besides the model and the prompt; see `Api.build_body`."""
    sampling = request.sampling
    options = build_sent_fields(capability, sampling, prefill=request.prefill).fields
    if provider.max_price and reserve_card is not None:
        options["provider"] = _limit_routing_price(options.get("provider"), reserve_card)
    own = provider.builtin_url or find_host_factor(provider.name, provider.base_url) is not None
    if provider.standard_tier and own:
        # Without it the project's own setting counts, which may be a more expensive tier.
        options.setdefault("service_tier", provider.standard_tier)
    if provider.prefill == "flags" and request.prefill:
        options |= {"continue_final_message": True, "add_generation_prompt": False}
    return options


def split_system_text(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Split a prompt into its system texts, joined by a blank line, and its turns."""
    system = "\n\n".join(content for role, content in messages if role == "system")
    return system, [message for message in messages if message.role != "system"]


def mark_text(text: str, mark: CacheMark) -> list[dict[str, Any]]:
    """Return a text as the parts of a message, marked as the end of what is to be cached.

    `CacheControlEphemeralParam` in the package `anthropic` 2.14.0; OpenRouter passes the same on:
    https://openrouter.ai/docs/features/prompt-caching
    """
    kept = {"ttl": mark.keep} if mark.keep == "1h" else {}  # else five minutes
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"} | kept}]


def _limit_routing_price(routing: Any, reserve_card: RateCard) -> dict[str, Any]:  # noqa: ANN401 - the user's
    """Add the reserved price to OpenRouter's routing preferences, in USD per million tokens.

    https://openrouter.ai/docs/guides/routing/provider-selection
    """
    own = routing if isinstance(routing, dict) else {}
    given = own["max_price"] if isinstance(own.get("max_price"), dict) else {}
    limits = {"prompt": reserve_card.input.base, "completion": reserve_card.output.base}
    for name, limit in limits.items():
        asked = given.get(name)
        lower = isinstance(asked, int | float) and 0 < asked <= limit and asked is not True
        given = given | {name: asked if lower else float(limit)}
    return own | {"max_price": given}
