"""Responses, as https://platform.openai.com/docs/api-reference/responses documents them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from runner.rehearsal.answers.events import split_text
from runner.rehearsal.answers.said import Said

Json = dict[str, Any]
# What a response repeats of its request; its clients' types have these without a default.
_REPEATED: Mapping[str, Any] = {
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "text": {"format": {"type": "text"}},
}


def write_response(said: Said, asked: Mapping[str, Any]) -> Json:
    """Return a response to a body."""
    is_cut = said.first.is_cut
    repeated = {
        name: asked[name] if asked.get(name) is not None else usual
        for name, usual in _REPEATED.items()
    }
    return repeated | {
        "id": f"resp_rehearsal_{said.number}",
        "object": "response",
        "created_at": int(time.time()),
        "model": said.model,
        "status": "incomplete" if is_cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "error": None,
        "output": [_write_item(said)],
        "usage": {
            "input_tokens": said.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": said.answer_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": said.prompt_tokens + said.answer_tokens,
        },
    }


def stream_response(said: Said, asked: Mapping[str, Any]) -> Iterator[Json]:
    """Yield the events of a response."""
    for number, event in enumerate(_list_events(write_response(said, asked))):
        yield event | {"sequence_number": number}


def _write_item(said: Said) -> Json:
    answer = said.first
    status = "incomplete" if answer.is_cut else "completed"
    if answer.tool is not None:
        return {
            "type": "function_call",
            "id": f"fc_rehearsal_{said.number}",
            "call_id": said.name_use(answer.tool),
            "name": answer.tool.name,
            "arguments": answer.tool.arguments,
            "status": status,
        }
    return {
        "type": "message",
        "id": f"msg_rehearsal_{said.number}",
        "role": "assistant",
        "status": status,
        "content": [_write_part(answer.text)],
    }


def _write_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _list_events(response: Json) -> Iterator[Json]:
    begun: Json = {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield {"type": "response.created", "response": response | begun}
    yield {"type": "response.in_progress", "response": response | begun}
    (item,) = response["output"]
    empty: Json = {"arguments": ""} if item["type"] == "function_call" else {"content": []}
    at = {"output_index": 0}
    added = item | empty | {"status": "in_progress"}
    yield {"type": "response.output_item.added", "item": added} | at
    inner = {"item_id": item["id"]} | at
    if item["type"] == "function_call":
        yield from _list_argument_events(item, inner)
    else:
        yield from _list_text_events(item["content"][0]["text"], inner | {"content_index": 0})
    yield {"type": "response.output_item.done", "item": item} | at
    yield {"type": f"response.{response['status']}", "response": response}


def _list_argument_events(item: Json, at: Json) -> Iterator[Json]:
    kind = "response.function_call_arguments"
    for piece in split_text(item["arguments"]):
        yield {"type": f"{kind}.delta", "delta": piece} | at
    yield {"type": f"{kind}.done", "arguments": item["arguments"], "name": item["name"]} | at


def _list_text_events(text: str, at: Json) -> Iterator[Json]:
    yield {"type": "response.content_part.added", "part": _write_part("")} | at
    for piece in split_text(text):
        yield {"type": "response.output_text.delta", "delta": piece, "logprobs": []} | at
    yield {"type": "response.output_text.done", "text": text, "logprobs": []} | at
    yield {"type": "response.content_part.done", "part": _write_part(text)} | at
