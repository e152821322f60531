"""An answer of each API as a stream, in the pieces that the API sends.

    stream_body("openai", body) -> b"data: {...}\n\n..."

Made from the body of the unstreamed answer. Events as in
https://developers.openai.com/api/reference/resources/chat (with `include_usage`),
https://developers.openai.com/api/reference/resources/responses/streaming-events,
https://platform.claude.com/docs/en/build-with-claude/streaming and
https://ai.google.dev/api/generate-content (`alt=sse`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
_PIECE = 5  # characters of a text


def stream_body(api: str, body: Json, *, with_usage: bool = True) -> bytes:
    """Return an answer as a stream.

    Args:
        api: `openai`, `responses`, `anthropic` or `google`.
        body: of the unstreamed answer.
        with_usage: whether a chat completion ends with its usage, as it does where that is asked.
    """
    if api == "openai":
        events = [_write(each) for each in _stream_chat(body, with_usage=with_usage)]
        return b"".join(events) + b"data: [DONE]\n\n"
    if api == "google":
        return b"".join(_write(each, line_end=b"\r\n") for each in _stream_google(body))
    stream = _stream_responses if api == "responses" else _stream_message
    return b"".join(_write(each, named=True) for each in stream(body))


def _write(event: Json, *, named: bool = False, line_end: bytes = b"\n") -> bytes:
    name = b"event: " + event["type"].encode() + line_end if named else b""
    return name + b"data: " + json.dumps(event).encode() + line_end * 2


def _cut(text: str) -> list[str]:
    return [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]


def _stream_chat(body: Json, *, with_usage: bool) -> Iterator[Json]:
    head = {n: v for n, v in body.items() if n not in ("choices", "usage", "object")}
    head |= {"object": "chat.completion.chunk"} | ({"usage": None} if with_usage else {})
    for choice in body["choices"]:
        number, message = choice.get("index", 0), choice["message"]
        rest = {n: v for n, v in choice.items() if n not in ("message", "index")}
        waiting = {"index": number, "finish_reason": None, "logprobs": None}
        for delta in _list_deltas(message):
            yield head | {"choices": [waiting | {"delta": delta}]}
        yield head | {"choices": [{"index": number, "delta": {}} | rest]}
    if with_usage:
        yield head | {"choices": [], "usage": body["usage"]}


def _list_deltas(message: Json) -> Iterator[Json]:
    texts = {n: v for n, v in message.items() if isinstance(v, str) and n != "role"}
    others = {n: v for n, v in message.items() if n not in texts and n != "tool_calls"}
    yield others | {"role": "assistant", "content": "" if message.get("content") else None}
    for name, text in texts.items():
        for piece in _cut(text):
            yield {name: piece}
    for number, call in enumerate(message.get("tool_calls") or []):
        arguments = call["function"]["arguments"]
        function = call["function"] | {"arguments": ""}
        yield {"tool_calls": [call | {"index": number, "function": function}]}
        for piece in _cut(arguments):
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}


def _stream_responses(body: Json) -> Iterator[Json]:
    begun = body | {"status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun, "sequence_number": 0}
    for number, item in enumerate(body["output"]):
        yield {"type": "response.output_item.added", "output_index": number, "item": item}
        for part in item.get("content") or []:
            for piece in _cut(part.get("text", "")):
                yield {"type": "response.output_text.delta", "output_index": number, "delta": piece}
        yield {"type": "response.output_item.done", "output_index": number, "item": item}
    ends = {"incomplete": "response.incomplete", "failed": "response.failed"}
    end = ends.get(body.get("status") or "", "response.completed")
    yield {"type": end, "response": body, "sequence_number": 9}


def _stream_message(body: Json) -> Iterator[Json]:
    ended = ("stop_reason", "stop_sequence", "stop_details")
    usage = body["usage"] | {"output_tokens": 1}
    start = body | {"content": [], "usage": usage} | dict.fromkeys(ended)
    yield {"type": "message_start", "message": start}
    for number, block in enumerate(body["content"]):
        yield from _stream_block(number, block)
        yield {"type": "ping"}
    delta = {name: body.get(name) for name in ended if name in body}
    told = {"output_tokens": body["usage"]["output_tokens"]}
    yield {"type": "message_delta", "delta": delta, "usage": told}
    yield {"type": "message_stop"}


def _stream_block(number: int, block: Json) -> Iterator[Json]:
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    opened = block | {name: each for name, each in empty.items() if name in block}
    yield {"type": "content_block_start", "index": number, "content_block": opened}
    deltas = [{"type": "text_delta", "text": piece} for piece in _cut(block.get("text", ""))]
    thoughts = _cut(block.get("thinking", ""))
    deltas += [{"type": "thinking_delta", "thinking": piece} for piece in thoughts]
    if "signature" in block:
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    written = _cut(json.dumps(block["input"])) if block.get("input") else []
    deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in written]
    for delta in deltas:
        yield {"type": "content_block_delta", "index": number, "delta": delta}
    yield {"type": "content_block_stop", "index": number}


def _stream_google(body: Json) -> Iterator[Json]:
    head = {n: v for n, v in body.items() if n not in ("candidates", "usageMetadata")}
    usage = {n: v for n, v in body["usageMetadata"].items() if n != "candidatesTokenCount"}
    for candidate in body.get("candidates") or []:
        rest = {n: v for n, v in candidate.items() if n not in ("content", "finishReason")}
        for part in (candidate.get("content") or {}).get("parts") or []:
            pieces = [part | {"text": each} for each in _cut(part["text"])] if "text" in part else 0
            for piece in pieces or [part]:
                content = {"parts": [piece], "role": "model"}
                chunk = {"candidates": [rest | {"content": content}], "usageMetadata": usage}
                yield chunk | head
        end = {"finishReason": candidate["finishReason"]} if "finishReason" in candidate else {}
        last = {"candidates": [rest | end | {"content": {"role": "model"}}]}
        yield last | {"usageMetadata": body["usageMetadata"]} | head
    if not body.get("candidates"):
        yield {"usageMetadata": body["usageMetadata"]} | head
