"""Chat completions: the API of OpenAI that most others take as well.

POST {base_url}/chat/completions, as OpenAI, DeepInfra, OpenRouter, Together, Groq, Fireworks,
vLLM, Ollama and llama.cpp take it. Its prompt_tokens include cached ones, its
completion_tokens the reasoning. It has no way to count a prompt: each provider has its own or none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from experiment.prompts import Request
from pricing.money import Money
from providers.apis.api import Api
from providers.apis.finish_reasons import ERROR, name_finish
from providers.apis.openai_usage import CHAT_NAMES, parse_openai_usage
from providers.apis.request_options import mark_text
from providers.apis.response_fields import AnswerNames, build_response
from providers.capabilities import Capability
from providers.errors import MalformedResponse
from providers.generated_text import GeneratedText, describe_filter, join_answers, read_choices
from providers.provider import Provider
from providers.reply import Choice, ModelResponse, read_model_ids, read_usage
from providers.secrets import quote_value
from providers.usage_fields import parse_stated_cost, read_usage_fields

_MAX_COST = Money.from_usd("1000000")


class ChatCompletionsApi(Api):
    """OpenAI's Chat Completions API, and what its other providers make of it."""

    def completion_url(self, provider: Provider, model_id: str) -> str:  # noqa: ARG002 - in the body
        """Return the URL that requests are posted to."""
        return f"{provider.base_url.rstrip('/')}/chat/completions"

    def auth_headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of a request; without a key, there are none."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def parse_model_list(self, data: object) -> frozenset[str]:
        """Parse a model list; Google puts `models/` before its ids, and takes them without it."""
        listed = read_model_ids(data)
        return listed | {model.removeprefix("models/") for model in listed}

    def write_body(
        self,
        provider: Provider,
        model_id: str,
        request: Request,
        capability: Capability,  # noqa: ARG002 - its fields have the names of this API
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Return a body of a prompt and of its options."""
        messages = _build_messages(provider, request)
        several = {"n": request.choices} if request.choices > 1 else {}
        return {"model": provider.wire_model(model_id), "messages": messages, **options, **several}

    def _parse_body(self, provider: Provider, data: dict[str, Any]) -> ModelResponse:
        return _parse_completion(provider, data)


def _build_messages(provider: Provider, request: Request) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [
        {"role": role, "content": content} for role, content in request.messages
    ]
    if provider.prefill == "prefix" and request.prefill:
        messages[-1]["prefix"] = True
    if request.mark is not None and request.mark.messages:
        last = messages[request.mark.messages - 1]
        last["content"] = mark_text(last["content"], request.mark)
    return messages


def _parse_completion(provider: Provider, data: dict[str, Any]) -> ModelResponse:
    usage, choices = read_usage(data), data["choices"]
    each, found = read_choices(choices), read_usage_fields(usage)
    answers = [_read_answer(data, *pair) for pair in zip(choices, each, strict=True)]
    written = join_answers(each)
    if written.refusal != answers[0].refusal:
        written = replace(written, refusal=answers[0].refusal)
    if data.get("citations") or data.get("search_results"):
        written = replace(written, cites_web=True)
    # Of Groq's compound systems.
    breakdown = (data.get("usage_breakdown") or {}).get("models") or []
    names = AnswerNames(
        answers[0].finish,
        data.get("model"),
        data.get("id"),
        data.get("service_tier") or usage.get("service_tier"),
        fingerprint=data.get("system_fingerprint"),
    )
    return build_response(
        provider,
        names,
        written,
        parse_openai_usage(usage, found, CHAT_NAMES),
        usage,
        found,
        stated_cost=_read_billed_cost(usage, provider.cost_field) if provider.cost_field else None,
        other_models=[each.get("model") for each in breakdown],
        choices=tuple(answers) if len(answers) > 1 else (),
    )


def _read_answer(data: dict[str, Any], choice: dict[str, Any], written: GeneratedText) -> Choice:
    """Return one of a completion's answers, with why it ended."""
    finish = name_finish(choice.get("finish_reason"), choice.get("native_finish_reason"))
    if choice.get("error"):
        finish = ERROR
    refusal = written.refusal
    if finish == "content_filter" and not refusal:
        refusal = describe_filter(data | {"choices": [choice]})
    return Choice(written.text, written.reasoning, finish, refusal, written.note)


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
