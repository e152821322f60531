"""Answers to what is free of charge: lists of models, and counts of a prompt's tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from providers.clients import ClientApi, Operation

Json = dict[str, Any]
_SINCE, _SINCE_SECONDS = "2025-01-01T00:00:00Z", 1735689600  # when a model came is not told


def list_models(operation: Operation, ids: list[str]) -> Json:
    """Return the models of a provider, or the one that a path names.

    Args:
        operation: a list of models, or one of them.
        ids: that the provider has.
    """
    _, _, asked = operation.path.removeprefix("/").partition("/")
    write = _WRITERS[operation.api]
    if asked:
        return write(asked)
    rows = [write(each) for each in ids]
    if operation.api is ClientApi.GENERATE:
        return {"models": rows}
    if operation.api is ClientApi.MESSAGES:
        ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
        return {"data": rows, "has_more": False} | ends
    return {"object": "list", "data": rows}


def write_count(api: ClientApi, tokens: int) -> Json:
    """Return the count of a prompt."""
    if api is ClientApi.GENERATE:
        return {"totalTokens": tokens}
    kind = {"object": "response.input_tokens"} if api is ClientApi.RESPONSES else {}
    return kind | {"input_tokens": tokens}


def find_counted(api: ClientApi, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the body of the call whose prompt is counted; Google may have it one level deeper."""
    inner = body.get("generateContentRequest") or body.get("generate_content_request")
    return inner if api is ClientApi.GENERATE and isinstance(inner, dict) else body


def _write_plain(name: str) -> Json:
    return {"id": name, "object": "model", "created": _SINCE_SECONDS, "owned_by": "provider"}


def _write_anthropic(name: str) -> Json:
    return {"type": "model", "id": name, "display_name": name, "created_at": _SINCE}


def _write_google(name: str) -> Json:
    methods = ["generateContent", "countTokens", "streamGenerateContent"]
    return {
        "name": f"models/{name.removeprefix('models/')}",
        "displayName": name,
        "supportedGenerationMethods": methods,
    }


_WRITERS: Mapping[ClientApi, Callable[[str], Json]] = {
    ClientApi.CHAT: _write_plain,
    ClientApi.RESPONSES: _write_plain,
    ClientApi.MESSAGES: _write_anthropic,
    ClientApi.GENERATE: _write_google,
}
