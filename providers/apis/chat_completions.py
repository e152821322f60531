"""Chat completions: the API of OpenAI that most others take as well.

POST {base_url}/chat/completions, as OpenAI, DeepInfra, OpenRouter, Together, Groq, Fireworks,
Google, vLLM, Ollama and llama.cpp take it. Its prompt_tokens include cached ones, its
completion_tokens the reasoning. It has no way to count a prompt: each provider has its own or none.
"""

from __future__ import annotations

from typing import Any

from experiment.prompts import Request
from pricing.money import Money
from pricing.rates import RateCard
from pricing.usage import Usage
from providers.apis.count_tokens import COUNT_APIS, CountTokensApi
from providers.apis.request_options import build_request_options
from providers.capabilities import Capability
from providers.errors import MalformedResponse
from providers.generated_text import read_choices
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
from providers.secrets import quote_value
from providers.usage_fields import (
    find_extras,
    find_reasoning_tokens,
    find_stated_costs,
    find_unknown_counts,
    parse_stated_cost,
)

_MAX_COST = Money.from_usd("1000000")


class ChatCompletionsApi:
    """OpenAI's Chat Completions API, and what its other providers make of it."""

    def completion_url(self, provider: Provider) -> str:
        """Return the URL that requests are posted to."""
        return f"{provider.base_url.rstrip('/')}/chat/completions"

    def auth_headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of a request; without a key, there are none."""
        return {"Authorization": f"Bearer {key}"} if key else {}

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
        messages = _build_messages(provider, request)
        return {"model": provider.wire_model(model_id), "messages": messages, **options}

    def parse_response(self, provider: Provider, data: object) -> ModelResponse:
        """Parse a response's body; see `Api`."""
        with reading_response():
            return _parse_completion(provider, require_object(data))

    def models_url(self, provider: Provider) -> str:
        """Return the URL of the provider's model list."""
        return f"{provider.base_url.rstrip('/')}/models"

    def parse_model_list(self, data: object) -> frozenset[str]:
        """Parse a model list; Google puts `models/` before its ids, and takes them without it."""
        listed = read_model_ids(data)
        return listed | {model.removeprefix("models/") for model in listed}

    def find_count_api(self, provider: Provider) -> CountTokensApi | None:
        """Return how a provider counts a prompt: known by its name, and at its own address."""
        return COUNT_APIS.get(provider.name) if provider.builtin_url else None


def _build_messages(provider: Provider, request: Request) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [
        {"role": role, "content": content} for role, content in request.messages
    ]
    if provider.prefill == "prefix" and request.prefill:
        messages[-1]["prefix"] = True
    return messages


def _parse_completion(provider: Provider, data: dict[str, Any]) -> ModelResponse:
    refuse_error(data)
    usage, choices = read_usage(data), data["choices"]
    written, billed = read_choices(choices), _parse_usage(usage)
    breakdown = (data.get("usage_breakdown") or {}).get(
        "models"
    ) or []  # of Groq's compound systems
    return ModelResponse(
        text=written.text,
        reasoning=written.reasoning,
        finish=read_name(choices[0].get("finish_reason")),
        usage=billed,
        stated_cost=_read_billed_cost(usage, provider.cost_field) if provider.cost_field else None,
        model=read_name(data.get("model")),
        id=read_name(data.get("id")),
        raw_usage=usage,
        tier=read_display_name(data.get("service_tier") or usage.get("service_tier")),
        other_texts=written.others,
        least_output=written.least_tokens,
        extras=(*find_extras(usage), *written.extras),
        unknown_counts=find_unknown_counts(usage),
        costs=find_stated_costs(usage),
        other_models=tuple(read_name(each.get("model")) for each in breakdown),
        cites_web=written.cites_web or bool(data.get("citations") or data.get("search_results")),
        builtin_url=provider.builtin_url,
    )


def _parse_usage(usage: dict[str, Any]) -> Usage:
    """Read the billed tokens; where figures contradict each other, the larger ones."""
    read = read_count(_details(usage, "prompt"), "cached_tokens")
    stored = read_count(_details(usage, "prompt"), "cache_write_tokens")
    prompt = max(
        read_count(usage, "prompt_tokens", required=True), read_count(usage, "input_tokens")
    )
    # Some providers count cached tokens beside the prompt.
    fresh = prompt - read - stored if read + stored <= prompt else prompt
    output = _parse_output(usage, fresh + read + stored)
    reasoning = min(_read_reasoning(usage), output)
    return Usage(fresh, output, read, stored, reasoning)


def _parse_output(usage: dict[str, Any], prompt: int) -> int:
    """Read the generated tokens, with those that `completion_tokens` leaves out.

    Some providers leave hidden reasoning out of it, but not out of the total. What is more than
    the whole cannot be a part of it, and is billed beside it.
    """
    completion = max(
        read_count(usage, "completion_tokens", required=True), read_count(usage, "output_tokens")
    )
    written = _details(usage, "completion")
    parts = [
        _read_reasoning(usage),
        *(read_count(written, f"{kind}_tokens") for kind in ("audio", "image")),
        *(read_count(written, f"{kind}_prediction_tokens") for kind in ("accepted", "rejected")),
    ]
    beside = sum(parts) if sum(parts) > completion else 0
    return max(completion + beside, read_count(usage, "total_tokens") - prompt)


def _read_reasoning(usage: dict[str, Any]) -> int:
    """Read the reasoning tokens, by whatever name and at whatever place the most are stated."""
    places = (usage, _details(usage, "completion"))
    return max(
        find_reasoning_tokens(usage), *(read_count(each, "reasoning_tokens") for each in places)
    )


def _details(usage: dict[str, Any], part: str) -> dict[str, Any]:
    return usage.get(f"{part}_tokens_details") or {}


def _read_billed_cost(usage: dict[str, Any], name: str) -> Money | None:
    """Read the cost that a provider says it billed.

    OpenRouter bills only a fee where the user brings a key of another provider, which bills the
    rest: https://openrouter.ai/docs/use-cases/usage-accounting. Where it is not, nothing is.
    """
    cost = parse_stated_cost(usage.get(name))
    if usage.get("is_byok") is True:
        upstream = parse_stated_cost(
            (usage.get("cost_details") or {}).get("upstream_inference_cost")
        )
        cost = upstream and upstream + (cost or Money())
    if cost is not None and cost > _MAX_COST:
        raise MalformedResponse(f"usage.{name} is {quote_value(usage[name])}")
    return cost
