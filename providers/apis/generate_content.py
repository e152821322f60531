"""Google's own API: `generateContent`, and `countTokens` beside it.

POST {base_url}/models/{model}:generateContent with the key in x-goog-api-key. Its promptTokenCount
includes cached tokens; thoughts are counted apart from the answer and billed as output. As
documented in https://ai.google.dev/api/generate-content and https://ai.google.dev/api/models, and
in the package `google-genai` 3.6.1 (types.py, and the fields that models.py puts beside
`generationConfig` for the Gemini API).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiment.prompts import Message, Request
from pricing.usage import Usage
from providers.apis.api import Api
from providers.apis.candidates import describe_block, read_candidates
from providers.apis.count_tokens import (
    google_model_url,
    google_prompt,
    native_google_url,
)
from providers.apis.finish_reasons import ERROR, name_finish
from providers.apis.response_fields import AnswerNames, build_response
from providers.capabilities import Capability, find_reasoning
from providers.errors import MalformedResponse
from providers.provider import Provider
from providers.reply import ModelResponse, read_count, reading_response, require_object
from providers.usage_fields import UsageFields, read_usage_fields

# What the fields of an experiment are called in `generationConfig`; others are only written in
# camel case.
_NAMES = {
    "stop": "stopSequences",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_BESIDE_CONFIG = {
    *("safetySettings", "serviceTier", "store", "cachedContent", "tools", "toolConfig", "labels"),
}


class GenerateContentApi(Api):
    """Google's native API, at Google or at a server of one's own that speaks it."""

    def completion_url(self, provider: Provider, model_id: str) -> str:
        """Return the URL that requests to a model are posted to."""
        return google_model_url(provider.base_url, provider.wire_model(model_id), "generateContent")

    def auth_headers(self, key: str | None) -> dict[str, str]:
        """Return the headers of a request; without a key, there are none."""
        return {"x-goog-api-key": key} if key else {}

    def models_url(self, provider: Provider) -> str:
        """Return the URL of the model list, on one page."""
        return f"{native_google_url(provider.base_url)}/models?pageSize=1000"

    def parse_model_list(self, data: object) -> frozenset[str]:
        """Parse a model list; its names begin with `models/`, which a request may leave out."""
        with reading_response():
            names = [str(each["name"]) for each in require_object(data)["models"]]
            return frozenset(names) | {name.removeprefix("models/") for name in names}

    def write_body(
        self,
        provider: Provider,  # noqa: ARG002 - the model is in the address
        model_id: str,  # noqa: ARG002
        request: Request,
        capability: Capability,
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Return a body of a prompt and of its options."""
        reasons = find_reasoning(capability, request.sampling).on is True
        return _write_request(
            request.messages,
            _name_options(options, capability.limit_field, request.sampling.get("extra") or {}),
            shows_thoughts=reasons and capability.text in ("summary", "full"),
        )

    def _parse_body(self, provider: Provider, data: dict[str, Any]) -> ModelResponse:
        usage = data.get("usageMetadata")
        if not isinstance(usage, dict):
            raise MalformedResponse("the answer has no usage")
        finish = _read_finish(data)
        written, found = read_candidates(data), read_usage_fields(usage)
        if finish == "content_filter":
            written = replace(written, refusal=describe_block(data))
        names = AnswerNames(
            finish,
            data.get("modelVersion"),
            data.get("responseId"),
            usage.get("serviceTier") or data.get("serviceTier"),
        )
        return build_response(provider, names, written, _parse_usage(usage, found), usage, found)


def _write_request(
    messages: Sequence[Message], options: dict[str, Any], *, shows_thoughts: bool
) -> dict[str, Any]:
    """Return a prompt and its options as one body."""
    beside = {name: value for name, value in options.items() if name in _BESIDE_CONFIG}
    inner = {name: value for name, value in options.items() if name not in _BESIDE_CONFIG}
    config = inner | inner.pop("generationConfig", {})
    thinking = config.get("thinkingConfig", {})
    if shows_thoughts and isinstance(thinking, dict):
        config["thinkingConfig"] = {"includeThoughts": True} | thinking
    return google_prompt(messages) | beside | {"generationConfig": config}


def _name_options(
    options: dict[str, Any], limit_field: str, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options of a chat completion as this API names them; `extra` keeps its names."""
    named: dict[str, Any] = {}
    for name, value in options.items():
        if name in extra:
            named[name] = value
        elif name == "response_format":
            named |= _name_format(value)
        elif name == limit_field:
            named["maxOutputTokens"] = value
        else:
            named[_NAMES.get(name) or _write_camel_case(name)] = value
    if isinstance(named.get("stopSequences"), str):
        named["stopSequences"] = [named["stopSequences"]]
    return named


def _name_format(value: Any) -> dict[str, Any]:  # noqa: ANN401 - the user's
    """Return what a response format of OpenAI's is here."""
    kind = value.get("type") if isinstance(value, dict) else value
    if kind == "json_schema":
        schema = (value.get("json_schema") or {}).get("schema")
        return {"responseMimeType": "application/json", "responseJsonSchema": schema}
    return {"responseMimeType": "application/json"} if kind == "json_object" else {}


def _write_camel_case(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in more)


def _parse_usage(usage: dict[str, Any], found: UsageFields) -> Usage:
    """Read the billed tokens; where figures contradict each other, the larger ones."""
    used_by_tools = read_count(usage, "toolUsePromptTokenCount")
    prompt = read_count(usage, "promptTokenCount", required=True)
    cached = read_count(usage, "cachedContentTokenCount")
    fresh = prompt - cached if cached <= prompt else prompt
    thoughts = max(read_count(usage, "thoughtsTokenCount"), found.reasoning)
    output = max(
        read_count(usage, "candidatesTokenCount") + thoughts,
        read_count(usage, "totalTokenCount") - fresh - cached - used_by_tools,
    )
    return Usage(fresh + used_by_tools, output, cached, reasoning=thoughts)


def _read_finish(data: dict[str, Any]) -> str:
    """Return why the answer ended; where it has no reason, "the model has not stopped".

    A prompt that was blocked has no candidates: https://ai.google.dev/api/generate-content
    """
    candidates = data.get("candidates") or []
    if not candidates:
        return "content_filter" if (data.get("promptFeedback") or {}).get("blockReason") else ERROR
    return name_finish(candidates[0].get("finishReason")) or ERROR
