"""Anthropic's Messages API: what sending a request and counting its tokens share.

Both write the address, the headers and the messages with this, so that what is counted is what is
sent. What else a request carries, and what comes back, is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiment.prompts import Message

API_VERSION = "2023-06-01"


def build_messages_url(base_url: str) -> str:
    """Return the messages URL under a base URL, with or without its `/v1`."""
    base = base_url.rstrip("/")
    return f"{base}/messages" if base.endswith("/v1") else f"{base}/v1/messages"


def build_headers(api_key: str | None) -> dict[str, str]:
    """Return the headers of a request; without a key, nothing identifies the user."""
    return {"anthropic-version": API_VERSION} | ({"x-api-key": api_key} if api_key else {})


def build_prompt(messages: Sequence[Message]) -> dict[str, Any]:
    """Return a prompt as JSON fields: its turns, and its system text if there is any."""
    system, turns = split_system_text(messages)
    written = [{"role": role, "content": content} for role, content in turns]
    return {"messages": written} | ({"system": system} if system else {})


def split_system_text(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Split a prompt into its system texts, joined by a blank line, and its turns."""
    system = "\n\n".join(content for role, content in messages if role == "system")
    return system, [message for message in messages if message.role != "system"]
