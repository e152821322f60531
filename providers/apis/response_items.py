"""The output items of a Responses answer: everything in them that a model wrote, or had done.

https://developers.openai.com/api/reference/resources/responses, and the package `openai` 3.57.0
(types/responses/response_output_item.py). Only messages, reasoning and calls of the user's own
functions are texts; any other item is the work of a tool, or a kind that is not known here.
"""

from __future__ import annotations

from typing import Any

from providers.generated_text import (
    GeneratedText,
    count_hidden_tokens,
    find_texts,
    only_objects,
    only_texts,
    write_value,
)
from providers.reply import read_display_name, read_text
from providers.usage_fields import read_usage_fields

_CALLS = ("function_call", "custom_tool_call")  # of the user's own tools, which are only named
_HIDDEN = ("reasoning", "compaction")
_NO_TEXTS = {"id", "call_id", "type", "status", "encrypted_content", "fingerprint"}


def read_items(items: list[dict[str, Any]]) -> GeneratedText:
    """Read the output items of an answer."""
    messages = [item for item in items if item["type"] == "message"]
    final = [each for each in messages if each.get("phase") != "commentary"] or messages
    aside = [each for each in messages if not any(each is one for one in final)]
    parts = [part for each in messages for part in only_objects(each["content"])]
    refusals = [read_text(part.get("refusal")) for part in parts]
    reasoning, is_summary = _read_reasoning(items)
    others = (
        *(_read_message(each) for each in aside),
        *refusals,
        *(_write_item(item) for item in items if item["type"] not in ("message", "reasoning")),
    )
    hidden = "".join(only_texts(item.get("encrypted_content") for item in items))
    return GeneratedText(
        "".join(map(_read_message, final)),
        reasoning,
        tuple(filter(None, others)),
        sum(map(_count_listed, parts)) + count_hidden_tokens(hidden),
        tuple(filter(None, map(_name_work, items))),
        any(_cites_web(part) for part in parts),
        is_summary,
        refusal="\n\n".join(filter(None, refusals)),
    )


def read_tool_usage(usage: object) -> tuple[str, ...]:
    """Name the tools of the provider's that an answer says were used, with their counts."""
    if not isinstance(usage, dict):
        return ()
    used = (name for name, each in usage.items() if isinstance(each, dict) and _is_used(each))
    return tuple(f"tool_usage of {read_display_name(name)}" for name in used)


def _is_used(tool: dict[str, Any]) -> bool:
    """Return whether a tool's usage has any count above 0."""
    read_usage_fields(tool)  # refuses what is too large to be searched
    waiting: list[Any] = [tool]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict | list):
            waiting += each.values() if isinstance(each, dict) else each
        elif isinstance(each, int | float) and each > 0:
            return True
    return False


def _read_message(item: dict[str, Any]) -> str:
    parts = only_objects(item["content"])
    return read_text("".join(only_texts(part.get("text") for part in parts)))


def _read_reasoning(items: list[dict[str, Any]]) -> tuple[str, bool]:
    """Return the reasoning, and whether it is only a summary; open models show it in full."""
    thoughts = [item for item in items if item["type"] == "reasoning"]

    def join(place: str) -> str:
        parts = (part for item in thoughts for part in only_objects(item.get(place)))
        return read_text("\n\n".join(only_texts(part.get("text") for part in parts)))

    full = join("content")
    return (full, False) if full else (join("summary"), True)


def _write_item(item: dict[str, Any]) -> str:
    """Return what a model wrote into an item that is neither a message nor reasoning."""
    if item["type"] in _CALLS:
        arguments = item.get("arguments") or item.get("input")
        return f"{write_value(item.get('name'))} {write_value(arguments)}".strip()
    inner = [value for name, value in item.items() if name not in _NO_TEXTS]
    return read_text(" ".join(find_texts(inner)))


def _name_work(item: dict[str, Any]) -> str:
    """Name an item that is the work of a tool, or of a kind that is not known."""
    known = ("message", *_HIDDEN, *_CALLS)
    return "" if item["type"] in known else f"an item {read_display_name(item['type'])}"


def _count_listed(part: dict[str, Any]) -> int:
    listed = part.get("logprobs")
    return len(listed) if isinstance(listed, list) else 0


def _cites_web(part: dict[str, Any]) -> bool:
    return any(each.get("type") == "url_citation" for each in only_objects(part.get("annotations")))
