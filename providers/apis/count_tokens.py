"""Count-tokens APIs: how a prompt's tokens are counted for free, and how the reply is read.

OpenAI counts in its Responses API, also for requests that are sent as chat completions; Google and
Anthropic (`anthropic_messages`) in the API that requests are sent in. As documented in 2026:

    OpenAI      POST {base_url}/responses/input_tokens: the exact count that the model will
                receive, framing included; no limit of its own is documented, so 500 is a guess
    Google      POST {base_url}/models/{model}:countTokens: free, 3,000 a minute; only a whole
                `generateContentRequest`, which names its model again, has its system text counted
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from experiment.prompts import Message
from providers.apis.request_options import split_system_text
from providers.errors import MalformedResponse
from providers.secrets import quote_value

_MAX_TOKENS = 10**9  # tokens; no context window is near it
_GOOGLE_ROLES = {"user": "user", "assistant": "model"}
_VERSION = re.compile(r"/v\d\w*(/|$)")


@dataclass(frozen=True, slots=True)
class CountTokensApi:
    """The request and response format of one count endpoint.

    Attributes:
        url: the address, of a base URL and a model's id.
        headers: of a key; nothing else holds it.
        body: of a model's id and a prompt, whose final assistant message is a prefill.
        count_field: where the reply states the count.
        requests_per_minute: the lowest limit of requests that is documented.
        asked_by_default: whether `--count auto` asks it for models that cannot be counted exactly
            here.
    """

    url: Callable[[str, str], str]
    headers: Callable[[str], dict[str, str]]
    body: Callable[[str, Sequence[Message]], dict[str, Any]]
    count_field: str
    requests_per_minute: int
    asked_by_default: bool = False


def parse_token_count(api: CountTokensApi, text: bytes) -> int:
    """Parse the token count from a reply.

    Raises:
        MalformedResponse: it states no positive number of tokens.
    """
    try:
        reply = json.loads(text)
    except ValueError as error:
        raise MalformedResponse(str(error)) from error
    except RecursionError as error:
        raise MalformedResponse("the reply is too deeply nested") from error
    if not isinstance(reply, dict):
        raise MalformedResponse("the reply is not a JSON object")
    count = reply.get(api.count_field)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _MAX_TOKENS:
        raise MalformedResponse(f"{api.count_field} is {quote_value(count)}, not a token count")
    return count


def _openai_body(model: str, messages: Sequence[Message]) -> dict[str, Any]:
    return {"model": model, "input": [{"role": role, "content": text} for role, text in messages]}


def native_google_url(base: str) -> str:
    """Return the base of Google's own API, also from that of its endpoint of OpenAI's form."""
    native = base.rstrip("/").removesuffix("/openai")
    return native if _VERSION.search(native) else f"{native}/v1beta"


def google_model_url(base: str, model: str, method: str) -> str:
    """Return the URL of a method of one model, such as `generateContent`."""
    return f"{native_google_url(base)}/models/{quote(_google_model_id(model), safe='')}:{method}"


def google_prompt(messages: Sequence[Message]) -> dict[str, Any]:
    """Return a prompt as Google's fields: turns, and the system text if there is any."""
    system, turns = split_system_text(messages)
    written: dict[str, Any] = {
        "contents": [
            {"role": _GOOGLE_ROLES[role], "parts": [{"text": text}]} for role, text in turns
        ]
    }
    return written | ({"systemInstruction": {"parts": [{"text": system}]}} if system else {})


def _google_body(model: str, messages: Sequence[Message]) -> dict[str, Any]:
    whole = {"model": f"models/{_google_model_id(model)}"} | google_prompt(messages)
    return {"generateContentRequest": whole}


def _google_model_id(model: str) -> str:
    return model.removeprefix("models/")


COUNT_APIS = {  # by provider
    "openai": CountTokensApi(
        url=lambda base, _: f"{base.rstrip('/')}/responses/input_tokens",
        headers=lambda key: {"Authorization": f"Bearer {key}"},
        body=_openai_body,
        count_field="input_tokens",
        requests_per_minute=500,
    ),
    "google": CountTokensApi(
        url=lambda base, model: google_model_url(base, model, "countTokens"),
        headers=lambda key: {"x-goog-api-key": key},
        body=_google_body,
        count_field="totalTokens",
        requests_per_minute=3000,
    ),
}
