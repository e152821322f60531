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
from providers.provider import Provider
from providers.reply import (
    ModelResponse,
    read_count,
    read_display_name,
    read_model_ids,
    read_name,
    read_text,
    read_usage,
    reading_response,
    require_object,
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
        *,
        fixed_sampling: bool,
        reserve_card: RateCard | None = None,
    ) -> dict[str, Any]:
        """Build a request's body; see `Api`."""
        options = build_request_options(
            provider, request, fixed_sampling=fixed_sampling, reserve_card=reserve_card
        )
        return _build_prompt(provider.wire_model(model_id), request.messages) | options

    def parse_response(self, provider: Provider, data: object) -> ModelResponse:  # noqa: ARG002 - no provider's row changes it
        """Parse a response's body; see `Api`."""
        with reading_response():
            return _parse_message(require_object(data))

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


def _parse_message(data: dict[str, Any]) -> ModelResponse:
    usage, blocks = read_usage(data), data["content"]
    billed, stop = _parse_usage(usage), read_name(data.get("stop_reason"))
    return ModelResponse(
        text=_join_blocks(blocks, "text"),
        reasoning=_join_blocks(blocks, "thinking"),
        finish=_FINISH_NAMES.get(stop, stop),
        usage=billed,
        stated_cost=None,
        model=read_name(data.get("model")),
        id=read_name(data.get("id")),
        raw_usage=usage,
        tier=read_display_name(usage.get("service_tier")),
        geo=read_display_name(usage.get("inference_geo")),
    )


def _join_blocks(blocks: list[dict[str, Any]], kind: str) -> str:
    return read_text("".join(block[kind] for block in blocks if block["type"] == kind))


def _parse_usage(usage: dict[str, Any]) -> Usage:
    hour = read_count(usage.get("cache_creation") or {}, "ephemeral_1h_input_tokens")
    return Usage(
        input=read_count(usage, "input_tokens", required=True),
        output=read_count(usage, "output_tokens", required=True),
        cache_read=read_count(usage, "cache_read_input_tokens"),
        cache_write=read_count(usage, "cache_creation_input_tokens") - hour,
        cache_write_1h=hour,
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
