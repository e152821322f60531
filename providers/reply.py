"""Wire formats: how a request is written for a provider, and how its answer is read.

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

from experiment.prompts.request import Request
from pricing.catalog.billing_rules import host_factor
from pricing.money import Money
from pricing.rates.rate_card import RateCard
from pricing.usage import Usage
from providers.apis import anthropic_messages as anthropic
from providers.provider import Provider

_PRICED = ("service_tier", "speed", "inference_geo")
_FIXED = ("temperature", "top_p", "top_k")
_LONGEST_WORD = 40
_MOST_TOKENS = 10**9  # no call can have more; a ledger's sums stay in their 64 bits
_MOST_COST = Money.usd("1000000")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Unreadable(Exception):
    """A provider's answer lacks what is needed to book it; the text says what."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's answer to one request.

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


def url(provider: Provider) -> str:
    """Give the address that requests are posted to."""
    if provider.kind == "anthropic":
        return anthropic.url(provider.base_url)
    return f"{provider.base_url.rstrip('/')}/chat/completions"


def headers(provider: Provider, key: str | None) -> dict[str, str]:
    """Give the headers of a request; without a key, none that identifies anybody."""
    if provider.kind == "anthropic":
        return anthropic.headers(key)
    return {"Authorization": f"Bearer {key}"} if key else {}


def body(
    provider: Provider,
    model_id: str,
    request: Request,
    *,
    fixed_sampling: bool,
    dearest: RateCard | None = None,
) -> dict[str, Any]:
    """Write a request's body.

    Args:
        provider: where it goes.
        model_id: what the provider calls the model.
        request: what is sent.
        fixed_sampling: the model refuses a temperature of one's own, so none is sent.
        dearest: what was reserved by; a provider that takes a highest price is given this one.
    """
    sampling = {
        name: value
        for name, value in request.sampling.items()
        if name != "max_tokens" and not (name in _PRICED and value is None)
    }
    if fixed_sampling:
        sampling = {k: v for k, v in sampling.items() if k not in _FIXED}
    limit = {provider.max_tokens_field: request.max_tokens}
    model = provider.wire_model(model_id)
    sent = {"model": model, **_messages(provider, request), **limit, **sampling}
    if provider.max_price and dearest is not None:
        sent["provider"] = _within(sampling.get("provider"), dearest)
    own = provider.builtin_url or host_factor(provider.name, provider.base_url) is not None
    if provider.standard_tier and own:
        # Without it the project's own setting counts, which may be a dearer tier.
        sent.setdefault("service_tier", provider.standard_tier)
    if provider.prefill == "flags" and request.prefill:
        sent |= {"continue_final_message": True, "add_generation_prompt": False}
    return sent


def _within(routing: Any, dearest: RateCard) -> dict[str, Any]:  # noqa: ANN401 - the user's
    """Add to OpenRouter's routing preferences the highest price, in USD per million tokens.

    https://openrouter.ai/docs/guides/routing/provider-selection
    """
    own = routing if isinstance(routing, dict) else {}
    given = own["max_price"] if isinstance(own.get("max_price"), dict) else {}
    limits = {"prompt": dearest.input.base, "completion": dearest.output.base}
    for name, limit in limits.items():
        asked = given.get(name)
        lower = isinstance(asked, int | float) and 0 < asked <= limit and asked is not True
        given = given | {name: asked if lower else float(limit)}
    return own | {"max_price": given}


def _messages(provider: Provider, request: Request) -> dict[str, Any]:
    if provider.kind == "anthropic":
        return anthropic.prompt(request.messages)
    messages: list[dict[str, Any]] = [
        {"role": role, "content": content} for role, content in request.messages
    ]
    if provider.prefill == "prefix" and request.prefill:
        messages[-1]["prefix"] = True
    return {"messages": messages}


