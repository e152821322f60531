"""Error bodies of providers: for display, without keys; and whether they hold generated text.

Whether a body holds generated text, or the usage of it, is decided by its structure and never by
its words: errors repeat prompts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from providers.secrets import redact_message, remember_secret, shorten

_MAX_READ, _MAX_CHARS = 20_000, 300  # characters, before and after keys are removed
# Where an answer, or an error of another server, may be inside an error.
_INNER_FIELDS = ("error", "errors", "details", "metadata", "data", "response", "raw", "body")
_GENERATION_FIELDS = ("choices", "candidates", "generated_text", "completion", "output_text")
# Other names that say as much; what stands there may also be a part of the prompt, but rarely is.
_GENERATION_NAME = re.compile(
    "(failed|partial|generated|truncated|incomplete|model|raw)[_-]?"
    "(generation|output|text|content|completion|answer|reasoning)s?|reasoning_content",
    re.IGNORECASE,
)
_BLOCK_FIELDS = ("content", "output", "outputs")
_USAGE_FIELDS = ("usage", "usageMetadata", "usage_metadata")
_BLOCK_TYPES = {"text", "output_text", "message", "thinking", "redacted_thinking", "reasoning"}
_ANSWER_ENDS = ("finish_reason", "stop_reason", "done_reason")
_MAX_DEPTH = 6
_MAX_OBJECTS = 200


def extract_error_message(body: bytes, api_key: str | None) -> str:
    """Return the provider's error message on one line, shortened, with the key removed."""
    said: Any = body.decode("utf-8", "replace")
    try:
        error = json.loads(body)["error"]
        said = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    remember_secret(api_key)
    return put_on_one_line(said if isinstance(said, str) else repr(said))


def put_on_one_line(said: str, max_chars: int = _MAX_CHARS) -> str:
    """Return what a server or a library said on one line, shortened, with keys removed."""
    said = redact_message(said[:_MAX_READ])
    plain = "".join(c if c.isprintable() else " " for c in said)  # no escape sequences
    return shorten(" ".join(plain.split()), max_chars)


def holds_generation(body: bytes) -> bool:
    """Return whether an error body holds generated text or its usage, so that it may be billed."""
    try:
        found = list(_find_objects(json.loads(body)))
    except (ValueError, RecursionError):
        return False
    return any(map(_is_generation, found))


def _find_objects(body: object) -> Iterator[dict[str, Any]]:
    """Return the objects of a body that may be an answer; those with the request are left out."""
    pending, seen = [(body, 0)], 0
    while pending and seen < _MAX_OBJECTS:
        node, depth = pending.pop()
        seen += 1
        if isinstance(node, str) and node.lstrip().startswith("{"):  # JSON in a text
            node = _parse_quietly(node)
        if isinstance(node, list) and depth < _MAX_DEPTH:
            pending += [(each, depth + 1) for each in node[:_MAX_OBJECTS]]
        elif isinstance(node, dict):
            yield node
            inner = [node[name] for name in _INNER_FIELDS if name in node]
            pending += [(each, depth + 1) for each in inner if depth < _MAX_DEPTH]


def _parse_quietly(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_generation(fields: dict[str, Any]) -> bool:
    """Return whether an object has what only an answer has.

    Groq names a `failed_generation` also where it is empty: the model ran all the same.
    """
    if fields.get("failed_generation") is not None:
        return True
    ended = any(fields.get(name) for name in _ANSWER_ENDS)
    texts = (*_GENERATION_FIELDS, *(("content", "output", "text") if ended else ()))
    named = (name for name in fields if _GENERATION_NAME.fullmatch(name))
    if any(_is_filled(fields.get(name)) for name in (*texts, *named)):
        return True
    message = fields.get("message")
    if isinstance(message, dict) and message.get("role") == "assistant":
        return True
    if any(_are_blocks(fields.get(name)) for name in _BLOCK_FIELDS):
        return True
    return any(_is_used(fields.get(name)) for name in _USAGE_FIELDS)


def _is_filled(value: object) -> bool:
    return isinstance(value, str | list | dict) and bool(value)


def _are_blocks(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(each, dict) and each.get("type") in _BLOCK_TYPES for each in value
    )


def _is_used(usage: object) -> bool:
    """Return whether a usage has a token; what is left of a rate limit names no tokens so."""
    return isinstance(usage, Mapping) and any(
        "token" in str(name).lower() and value not in (None, 0, "0", False, {}, [])
        for name, value in usage.items()
    )
