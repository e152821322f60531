"""Anthropic's Messages API: sending a prompt, and counting its tokens.

POST {base_url}/messages, and {base_url}/messages/count_tokens for a count, with the address, the
headers and the messages written alike, so that what is counted is what is sent. Its input_tokens
exclude cached ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from experiment.prompts import Message, Request
from pricing.usage import Usage
from providers.apis.api import Api
from providers.apis.count_tokens import CountTokensApi
from providers.apis.finish_reasons import name_finish
from providers.apis.request_options import mark_text, split_system_text
from providers.apis.response_fields import AnswerNames, build_response
from providers.capabilities import Capability
from providers.generated_text import read_blocks
from providers.provider import Provider
from providers.reply import (
    ModelResponse,
    read_count,
    read_display_name,
    read_text,
    read_usage,
    require_object,
)
from providers.usage_fields import UsageFields, read_usage_fields

# The newest version, 2026-10-21, that current libraries send, only takes fields away: temperature,
# top_p and top_k are refused there for every model, also those that still take them by this one,
# which every model, the newest too, is served by:
# https://platform.claude.com/docs/en/api/migration-2026-10-21 and, tried on Sonnet 4.6 and 5.5,
# https://qiita.com/Synthorai/items/01a0067e88747257a4e6. What a model itself refuses is left out by
# its record.
API_VERSION = "2023-06-01"


class AnthropicMessagesApi(Api):
    """Anthropic's Messages API, at Anthropic or wherever else it is spoken."""

    def completion_url(self, provider: Provider, model_id: str) -> str:  # noqa: ARG002 - in the body
        """Return the URL that requests are posted to."""
        return _messages_url(provider.base_url)

    def auth_headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of a request; without a key, nothing identifies the user."""
        return _build_headers(key)

    def find_count_api(self, provider: Provider) -> CountTokensApi | None:  # noqa: ARG002 - all do
        """Return how prompts are counted: every server of this API counts, wherever it is."""
        return _COUNT_API

    def write_body(
        self,
        provider: Provider,
        model_id: str,
        request: Request,
        capability: Capability,  # noqa: ARG002 - its fields have the names of this API
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Return a body of a prompt and of its options."""
        prompt = _build_prompt(provider.wire_model(model_id), request.messages)
        return _mark_prompt(prompt, request) | options

    def _parse_body(self, provider: Provider, data: dict[str, Any]) -> ModelResponse:
        return _parse_message(provider, data)


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


def _mark_prompt(prompt: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return a prompt with the end of what is to be cached marked, where anything is."""
    mark = request.mark
    if mark is None or not mark.messages:
        return prompt
    marked = request.messages[: mark.messages]
    turns = sum(message.role != "system" for message in marked)
    if not turns:
        return prompt | {"system": mark_text(prompt["system"], mark)}
    written = list(prompt["messages"])
    last = written[turns - 1]
    written[turns - 1] = last | {"content": mark_text(last["content"], mark)}
    return prompt | {"messages": written}


def _parse_message(provider: Provider, data: dict[str, Any]) -> ModelResponse:
    usage, written = read_usage(data), read_blocks(data["content"])
    written = replace(written, refusal=_read_refusal(data.get("stop_details")))
    iterations, found = _iterations(usage), read_usage_fields(usage)
    names = AnswerNames(
        name_finish(data.get("stop_reason")),
        data.get("model"),
        data.get("id"),
        _read_tier(usage),
        usage.get("inference_geo"),
    )
    return build_response(
        provider,
        names,
        written,
        _parse_usage(usage, iterations, found),
        usage,
        found,
        other_models=[each.get("model") for each in iterations],
    )


def _read_refusal(details: object) -> str:
    """Return why the model refused, and the category of that; it is no part of what it wrote.

    `RefusalStopDetails` in the package `anthropic` 2.14.0; either may be null.
    """
    if not isinstance(details, dict):
        return ""
    category = read_display_name(details.get("category"))
    told = (read_text(details.get("explanation")), f"(category: {category})" if category else "")
    return " ".join(filter(None, told))


def _read_tier(usage: dict[str, Any]) -> str:
    """Read the service tier, or the fast mode, which costs more as a tier does."""
    speed = read_display_name(usage.get("speed"))
    return speed if speed not in ("", "standard") else read_display_name(usage.get("service_tier"))


def _iterations(usage: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the usage of each call behind an answer; a fallback on the server makes several."""
    return [require_object(each) for each in usage.get("iterations") or []]


def _parse_usage(
    usage: dict[str, Any], iterations: list[dict[str, Any]], found: UsageFields
) -> Usage:
    """Read the billed tokens: those of the answer, or of all its iterations if they are more.

    https://docs.claude.com/en/api/messages
    """
    whole = _parse_classes(usage, found.reasoning, required=True)
    parts = [
        _parse_classes(each, read_usage_fields(each).reasoning, required=False)
        for each in iterations
    ]
    return Usage(
        **{
            name: max(getattr(whole, name), sum(getattr(part, name) for part in parts))
            for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")
        },
        reasoning=whole.reasoning,
    )


def _parse_classes(usage: dict[str, Any], reasoning: int, *, required: bool) -> Usage:
    split = usage.get("cache_creation") or {}
    hour = read_count(split, "ephemeral_1h_input_tokens")
    minutes = read_count(split, "ephemeral_5m_input_tokens")
    written = read_count(usage, "cache_creation_input_tokens")
    output = read_count(usage, "output_tokens", required=required)
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