def read(provider: Provider, data: object) -> Reply:
    """Read an answer's body.

    Raises:
        Unreadable: no text, or usage that is missing or makes no sense.
    """
    if not isinstance(data, dict):
        raise Unreadable("the answer is not a JSON object")
    try:
        return (
            _read_anthropic(data) if provider.kind == "anthropic" else _read_openai(provider, data)
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Unreadable(f"the answer is missing a field: {error!r}") from error
    except ValueError as error:
        raise Unreadable(str(error)) from error


def _read_openai(provider: Provider, data: dict[str, Any]) -> Reply:
    usage, choice = _usage_object(data), data["choices"][0]
    message = choice["message"]
    prompt = _count(usage, "prompt_tokens", required=True)
    completion = _count(usage, "completion_tokens", required=True)
    # Some providers leave hidden reasoning out of completion_tokens, but not out of the total.
    output = max(completion, _count(usage, "total_tokens") - prompt)
    details, written = (
        usage.get(f"{part}_tokens_details") or {} for part in ("prompt", "completion")
    )
    cached, stored = _count(details, "cached_tokens"), _count(details, "cache_write_tokens")
    reasoning = min(_count(written, "reasoning_tokens"), output)
    return Reply(
        text=_text(message.get("content")),
        reasoning=_text(message.get("reasoning_content") or message.get("reasoning")),
        finish=_name(choice.get("finish_reason")),
        usage=Usage(prompt - cached - stored, output, cached, stored, reasoning),
        stated_cost=_cost(usage, provider.cost_field) if provider.cost_field else None,
        model=_name(data.get("model")),
        id=_name(data.get("id")),
        raw_usage=usage,
        tier=_word(data.get("service_tier")),
    )


def _read_anthropic(data: dict[str, Any]) -> Reply:
    usage, blocks = _usage_object(data), data["content"]
    stop = _name(data.get("stop_reason"))
    hour = _count(usage.get("cache_creation") or {}, "ephemeral_1h_input_tokens")
    return Reply(
        text=_joined(blocks, "text"),
        reasoning=_joined(blocks, "thinking"),
        finish={"max_tokens": "length", "end_turn": "stop"}.get(stop, stop),
        usage=Usage(
            input=_count(usage, "input_tokens", required=True),
            output=_count(usage, "output_tokens", required=True),
            cache_read=_count(usage, "cache_read_input_tokens"),
            cache_write=_count(usage, "cache_creation_input_tokens") - hour,
            cache_write_1h=hour,
        ),
        stated_cost=None,
        model=_name(data.get("model")),
        id=_name(data.get("id")),
        raw_usage=usage,
        tier=_word(usage.get("service_tier")),
        geo=_word(usage.get("inference_geo")),
    )


def _usage_object(data: dict[str, Any]) -> dict[str, Any]:
    usage = data.get("usage")
    if not isinstance(usage, dict):
        raise Unreadable("the answer has no usage")
    return usage


def _count(fields: dict[str, Any], name: str, *, required: bool = False) -> int:
    value = fields.get(name)
    if value is None and not required:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_TOKENS:
        raise Unreadable(f"usage.{name} is {value!r}")
    return value


def _cost(usage: dict[str, Any], name: str) -> Money | None:
    """Read what a provider says that it billed.

    OpenRouter bills only a fee where the user brings a key of another provider, which bills the
    rest: https://openrouter.ai/docs/use-cases/usage-accounting. Where that is not told, nothing is.
    """
    cost = stated(usage.get(name))
    if usage.get("is_byok") is True:
        upstream = stated((usage.get("cost_details") or {}).get("upstream_inference_cost"))
        cost = upstream and upstream + (cost or Money())
    if cost is not None and cost > _MOST_COST:
        raise Unreadable(f"usage.{name} is {usage[name]!r}")
    return cost


def _text(content: Any) -> str:  # noqa: ANN401 - a text, a list of parts, or nothing
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    return _storable(content) if isinstance(content, str) else ""


def _joined(blocks: list[dict[str, Any]], kind: str) -> str:
    return _storable("".join(block[kind] for block in blocks if block["type"] == kind))


def _word(value: object) -> str:
    """Read a name that is shown to people: short, and nothing that moves a terminal."""
    return "".join(each for each in _text(value) if each.isprintable())[:_LONGEST_WORD]


def _name(value: object) -> str:
    return _storable(str(value or ""))


def _storable(text: str) -> str:
    """Write what JSON may hold, and a database may not, as characters that stand for it."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\0", "\N{SYMBOL FOR NULL}")


def stated(value: object) -> Money | None:
    """Read a stated cost; it is rounded up to a pico-dollar, and 0 says nothing."""
    try:
        dollars = Decimal(str(value))
        pico = int((dollars * 10**12).to_integral_value("ROUND_CEILING"))
        return Money(pico) if pico > 0 else None
    except (ArithmeticError, ValueError):
        return None
