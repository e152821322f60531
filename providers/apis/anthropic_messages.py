"""Anthropic's Messages API: sending a prompt, and counting its tokens.

POST {base_url}/messages, and {base_url}/messages/count_tokens for a count, with the address, the
headers and the messages written alike, so that what is counted is what is sent. Its input_tokens
exclude cached ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiment.prompts import Message, Request
from pricing.rates import RateCard
from pricing.usage import Usage
from providers.apis.count_tokens import CountTokensApi
from providers.apis.request_options import build_request_options, split_system_text
from providers.capabilities import Capability
from providers.generated_text import read_blocks
from providers.provider import Provider
from providers.reply import (
    ModelResponse,
    read_count,
    read_display_name,
    read_model_ids,
    read_name,
    read_usage,
    reading_response,
    refuse_error,
    require_object,
)
from providers.usage_fields import (
    find_extras,
    find_reasoning_tokens,
    find_stated_costs,
    find_unknown_counts,
)

API_VERSION = "2023-06-01"
_FINISH_NAMES = {"max_tokens": "length", "end_turn": "stop"}


class AnthropicMessagesApi:
    """Anthropic's Messages API, at Anthropic or wherever else it is spoken."""

    def completion_url(self, provider: Provider) -> str:
        """Return the URL that requests are posted to."""
        return _messages_url(provider.base_url)

    def auth_headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of a request; without a key, nothing identifies the user."""
        return _build_headers(key)

    def build_body(
        self,
        provider: Provider,
        model_id: str,
        request: Request,
        capability: Capability,
        *,
        reserve_card: RateCard | None = None,
    ) -> dict[str, Any]:
        """Build a request's body; see `Api`."""
        options = build_request_options(provider, request, capability, reserve_card=reserve_card)
        return _build_prompt(provider.wire_model(model_id), request.messages) | options

    def parse_response(self, provider: Provider, data: object) -> ModelResponse:
        """Parse a response's body; see `Api`."""
        with reading_response():
            return _parse_message(provider, require_object(data))

    def models_url(self, provider: Provider) -> str:
        """Return the URL of the provider's model list."""
        return f"{provider.base_url.rstrip('/')}/models"

    def parse_model_list(self, data: object) -> frozenset[str]:
        """Parse a model list; see `Api`."""
        return read_model_ids(data)

    def find_count_api(self, provider: Provider) -> CountTokensApi | None:  # noqa: ARG002 - all do
        """Return how prompts are counted: every server of this API counts, wherever it is."""
        return _COUNT_API


def _messages_url(base_url: str) -> str:
    """Return the messages URL under a base URL, with or without its `/v1`."""
    base = base_url.rstrip("/")
    return f"{base}/messages" if base.endswith("/v1") else f"{base}/v1/messages"


def _build_headers(key: str | None) -> dict[str, str]:
    return {"anthropic-version": API_VERSION} | ({"x-api-key": key} if key else {})


def _build_prompt(model: str, messages: Sequence[Message]) -> dict[str, Any]:
    """Return a model and a prompt as JSON fields: turns, and the system text if there is any."""
    system, turns = split_system_text(messages)
    written = [{"role": role, "content": content} for role, content in turns]
    return {"model": model, "messages": written} | ({"system": system} if system else {})


def _parse_message(provider: Provider, data: dict[str, Any]) -> ModelResponse:
    refuse_error(data)
    usage, written = read_usage(data), read_blocks(data["content"])
    iterations = _iterations(usage)
    stop = read_name(data.get("stop_reason"))
    return ModelResponse(
        text=written.text,
        reasoning=written.reasoning,
        finish=_FINISH_NAMES.get(stop, stop),
        usage=_parse_usage(usage, iterations),
        stated_cost=None,
        model=read_name(data.get("model")),
        id=read_name(data.get("id")),
        raw_usage=usage,
        tier=_read_tier(usage),
        geo=read_display_name(usage.get("inference_geo")),
        other_texts=written.others,
        least_output=written.least_tokens,
        extras=(*find_extras(usage), *written.extras),
        unknown_counts=find_unknown_counts(usage),
        costs=find_stated_costs(usage),
        other_models=tuple(read_name(each.get("model")) for each in iterations),
        builtin_url=provider.builtin_url,
    )


def _read_tier(usage: dict[str, Any]) -> str:
    """Read the service tier, or the fast mode, which costs more as a tier does."""
    speed = read_display_name(usage.get("speed"))
    return speed if speed not in ("", "standard") else read_display_name(usage.get("service_tier"))


def _iterations(usage: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the usage of each call behind an answer; a fallback on the server makes several."""
    return [require_object(each) for each in usage.get("iterations") or []]


def _parse_usage(usage: dict[str, Any], iterations: list[dict[str, Any]]) -> Usage:
    """Read the billed tokens: those of the answer, or of all its iterations if they are more.

    https://docs.claude.com/en/api/messages
    """
    whole = _parse_classes(usage, required=True)
    parts = [_parse_classes(each, required=False) for each in iterations]
    return Usage(
        **{
            name: max(getattr(whole, name), sum(getattr(part, name) for part in parts))
            for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")
        },
        reasoning=whole.reasoning,
    )


def _parse_classes(usage: dict[str, Any], *, required: bool) -> Usage:
    split = usage.get("cache_creation") or {}
    hour = read_count(split, "ephemeral_1h_input_tokens")
    minutes = read_count(split, "ephemeral_5m_input_tokens")
    written = read_count(usage, "cache_creation_input_tokens")
    output = read_count(usage, "output_tokens", required=required)
    reasoning = find_reasoning_tokens(usage)
    if reasoning > output:  # more than the whole cannot be a part of it
        output += reasoning
    return Usage(
        input=read_count(usage, "input_tokens", required=required),
        output=output,
        cache_read=read_count(usage, "cache_read_input_tokens"),
        cache_write=max(written - hour, minutes),
        cache_write_1h=hour,
        reasoning=reasoning,
    )


# Free, with a limit of its own, by tier 100, 2,000, 4,000 or 8,000 a minute; an estimate, that the
# bill may differ from slightly. No tokenizer of its newer models is published.
_COUNT_API = CountTokensApi(
    url=lambda base, _: f"{_messages_url(base)}/count_tokens",
    headers=_build_headers,
    body=_build_prompt,
    count_field="input_tokens",
    requests_per_minute=100,
    asked_by_default=True,
)
