"""API formats: how a request is written for a provider, and how its response is read.

Two kinds. `openai`: POST {base_url}/chat/completions, as OpenAI, DeepInfra, OpenRouter, Together,
Groq, Fireworks, vLLM, Ollama and llama.cpp take it. `anthropic`: POST {base_url}/messages.
Token classes are made disjoint here: OpenAI's prompt_tokens include cached ones, Anthropic's
input_tokens exclude them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from experiment.prompts import Request
from pricing.catalog import find_host_factor
from pricing.money import Money
from pricing.rates import RateCard
from pricing.usage import Usage
from providers.apis import build_headers, build_messages_url, build_prompt
from providers.provider import Provider

_PRICED_OPTIONS = ("service_tier", "speed", "inference_geo")
_SAMPLING_OPTIONS = ("temperature", "top_p", "top_k")
_MAX_NAME_LENGTH = 40
_MAX_TOKENS = 10**9  # no call can have more; a ledger's sums stay in their 64 bits
_MAX_COST = Money.from_usd("1000000")
_SURROGATE = re.compile("[\ud800-\udfff]")


class MalformedResponse(Exception):
    """A response lacks what is needed to bill it; the text says what."""


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """A provider's response to one request.

    Attributes:
        text: the answer, without the prefill that it goes on from.
        reasoning: reasoning that the provider shows apart from the answer.
        finish: `stop`, `length` where it was cut off at max_tokens, or the provider's own word.
        usage: billed tokens.
        stated_cost: what the provider says that it billed, where it says so.
        model, id: the provider's own names of the model and of this answer.
        raw_usage: the usage object as it came.
        tier: the service tier that the provider says it was served in; empty where it does not.
        geo: the place that it says the answer was made in, where that may cost more.
    """

    text: str
    reasoning: str
    finish: str
    usage: Usage
    stated_cost: Money | None
    model: str
    id: str
    raw_usage: Mapping[str, Any]
    tier: str = ""
    geo: str = ""


def completion_url(provider: Provider) -> str:
    """Return the URL that requests are posted to."""
    if provider.kind == "anthropic":
        return build_messages_url(provider.base_url)
    return f"{provider.base_url.rstrip('/')}/chat/completions"


def auth_headers(provider: Provider, key: str | None) -> dict[str, str]:
    """Return the headers of a request; without a key, none that identifies the user."""
    if provider.kind == "anthropic":
        return build_headers(key)
    return {"Authorization": f"Bearer {key}"} if key else {}


def build_body(
    provider: Provider,
    model_id: str,
    request: Request,
    *,
    fixed_sampling: bool,
    reserve_card: RateCard | None = None,
) -> dict[str, Any]:
    """Build a request's body.

    Args:
        provider: where it goes.
        model_id: what the provider calls the model.
        request: what is sent.
        fixed_sampling: the model refuses a temperature of one's own, so none is sent.
        reserve_card: what was reserved by; a provider that takes a highest price is given this one.
    """
    sampling = {
        name: value
        for name, value in request.sampling.items()
        if name != "max_tokens" and not (name in _PRICED_OPTIONS and value is None)
    }
    if fixed_sampling:
        sampling = {k: v for k, v in sampling.items() if k not in _SAMPLING_OPTIONS}
    limit = {provider.max_tokens_field: request.max_tokens}
    model = provider.wire_model(model_id)
    sent = {"model": model, **_prompt_fields(provider, request), **limit, **sampling}
    if provider.max_price and reserve_card is not None:
        sent["provider"] = _limit_routing_price(sampling.get("provider"), reserve_card)
    own = provider.builtin_url or find_host_factor(provider.name, provider.base_url) is not None
    if provider.standard_tier and own:
        # Without it the project's own setting counts, which may be a dearer tier.
        sent.setdefault("service_tier", provider.standard_tier)
    if provider.prefill == "flags" and request.prefill:
        sent |= {"continue_final_message": True, "add_generation_prompt": False}
    return sent


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


def _prompt_fields(provider: Provider, request: Request) -> dict[str, Any]:
    if provider.kind == "anthropic":
        return build_prompt(request.messages)
    messages: list[dict[str, Any]] = [
        {"role": role, "content": content} for role, content in request.messages
    ]
    if provider.prefill == "prefix" and request.prefill:
        messages[-1]["prefix"] = True
    return {"messages": messages}


def parse_response(provider: Provider, data: object) -> ModelResponse:
    """Parse a response's body.

    Raises:
        Unreadable: no text, or usage that is missing or makes no sense.
    """
    if not isinstance(data, dict):
        raise MalformedResponse("the answer is not a JSON object")
    try:
        return (
            _parse_anthropic(data)
            if provider.kind == "anthropic"
            else _parse_openai(provider, data)
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise MalformedResponse(f"the answer is missing a field: {error!r}") from error
    except ValueError as error:
        raise MalformedResponse(str(error)) from error


def _parse_openai(provider: Provider, data: dict[str, Any]) -> ModelResponse:
    usage, choice = _require_usage(data), data["choices"][0]
    message = choice["message"]
    prompt = _read_count(usage, "prompt_tokens", required=True)
    completion = _read_count(usage, "completion_tokens", required=True)
    # Some providers leave hidden reasoning out of completion_tokens, but not out of the total.
    output = max(completion, _read_count(usage, "total_tokens") - prompt)
    details, written = (
        usage.get(f"{part}_tokens_details") or {} for part in ("prompt", "completion")
    )
    cached, stored = (
        _read_count(details, "cached_tokens"),
        _read_count(details, "cache_write_tokens"),
    )
    reasoning = min(_read_count(written, "reasoning_tokens"), output)
    return ModelResponse(
        text=_read_text(message.get("content")),
        reasoning=_read_text(message.get("reasoning_content") or message.get("reasoning")),
        finish=_read_name(choice.get("finish_reason")),
        usage=Usage(prompt - cached - stored, output, cached, stored, reasoning),
        stated_cost=_read_billed_cost(usage, provider.cost_field) if provider.cost_field else None,
        model=_read_name(data.get("model")),
        id=_read_name(data.get("id")),
        raw_usage=usage,
        tier=_read_display_name(data.get("service_tier")),
    )


def _parse_anthropic(data: dict[str, Any]) -> ModelResponse:
    usage, blocks = _require_usage(data), data["content"]
    stop = _read_name(data.get("stop_reason"))
    hour = _read_count(usage.get("cache_creation") or {}, "ephemeral_1h_input_tokens")
    return ModelResponse(
        text=_join_blocks(blocks, "text"),
        reasoning=_join_blocks(blocks, "thinking"),
        finish={"max_tokens": "length", "end_turn": "stop"}.get(stop, stop),
        usage=Usage(
            input=_read_count(usage, "input_tokens", required=True),
            output=_read_count(usage, "output_tokens", required=True),
            cache_read=_read_count(usage, "cache_read_input_tokens"),
            cache_write=_read_count(usage, "cache_creation_input_tokens") - hour,
            cache_write_1h=hour,
        ),
        stated_cost=None,
        model=_read_name(data.get("model")),
        id=_read_name(data.get("id")),
        raw_usage=usage,
        tier=_read_display_name(usage.get("service_tier")),
        geo=_read_display_name(usage.get("inference_geo")),
    )


def _require_usage(data: dict[str, Any]) -> dict[str, Any]:
    usage = data.get("usage")
    if not isinstance(usage, dict):
        raise MalformedResponse("the answer has no usage")
    return usage


def _read_count(fields: dict[str, Any], name: str, *, required: bool = False) -> int:
    value = fields.get(name)
    if value is None and not required:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_TOKENS:
        raise MalformedResponse(f"usage.{name} is {value!r}")
    return value


def _read_billed_cost(usage: dict[str, Any], name: str) -> Money | None:
    """Read the cost that a provider says it billed.

    OpenRouter bills only a fee where the user brings a key of another provider, which bills the
    rest: https://openrouter.ai/docs/use-cases/usage-accounting. Where that is not told, nothing is.
    """
    cost = parse_stated_cost(usage.get(name))
    if usage.get("is_byok") is True:
        upstream = parse_stated_cost(
            (usage.get("cost_details") or {}).get("upstream_inference_cost")
        )
        cost = upstream and upstream + (cost or Money())
    if cost is not None and cost > _MAX_COST:
        raise MalformedResponse(f"usage.{name} is {usage[name]!r}")
    return cost


def _read_text(content: Any) -> str:  # noqa: ANN401 - a text, a list of parts, or nothing
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    return _replace_unstorable(content) if isinstance(content, str) else ""


def _join_blocks(blocks: list[dict[str, Any]], kind: str) -> str:
    return _replace_unstorable("".join(block[kind] for block in blocks if block["type"] == kind))


def _read_display_name(value: object) -> str:
    """Read a name for display: short, and free of control characters."""
    return "".join(each for each in _read_text(value) if each.isprintable())[:_MAX_NAME_LENGTH]


def _read_name(value: object) -> str:
    return _replace_unstorable(str(value or ""))


def _replace_unstorable(text: str) -> str:
    """Replace characters that JSON allows but a database does not."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\0", "\N{SYMBOL FOR NULL}")


def parse_stated_cost(value: object) -> Money | None:
    """Parse a stated cost, rounded up to a pico-dollar; 0 counts as not stated."""
    try:
        dollars = Decimal(str(value))
        pico = int((dollars * 10**12).to_integral_value("ROUND_CEILING"))
        return Money(pico) if pico > 0 else None
    except (ArithmeticError, ValueError):
        return None
