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
from providers.errors import MalformedResponse
from providers.provider import Provider
from providers.reply import (
    ModelResponse,
    parse_stated_cost,
    read_count,
    read_display_name,
    read_model_ids,
    read_name,
    read_text,
    read_usage,
    reading_response,
    require_object,
)
from providers.secrets import quote_value

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
        *,
        fixed_sampling: bool,
        reserve_card: RateCard | None = None,
    ) -> dict[str, Any]:
        """Build a request's body; see `Api`."""
        options = build_request_options(
            provider, request, fixed_sampling=fixed_sampling, reserve_card=reserve_card
        )
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
    usage, choice = read_usage(data), data["choices"][0]
    message, billed = choice["message"], _parse_usage(usage)
    return ModelResponse(
        text=read_text(message.get("content")),
        reasoning=read_text(message.get("reasoning_content") or message.get("reasoning")),
        finish=read_name(choice.get("finish_reason")),
        usage=billed,
        stated_cost=_read_billed_cost(usage, provider.cost_field) if provider.cost_field else None,
        model=read_name(data.get("model")),
        id=read_name(data.get("id")),
        raw_usage=usage,
        tier=read_display_name(data.get("service_tier")),
    )


def _parse_usage(usage: dict[str, Any]) -> Usage:
    prompt = read_count(usage, "prompt_tokens", required=True)
    completion = read_count(usage, "completion_tokens", required=True)
    # Some providers leave hidden reasoning out of completion_tokens, but not out of the total.
    output = max(completion, read_count(usage, "total_tokens") - prompt)
    details, written = (
        usage.get(f"{part}_tokens_details") or {} for part in ("prompt", "completion")
    )
    cached = read_count(details, "cached_tokens")
    stored = read_count(details, "cache_write_tokens")
    reasoning = min(read_count(written, "reasoning_tokens"), output)
    return Usage(prompt - cached - stored, output, cached, stored, reasoning)


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
