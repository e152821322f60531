"""Messages, as https://docs.anthropic.com/en/api/messages documents them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.clients import parse_quietly
from runner.rehearsal.answers.events import split_text
from runner.rehearsal.answers.said import Said

Json = dict[str, Any]


def write_message(said: Said) -> Json:
    """Return a message."""
    return _write_head(said) | {
        "content": [_write_block(said)],
        "stop_reason": _name_end(said),
        "usage": _write_usage(said, said.answer_tokens),
    }


def stream_message(said: Said) -> Iterator[Json]:
    """Yield the events of a message."""
    start: Json = {"content": [], "stop_reason": None, "usage": _write_usage(said, 1)}
    yield {"type": "message_start", "message": _write_head(said) | start}
    block, at = _write_block(said), {"index": 0}
    empty: Json = {"text": ""} if block["type"] == "text" else {"input": {}}
    yield {"type": "content_block_start", "content_block": block | empty} | at
    yield {"type": "ping"}
    for delta in _list_deltas(said):
        yield {"type": "content_block_delta", "delta": delta} | at
    yield {"type": "content_block_stop"} | at
    ended = {"stop_reason": _name_end(said), "stop_sequence": None}
    usage = {"output_tokens": said.answer_tokens}
    yield {"type": "message_delta", "delta": ended, "usage": usage}
    yield {"type": "message_stop"}


def _write_head(said: Said) -> Json:
    return {
        "id": f"msg_rehearsal_{said.number}",
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "stop_sequence": None,
    }


def _write_block(said: Said) -> Json:
    answer = said.first
    if answer.tool is None:
        return {"type": "text", "text": answer.text}
    given = parse_quietly(answer.tool.arguments.encode())  # None where they are cut
    return {
        "type": "tool_use",
        "id": said.name_use(answer.tool),
        "name": answer.tool.name,
        "input": given if isinstance(given, dict) else {},
    }


def _list_deltas(said: Said) -> Iterator[Json]:
    answer = said.first
    if answer.tool is None:
        yield from ({"type": "text_delta", "text": piece} for piece in split_text(answer.text))
        return
    for piece in split_text(answer.tool.arguments):
        yield {"type": "input_json_delta", "partial_json": piece}


def _name_end(said: Said) -> str:
    if said.first.is_cut:
        return "max_tokens"
    return "end_turn" if said.first.tool is None else "tool_use"


def _write_usage(said: Said, answer_tokens: int) -> Json:
    return {
        "input_tokens": said.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": answer_tokens,
    }
