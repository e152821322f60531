"""Bodies of OpenAI's Responses API, wherever it is spoken."""

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

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
# Items that hold all that they stand for.
_WHOLE = (
    *("function_call", "custom_tool_call", "local_shell_call", "local_shell_call_output"),
    *("apply_patch_call", "apply_patch_call_output", "configuration_update"),
)
_OUTPUTS = ("function_call_output", "custom_tool_call_output")


def read_responses(body: dict[str, Any]) -> Prompt:
    """Read the prompt of a body.

    Raises:
        CannotPrice: a part of it cannot be bounded, or is not in the body.
    """
    prompt = Prompt()
    if body.get("instructions"):
        prompt.say("system", prompt.read_parts("instructions", body["instructions"], _PARTS))
    given = body.get("input")
    if isinstance(given, str):
        prompt.say("user", given)
    else:
        for item in require_objects("input", given):
            _read_item(prompt, item)
    read_tools(ClientApi.RESPONSES, prompt, body.get("tools"))
    wanted = require_object("text", body.get("text")).get("format")
    prompt.put_format(require_object("text.format", wanted))
    if require_object("reasoning", body.get("reasoning")).get("mode") not in (None, "standard"):
        raise CannotPrice("reasoning.mode: what it bills is not known; leave it out")
    if require_object("prompt_cache_options", body.get("prompt_cache_options")).get("prewarm"):
        raise CannotPrice("prompt_cache_options.prewarm: it has no answer to bill; leave it out")
    return prompt


def _read_item(prompt: Prompt, item: dict[str, Any]) -> None:
    kind = item.get("type", "message")
    if kind == "message":
        _read_message(prompt, item)
    elif kind in _WHOLE:
        prompt.put_rest(item, "id", "status")
    elif kind in _OUTPUTS:
        prompt.put_beside(prompt.read_parts("input.output", item.get("output"), _PARTS))
        prompt.put_rest(item, "output", "id", "status")
    elif kind == "reasoning":
        _read_reasoning(prompt, item)
    elif kind == "additional_tools":
        read_tools(ClientApi.RESPONSES, prompt, item.get("tools"), "input.tools")
    else:
        raise refuse_part("input", kind)


def _read_message(prompt: Prompt, item: dict[str, Any]) -> None:
    role = _ROLES.get(str(item.get("role")))
    if role is None:
        raise CannotPrice(
            "input.role: it is none of this API; use system, developer, user or assistant"
        )
    prompt.say(role, prompt.read_parts("input.content", item.get("content"), _PARTS))
    prompt.put_rest(item, "role", "content", "type", "id", "status", "phase")


def _read_reasoning(prompt: Prompt, item: dict[str, Any]) -> None:
    """Put the thoughts of an earlier turn beside, which OpenAI otherwise looks up by their id."""
    if not item.get("content") and not item.get("encrypted_content"):
        raise CannotPrice(
            "input: what a reasoning item stands for is not in the request; ask for it with "
            'include: ["reasoning.encrypted_content"] and store: false, or leave it out'
        )
    prompt.put_rest(item, "id", "status")
