"""The forms of OpenAI's Responses API and of Google's own, as their references document them.

`Responses` is `/v1/responses`, `Google` is `/v1beta/models/{model}:generateContent`. Both refuse
fields that they do not have. They differ where money is concerned: `output_tokens` includes the
reasoning, `candidatesTokenCount` does not.

Fields: https://developers.openai.com/api/reference/resources/responses/methods/create and
https://ai.google.dev/api/generate-content. No tools, no images; `streams` writes answers as
streams.
"""

import re
import time
from collections.abc import Collection
from typing import Any

from tests.support.provider.api_formats import (
    Asked,
    Json,
    OpenAI,
    Refusal,
    RequestRefusedError,
    Said,
)

RESPONSES_FIELDS = frozenset(
    [
        "background",
        "conversation",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    ]
)
LEAST_OUTPUT = 16  # tokens; a lower max_output_tokens is refused
GOOGLE_FIELDS = frozenset(
    [
        "cachedContent",
        "contents",
        "generationConfig",
        "safetySettings",
        "serviceTier",
        "store",
        "systemInstruction",
        "toolConfig",
        "tools",
    ]
)
GOOGLE_CONFIG = frozenset(
    [
        "candidateCount",
        "enableEnhancedCivicAnswers",
        "frequencyPenalty",
        "imageConfig",
        "logprobs",
        "maxOutputTokens",
        "mediaResolution",
        "presencePenalty",
        "responseJsonSchema",
        "responseLogprobs",
        "responseMimeType",
        "responseModalities",
        "responseSchema",
        "seed",
        "speechConfig",
        "stopSequences",
        "temperature",
        "thinkingConfig",
        "topK",
        "topP",
    ]
)


class Responses(OpenAI):
    """`POST /v1/responses`; its errors are those of chat completions."""

    def read(self, body: Json) -> Asked:
        """Read a request; the input is a text or a list of messages."""
        _refuse_unknown(body, RESPONSES_FIELDS, "Unknown parameter: '{}'.")
        if not isinstance(body.get("model"), str):
            raise RequestRefusedError("Missing required parameter: 'model'.")
        given = body.get("input")
        messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
        if not isinstance(messages, list) or not messages:
            raise RequestRefusedError("Missing required parameter: 'input'.")
        limit = body.get("max_output_tokens")
        if limit is not None and (not isinstance(limit, int) or limit < LEAST_OUTPUT):
            raise RequestRefusedError(f"Invalid 'max_output_tokens': expected >= {LEAST_OUTPUT}.")
        if body.get("instructions"):
            messages = [{"role": "system", "content": body["instructions"]}, *messages]
        return Asked(body["model"], messages, limit)

    def answer(self, call: int, asked: Asked, said: Said) -> Json:
        """Write a response."""
        part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        message = {"type": "message", "id": f"msg_{call}", "role": "assistant", "content": [part]}
        thought = {"type": "reasoning", "id": f"rs_{call}", "summary": []}
        reason = {"reason": "max_output_tokens"} if said.cut else None
        return {
            "id": f"resp_{call}",
            "object": "response",
            "created_at": int(time.time()),
            "model": asked.model,
            "status": "incomplete" if said.cut else "completed",
            "incomplete_details": reason,
            "error": None,
            "output": [*([thought] if said.told.reasoning_tokens else []), message],
            "usage": self._usage(said),
        } | ({"service_tier": said.tier} if said.tier else {})

    def _usage(self, said: Said) -> Json:
        charge = said.told
        hidden = charge.reasoning_tokens if said.hides_reasoning else 0
        return {
            "input_tokens": charge.input_tokens,
            "input_tokens_details": {"cached_tokens": charge.cache_read_tokens},
            "output_tokens": charge.output_tokens - hidden,
            "output_tokens_details": {"reasoning_tokens": charge.reasoning_tokens},
            "total_tokens": charge.input_tokens + charge.output_tokens,
        }


