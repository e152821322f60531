"""Bodies of Anthropic's Messages API, wherever it is spoken."""

from __future__ import annotations

from typing import Any

from providers.clients.bodies.client_call import ClientApi
from providers.clients.bodies.prompt import (
    Prompt,
    refuse_part,
    require_object,
    require_objects,
)
from providers.clients.bodies.tools import read_tools
from providers.errors import CannotPrice

_TEXT = {"text": "text"}
# Blocks that hold all that they stand for. Thoughts are there as texts or encrypted, and either is
# no shorter than what the model is given of them.
_WHOLE = ("thinking", "redacted_thinking", "tool_use", "tool_reference")
_CONTENT = ("tool_result", "search_result")
_ROLES = ("user", "assistant", "system")


def read_messages(body: dict[str, Any]) -> Prompt:
    """Read the prompt of a body.

    Raises:
        CannotPrice: a part of it cannot be bounded.
    """
    prompt = Prompt()
    prompt.note_cache(body)
    if body.get("system"):
        prompt.say("system", prompt.read_parts("system", body["system"], _TEXT))
    for message in require_objects("messages", body.get("messages")):
        role = message.get("role")
        if role not in _ROLES:
            raise CannotPrice("messages.role: it is none of this API; use user or assistant")
        prompt.say(role, _read_blocks(prompt, message.get("content")))
        prompt.put_rest(message, "role", "content")
    read_tools(ClientApi.MESSAGES, prompt, body.get("tools"))
    config = require_object("output_config", body.get("output_config"))
    for wanted in (config.get("format"), body.get("output_format")):
        prompt.put_format(require_object("output_config.format", wanted))
    _check_editing(body)
    return prompt


def _read_blocks(prompt: Prompt, content: object) -> str:
    """Return the text of a content; what else is in it is put beside."""
    if not isinstance(content, list):
        return prompt.read_parts("messages.content", content, _TEXT)
    plain = []
    for block in require_objects("messages.content", content):
        kind = block.get("type")
        if kind in _CONTENT:
            _read_result(prompt, block)
        elif kind == "document":
            _read_document(prompt, block)
        else:
            plain.append(block)
    return prompt.read_parts("messages.content", plain, _TEXT, _WHOLE)


def _read_result(prompt: Prompt, block: dict[str, Any]) -> None:
    """Put the result of a tool beside, or of the program's own search."""
    content = block.get("content")
    if isinstance(content, list):
        for each in require_objects("messages.content.content", content):
            if each.get("type") in _CONTENT:
                _read_result(prompt, each)
            elif each.get("type") == "document":
                _read_document(prompt, each)
            else:
                prompt.put_beside(
                    prompt.read_parts("messages.content.content", [each], _TEXT, _WHOLE)
                )
    else:
        prompt.put_beside(prompt.read_parts("messages.content.content", content, _TEXT))
    prompt.put_rest(block, "content")


def _read_document(prompt: Prompt, block: dict[str, Any]) -> None:
    """Put a document beside, whose text is in the request."""
    source = require_object("messages.content.source", block.get("source"))
    if source.get("type") == "text" and isinstance(source.get("data"), str):
        prompt.put_beside(source["data"])
    elif source.get("type") == "content":
        prompt.put_beside(
            prompt.read_parts("messages.content.source", source.get("content"), _TEXT)
        )
    else:
        raise refuse_part("messages.content", "document")
    prompt.put_rest(block, "source")


def _check_editing(body: dict[str, Any]) -> None:
    """Raise for editing of the context that calls the model; what only clears costs nothing."""
    editing = require_object("context_management", body.get("context_management"))
    for edit in require_objects("context_management.edits", editing.get("edits") or []):
        if not str(edit.get("type")).startswith("clear_"):
            raise CannotPrice(
                "context_management: compaction calls the model once more; leave it out"
            )
