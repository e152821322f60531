"""A logged call as the body of a chat completion, which is what its tokens are counted by.

Reasoning in earlier messages is left out: what of it is sent again differs between providers, and
logs do not say. Fields that leave a price alone are left out too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runner.inspect_logs.model_calls import LoggedCall

_MOST = 10_000_000  # tokens or choices of a call; more is no call's
_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


class NotText(Exception):
    """A part of a message that is no text, so that its tokens are not known."""


def write_chat_body(call: LoggedCall, model: str) -> bytes:
    """Return the body of a call.

    Args:
        call: of a log.
        model: its id at its provider.

    Raises:
        NotText: a message holds an image, or other media.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [_write_message(each) for each in call.messages],
    }
    if limit := _read_number(call.config, "max_tokens"):
        body["max_tokens"] = limit
    if call.tools:
        body["tools"] = [_write_tool(each) for each in call.tools]
    if choices := _read_number(call.config, "num_choices"):
        body["n"] = choices
    return json.dumps(body, ensure_ascii=False).encode()


def _read_number(config: Mapping[str, Any], name: str) -> int | None:
    """Return a number of a call's settings; None where there is none.

    Raises:
        ValueError: it is none that a call can have.
    """
    value = config.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 < value <= _MOST:
        raise ValueError(f"{name} is {str(value)[:40]!r}")
    return value


def _write_message(message: Mapping[str, Any]) -> dict[str, Any]:
    role = _ROLES.get(str(message.get("role")), "user")
    written: dict[str, Any] = {"role": role, "content": _read_content(message.get("content"))}
    if role == "tool":
        written["tool_call_id"] = str(message.get("tool_call_id") or "")
    if calls := message.get("tool_calls"):
        written["tool_calls"] = list(_write_tool_calls(calls))
    return written


def _read_content(content: Any) -> str:  # noqa: ANN401 - a log's own
    if isinstance(content, str) or content is None:
        return content or ""
    return "".join(_read_parts(content))


def _read_parts(content: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for part in content:
        kind = part.get("type")
        if kind == "text":
            yield str(part.get("text") or "")
        elif kind != "reasoning":
            raise NotText(f"a message holds {kind}, whose tokens are not known")


def _write_tool_calls(calls: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in calls:
        arguments = json.dumps(each.get("arguments") or {}, ensure_ascii=False)
        function = {"name": str(each.get("function")), "arguments": arguments}
        yield {"id": str(each.get("id")), "type": "function", "function": function}


def _write_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = {name: tool[name] for name in ("name", "description", "parameters") if name in tool}
    return {"type": "function", "function": function}
