"""Chat completions, as https://platform.openai.com/docs/api-reference/chat documents them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from runner.rehearsal.answers.events import split_text
from runner.rehearsal.answers.said import Said
from runner.rehearsal.placeholders import Placeholder

Json = dict[str, Any]
_WORD, _LOGPROB = re.compile(r"\s*\S+|\s+$"), -0.5


def write_chat(said: Said) -> Json:
    """Return a chat completion."""
    return _write_head(said, "chat.completion") | {
        "choices": [
            {
                "index": index,
                "message": _write_message(said, answer, index),
                "logprobs": _write_logprobs(said, answer.text),
                "finish_reason": _name_end(answer),
            }
            for index, answer in enumerate(said.answers)
        ],
        "usage": _write_usage(said),
    }


def stream_chat(said: Said, *, wants_usage: bool) -> Iterator[Json]:
    """Yield the chunks of a chat completion."""
    head = _write_head(said, "chat.completion.chunk") | ({"usage": None} if wants_usage else {})
    for index, answer in enumerate(said.answers):
        for delta in _list_deltas(said, answer, index):
            told = _write_logprobs(said, delta.get("content") or "")
            yield head | {"choices": [_write_choice(index, delta, None) | {"logprobs": told}]}
        yield head | {"choices": [_write_choice(index, {}, _name_end(answer))]}
    if wants_usage:
        yield head | {"choices": [], "usage": _write_usage(said)}


def _write_head(said: Said, kind: str) -> Json:
    return {
        "id": f"chatcmpl-rehearsal-{said.number}",
        "object": kind,
        "created": int(time.time()),
        "model": said.model,
        "service_tier": "default",  # LiteLLM fails without it where it reads Groq's answers
    }


def _write_choice(index: int, delta: Json, end: str | None) -> Json:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": end}


def _write_logprobs(said: Said, text: str) -> Json | None:
    """Return the log-probabilities of a text, one for each word; None where none were asked for."""
    if said.top_logprobs is None or not text:
        return None
    rows: list[Json] = []
    for word in _WORD.findall(text):
        row = {"token": word, "logprob": _LOGPROB, "bytes": list(word.encode())}
        rows.append(row | {"top_logprobs": [row] * min(said.top_logprobs, 1)})
    return {"content": rows, "refusal": None}


def _write_message(said: Said, answer: Placeholder, index: int) -> Json:
    message = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.tool is None:
        return message
    function = {"name": answer.tool.name, "arguments": answer.tool.arguments}
    if answer.tool.is_function:
        return message | {"content": None, "function_call": function}
    name = said.name_use(answer.tool, index)
    calls = [{"id": name, "type": "function", "function": function}]
    return message | {"content": None, "tool_calls": calls}


def _list_deltas(said: Said, answer: Placeholder, index: int) -> Iterator[Json]:
    """Yield what a message grows by."""
    if answer.tool is None:
        yield {"role": "assistant", "content": "", "refusal": None}
        yield from ({"content": piece} for piece in split_text(answer.text))
        return
    named = {"name": answer.tool.name, "arguments": ""}
    pieces = [{"arguments": piece} for piece in split_text(answer.tool.arguments)]
    role = {"role": "assistant", "content": None}
    if answer.tool.is_function:
        yield role | {"function_call": named}
        yield from ({"function_call": piece} for piece in pieces)
        return
    name = said.name_use(answer.tool, index)
    begun = {"index": 0, "id": name, "type": "function", "function": named}
    yield role | {"tool_calls": [begun]}
    yield from ({"tool_calls": [{"index": 0, "function": piece}]} for piece in pieces)


def _name_end(answer: Placeholder) -> str:
    if answer.is_cut:
        return "length"
    if answer.tool is None:
        return "stop"
    return "function_call" if answer.tool.is_function else "tool_calls"


def _write_usage(said: Said) -> Json:
    return {
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.answer_tokens,
        "total_tokens": said.prompt_tokens + said.answer_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
