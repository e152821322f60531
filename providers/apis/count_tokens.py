"""Dialects: how each provider's own count endpoint is asked, and how its reply is read.

As documented by the providers in 2026:

    Anthropic   POST {base_url}/messages/count_tokens: free, with a limit of its own, by tier 100,
                2,000, 4,000 or 8,000 a minute; an estimate, that the bill may differ from slightly
    OpenAI      POST {base_url}/responses/input_tokens: the exact count that the model will
                receive, framing included; no limit of its own is documented, so 500 is a guess
    Google      POST …/v1beta/models/{model}:countTokens: free, 3,000 a minute; beside the endpoint
                that speaks OpenAI's form, and only a whole `generateContentRequest`, which names
                its model again, has its system text counted

Nothing here touches the network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from experiment.prompts.request import Message
from providers.apis import anthropic_messages as anthropic
from providers.provider import Provider

_MOST = 10**9  # tokens; no context window is near it
_GOOGLES_ROLES = {"user": "user", "assistant": "model"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of count endpoint is spoken to.

    Attributes:
        url: the address, of a base URL and a model's id.
        headers: of a key; nothing else holds it.
        body: of a model's id and a prompt, whose final assistant message is a prefill.
        field: where the reply states the count.
        per_minute: the lowest limit of requests that is documented.
    """

    url: Callable[[str, str], str]
    headers: Callable[[str], dict[str, str]]
    body: Callable[[str, Sequence[Message]], dict[str, Any]]
    field: str
    per_minute: int


def dialect_of(provider: Provider) -> Dialect | None:
    """Give the dialect of a provider's count endpoint; None where none is known.

    Whoever speaks Anthropic's wire format counts as well, wherever it is. Others speak a common
    format and count each in their own way, so they are known by name, at their own address.
    """
    if provider.kind == "anthropic":
        return _ANTHROPIC
    if provider.kind == "openai" and provider.builtin_url:
        return {"openai": _OPENAI, "google": _GOOGLE}.get(provider.name)
    return None


def read_count(dialect: Dialect, text: bytes) -> int:
    """Read a reply.

    Raises:
        ValueError: it states no positive number of tokens.
    """
    try:
        reply = json.loads(text)
    except RecursionError as error:
        raise ValueError("the reply is too deeply nested") from error
    if not isinstance(reply, dict):
        raise ValueError("the reply is not a JSON object")  # noqa: TRY004 - a reply, not a bug
    count = reply.get(dialect.field)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _MOST:
        raise ValueError(f"{dialect.field} is {repr(count)[:50]}, not a token count")
    return count


def _openais_body(model: str, messages: Sequence[Message]) -> dict[str, Any]:
    return {"model": model, "input": [{"role": role, "content": text} for role, text in messages]}


def _googles_url(base: str, model: str) -> str:
    native = base.rstrip("/").removesuffix("/openai")
    return f"{native}/models/{quote(_googles_id(model), safe='')}:countTokens"


def _googles_body(model: str, messages: Sequence[Message]) -> dict[str, Any]:
    system, turns = anthropic.system_apart(messages)
    whole: dict[str, Any] = {
        "model": f"models/{_googles_id(model)}",
        "contents": [
            {"role": _GOOGLES_ROLES[role], "parts": [{"text": text}]} for role, text in turns
        ],
    }
    if system:
        whole["systemInstruction"] = {"parts": [{"text": system}]}
    return {"generateContentRequest": whole}


def _googles_id(model: str) -> str:
    return model.removeprefix("models/")


_ANTHROPIC = Dialect(
    url=lambda base, _: f"{anthropic.url(base)}/count_tokens",
    headers=anthropic.headers,
    body=lambda model, messages: {"model": model, **anthropic.prompt(messages)},
    field="input_tokens",
    per_minute=100,
)
_OPENAI = Dialect(
    url=lambda base, _: f"{base.rstrip('/')}/responses/input_tokens",
    headers=lambda key: {"Authorization": f"Bearer {key}"},
    body=_openais_body,
    field="input_tokens",
    per_minute=500,
)
_GOOGLE = Dialect(
    url=_googles_url,
    headers=lambda key: {"x-goog-api-key": key},
    body=_googles_body,
    field="totalTokens",
    per_minute=3000,
)
