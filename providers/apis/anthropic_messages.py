"""Anthropic's Messages API, as far as sending a request and counting it are one.

Both write the address, the headers and the messages with this, so that what is counted is what is
sent. What else a request carries, and what comes back, is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiment.prompts.request import Message

VERSION = "2023-06-01"


def url(base_url: str) -> str:
    """Give the address of messages under a base URL, with or without its `/v1`."""
    base = base_url.rstrip("/")
    return f"{base}/messages" if base.endswith("/v1") else f"{base}/v1/messages"


def headers(key: str | None) -> dict[str, str]:
    """Give the headers of a request; without a key, none that identifies anybody."""
    return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})


def prompt(messages: Sequence[Message]) -> dict[str, Any]:
    """Write a prompt: the turns, and the system text beside them if there is any."""
    system, turns = system_apart(messages)
    written = [{"role": role, "content": content} for role, content in turns]
    return {"messages": written} | ({"system": system} if system else {})


def system_apart(messages: Sequence[Message]) -> tuple[str, list[Message]]:
    """Split a prompt into its system texts, joined by an empty line, and its turns."""
    system = "\n\n".join(content for role, content in messages if role == "system")
    return system, [message for message in messages if message.role != "system"]
