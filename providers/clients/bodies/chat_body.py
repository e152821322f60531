"""Bodies of chat completions, as OpenAI and most others take them."""

from __future__ import annotations

from typing import Any

from providers.clients.bodies.client_call import ClientApi
from providers.clients.bodies.fields import is_set
from providers.clients.bodies.prompt import Prompt, is_text, require_object, require_objects
from providers.clients.bodies.tools import read_tools
from providers.errors import CannotPrice

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_PARTS = {"text": "text", "refusal": "refusal", "input_text": "text", "output_text": "text"}
_THOUGHTS = ("thinking",)  # Mistral's
_MEDIA = ("audio", "images", "image", "videos", "files", "attachments")


def read_chat(body: dict[str, Any]) -> Prompt:
    """Read the prompt of a body.

    Raises:
        CannotPrice: a part of it cannot be bounded.
    """
    prompt = Prompt()
    prompt.note_cache(body)
    for message in require_objects("messages", body.get("messages")):
        _read_message(prompt, message)
    read_tools(ClientApi.CHAT, prompt, body.get("tools"))
    prompt.put_beside(body.get("functions"))
    prompt.put_format(require_object("response_format", body.get("response_format")))
    if is_set(body.get("modalities")) and body["modalities"] != ["text"]:
        raise CannotPrice("modalities: afcost prices texts; ask for text alone")
    return prompt


def asks_for_usage(body: dict[str, Any]) -> bool:
    """Return whether a body asks for the usage of a streamed answer.

    `usage.include` is OpenRouter's: https://openrouter.ai/docs/use-cases/usage-accounting
    """
    asked = require_object("stream_options", body.get("stream_options")).get("include_usage")
    usage = body.get("usage")
    return asked is True or (isinstance(usage, dict) and usage.get("include") is True)


def _read_message(prompt: Prompt, message: dict[str, Any]) -> None:
    if media := next((name for name in _MEDIA if is_set(message.get(name))), None):
        raise CannotPrice(f"messages.{media}: afcost prices texts; leave it out")
    role = _ROLES.get(str(message.get("role")))
    text = prompt.read_parts("messages.content", message.get("content"), _PARTS, _THOUGHTS)
    if role:
        prompt.say(role, text)
        prompt.put_rest(message, "role", "content")
    elif is_text(message):  # the result of a tool, or a role of a model's own
        prompt.put_beside(text)
        prompt.put_rest(message, "content")