class Google:
    """`POST /v1beta/models/{model}:generateContent`; the server puts the model into the body."""

    _ERRORS: dict[Refusal, str] = {  # noqa: RUF012
        "400": "INVALID_ARGUMENT",
        "401": "UNAUTHENTICATED",
        "402": "FAILED_PRECONDITION",
        "429": "RESOURCE_EXHAUSTED",
        "quota": "RESOURCE_EXHAUSTED",
        "500": "INTERNAL",
    }

    def read(self, body: Json) -> Asked:
        """Read a request; the system text stands apart, and a model's turns are its own.

        Fields are taken by either of the names that protocol buffers give them in JSON: LiteLLM
        writes `max_output_tokens`.
        """
        body = name_in_camel_case(body)
        body["generationConfig"] = name_in_camel_case(body.get("generationConfig") or {})
        _refuse_unknown(body, {*GOOGLE_FIELDS, "model"}, 'Invalid JSON payload: unknown name "{}".')
        config = body["generationConfig"]
        _refuse_unknown(config, GOOGLE_CONFIG, 'Invalid JSON payload: unknown name "{}".')
        contents = body.get("contents")
        if not isinstance(contents, list) or not contents:
            raise RequestRefusedError(
                "* GenerateContentRequest.contents: contents is not specified"
            )
        messages = [
            {"role": self._role(each.get("role")), "content": _join_parts(each)}
            for each in contents
        ]
        if system := body.get("systemInstruction"):
            messages = [{"role": "system", "content": _join_parts(system)}, *messages]
        return Asked(str(body["model"]), messages, config.get("maxOutputTokens"))

    def _role(self, role: object) -> str:
        if role not in ("user", "model"):
            raise RequestRefusedError("Please use a valid role: user, model.")
        return "assistant" if role == "model" else "user"

    def answer(self, call: int, asked: Asked, said: Said) -> Json:
        """Write the candidates; those without a text have no parts."""
        parts = [{"text": said.text}] if said.text else []
        candidate = {"content": {"role": "model"} | ({"parts": parts} if parts else {}), "index": 0}
        return {
            "candidates": [candidate | {"finishReason": "MAX_TOKENS" if said.cut else "STOP"}],
            "usageMetadata": self._usage(said),
            "modelVersion": asked.model,
            "responseId": f"answer-{call}",
        }

    def _usage(self, said: Said) -> Json:
        charge = said.told
        counts = {
            "promptTokenCount": charge.input_tokens,
            "candidatesTokenCount": charge.output_tokens - charge.reasoning_tokens,
            "thoughtsTokenCount": 0 if said.hides_reasoning else charge.reasoning_tokens,
            "cachedContentTokenCount": charge.cache_read_tokens,
            "totalTokenCount": charge.input_tokens + charge.output_tokens,
        }
        details = [{"modality": "TEXT", "tokenCount": charge.input_tokens}]
        tier = {"serviceTier": said.tier} if said.tier else {}
        needed = ("promptTokenCount", "totalTokenCount")
        told = {name: n for name, n in counts.items() if n or name in needed}  # no zeros
        return told | {"promptTokensDetails": details} | tier

    def error(self, call: int, refusal: Refusal, message: str) -> Json:
        """Write an error object."""
        code = {"402": 400, "quota": 429}.get(refusal) or int(refusal)
        text = f"{message} (request {call})"
        return {"error": {"code": code, "message": text, "status": self._ERRORS[refusal]}}


def name_in_camel_case(fields: Json) -> Json:
    """Return fields of Google's by the names that its answers have."""
    return {
        re.sub("_([a-z])", lambda found: found[1].upper(), name): value
        for name, value in fields.items()
    }


def _refuse_unknown(fields: Json, known: Collection[str], message: str) -> None:
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise RequestRefusedError(message.format(unknown[0]))


def _join_parts(content: Any) -> str:
    parts = content.get("parts")
    if not isinstance(parts, list) or not parts:
        raise RequestRefusedError("* contents.parts: parts must not be empty")
    return "".join(str(part["text"]) for part in parts)
