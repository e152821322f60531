"""Server-sent events, and the pieces that texts come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.clients import write_json

_PIECES = 5  # of a text, at most


def write_event(event: Mapping[str, Any], *, is_named: bool = False) -> bytes:
    """Return an event; a named one repeats its type, as OpenAI's Responses and Anthropic do."""
    name = f"event: {event['type']}\n" if is_named else ""
    return f"{name}data: {write_json(event)}\n\n".encode()


def split_text(text: str) -> list[str]:
    """Return the pieces of a text; of an empty one, none."""
    size = max(-(-len(text) // _PIECES), 1)
    return [text[at : at + size] for at in range(0, len(text), size)]
