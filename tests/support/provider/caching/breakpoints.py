"""What of a request may be cached: the marks in it, or the beginnings that are cached unasked."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
Keep = Literal["5m", "1h"]
MOST_MARKS = 4
CHUNK = 128  # tokens; beginnings that are cached unasked are whole multiples of it
CHARACTERS = 4  # of a token, where they are cut


class BadMarkError(ValueError):
    """A mark that the provider refuses; its text is the provider's message."""


@dataclass(frozen=True)
class Beginning:
    """The beginning of a prompt.

    Attributes:
        key: the same for the same beginning of the same model.
        share: how much of the prompt's characters it has.
        keep: for how long it is kept.
    """

    key: str
    share: float
    keep: Keep


def list_marked(body: Json) -> list[Beginning]:
    """Return the marked beginnings of a request, shortest first.

    Raises:
        BadMarkError: too many marks, or one that says nothing known, as Anthropic refuses them.
    """
    blocks = list(_list_blocks(body))
    whole = sum(len(text) for _, text, _ in blocks) or 1
    seen, size, found = hashlib.sha256(str(body.get("model")).encode()), 0, []
    for role, text, mark in blocks:
        seen.update(json.dumps([role, text]).encode())
        size += len(text)
        if mark is not None:
            found.append(Beginning(seen.hexdigest(), size / whole, _read_mark(mark)))
    if len(found) > MOST_MARKS:
        raise BadMarkError(f"A maximum of {MOST_MARKS} blocks with cache_control may be provided.")
    return found


def list_unasked(body: Json, least: int) -> list[Beginning]:
    """Return the beginnings of a request that are cached unasked, shortest first."""
    text = "".join(f"{role}\n{text}\n" for role, text, _ in _list_blocks(body))
    model, whole = str(body.get("model")), len(text) or 1
    sizes = range(least * CHARACTERS, len(text) + 1, CHUNK * CHARACTERS)
    return [
        Beginning(hashlib.sha256((model + text[:size]).encode()).hexdigest(), size / whole, "5m")
        for size in sizes
    ]


def _list_blocks(body: Json) -> Iterator[tuple[str, str, Json | None]]:
    """Yield the role, the text and the mark of each block, the system text first."""
    messages = [{"role": "system", "content": body.get("system") or ""}, *body["messages"]]
    for message in messages:
        content = message["content"]
        parts = [{"text": content}] if isinstance(content, str) else content
        for part in parts:
            yield message["role"], str(part.get("text", "")), part.get("cache_control")


def _read_mark(mark: Json) -> Keep:
    keep: Keep = mark.get("ttl", "5m")
    if mark.get("type") != "ephemeral" or keep not in ("5m", "1h"):
        raise BadMarkError(f"cache_control: {mark} is not one of ephemeral with a ttl of 5m or 1h")
    return keep
