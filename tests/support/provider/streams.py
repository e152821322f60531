"""Answers as streams of server-sent events, in the four forms, made from answers as they are whole.

References: https://platform.openai.com/docs/api-reference/chat-streaming (usage comes in a last
chunk without choices, where `stream_options.include_usage` asks for it; Mistral's models say it in
the last chunk, unasked),
https://platform.openai.com/docs/api-reference/responses-streaming,
https://docs.anthropic.com/en/docs/build-with-claude/streaming and
https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent (`alt=sse`). Texts
and thoughts only, no tools.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
PIECES = 4  # of a text


def is_streamed(path: str, body: Json) -> bool:
    """Say whether a request asks for a stream."""
    return body.get("stream") is True or path.endswith(":streamGenerateContent")


def write_events(path: str, asked: Json, answer: Json) -> list[bytes]:
    """Write an answer as a stream's events.

    Args:
        path: that was asked.
        asked: the request.
        answer: as it is whole; without usage the stream has none either.
    """
    if path.endswith("/chat/completions"):
        wants_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        chunks = list(_chat(answer, wants_usage=wants_usage))
        if str(asked.get("model")).startswith("mistral") and "usage" in answer and not wants_usage:
            chunks[-1] |= {"usage": answer["usage"]}
        return [*map(_data, chunks), b"data: [DONE]\n\n"]
    if path.endswith("/responses"):
        events = enumerate(_responses(answer))
        return [_event(each | {"sequence_number": number}) for number, each in events]
    if path.endswith("/messages"):
        return [*map(_event, _messages(answer))]
    return [_data(each, b"\r\n\r\n") for each in _generate(answer)]


def _data(event: Json, end: bytes = b"\n\n") -> bytes:
    return b"data: " + json.dumps(event).encode() + end


def _event(event: Json) -> bytes:
    return b"event: " + event["type"].encode() + b"\n" + _data(event)


def _split(text: str) -> list[str]:
    """Split a text into pieces; an empty one has none."""
    size = max(-(-len(text) // PIECES), 1)
    return [text[at : at + size] for at in range(0, len(text), size)]


def _chat(answer: Json, *, wants_usage: bool) -> Iterator[Json]:
    head = {name: value for name, value in answer.items() if name not in ("choices", "usage")}
    head |= {"object": "chat.completion.chunk"} | ({"usage": None} if wants_usage else {})
    for choice in answer["choices"]:
        rest = {"index": choice["index"], "logprobs": None}
        deltas = [{"role": "assistant", "content": "", "refusal": None}]
        for field in ("reasoning_content", "reasoning", "refusal", "content"):
            text = choice["message"].get(field)
            deltas += [{field: piece} for piece in _split(text if isinstance(text, str) else "")]
        for delta in deltas:
            yield head | {"choices": [rest | {"delta": delta, "finish_reason": None}]}
        ends = {"delta": {}, "finish_reason": choice["finish_reason"]}
        yield head | {"choices": [rest | ends]}
    if wants_usage and "usage" in answer:
        yield head | {"choices": [], "usage": answer["usage"]}


def _messages(answer: Json) -> Iterator[Json]:
    usage = answer.get("usage")
    begins = {"content": [], "stop_reason": None, "stop_sequence": None}
    told = {"usage": usage | {"output_tokens": 1}} if usage else {}
    yield {"type": "message_start", "message": answer | begins | told}
    for index, block in enumerate(answer["content"]):
        field = "thinking" if block["type"] == "thinking" else "text"
        yield {"type": "content_block_start", "index": index, "content_block": block | {field: ""}}
        yield {"type": "ping"}
        for piece in _split(block.get(field, "")):
            delta = {"type": f"{field}_delta", field: piece}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ends = {name: answer[name] for name in ("stop_reason", "stop_sequence") if name in answer}
    counted = {"usage": {"output_tokens": usage["output_tokens"]}} if usage else {}
    yield {"type": "message_delta", "delta": ends} | counted
    yield {"type": "message_stop"}


def _responses(answer: Json) -> Iterator[Json]:
    begun = answer | {"status": "in_progress", "output": [], "usage": None}
    begun |= {"incomplete_details": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(answer["output"]):
        at = {"output_index": index}
        bare = {"content": []} if "content" in item else {}
        yield {"type": "response.output_item.added", "item": item | bare} | at
        for number, part in enumerate(item.get("content", ())):
            yield from _write_part(part, at | {"content_index": number, "item_id": item["id"]})
        yield {"type": "response.output_item.done", "item": item} | at
    yield {"type": f"response.{answer['status']}", "response": answer}


def _write_part(part: Json, at: Json) -> Iterator[Json]:
    field = "refusal" if part["type"] == "refusal" else "text"
    name = "response.refusal" if field == "refusal" else "response.output_text"
    more: Json = {} if field == "refusal" else {"logprobs": []}
    yield {"type": "response.content_part.added", "part": part | {field: ""}} | at
    for piece in _split(part[field]):
        yield {"type": f"{name}.delta", "delta": piece} | more | at
    yield {"type": f"{name}.done", field: part[field]} | more | at
    yield {"type": "response.content_part.done", "part": part} | at


def _generate(answer: Json) -> Iterator[Json]:
    """Yield chunks; each has the usage so far, and the last one that of all."""
    chunks = []
    for candidate in answer.get("candidates", ()):
        bare = {name: value for name, value in candidate.items() if name != "finishReason"}
        for part in candidate.get("content", {}).get("parts", ()):
            for piece in _split(part.get("text", "")):
                content = {"role": "model", "parts": [part | {"text": piece}]}
                chunks.append(bare | {"content": content})
        chunks.append(candidate | {"content": {"role": "model", "parts": [{"text": ""}]}})
    for number, candidate in enumerate(chunks, 1):
        usage = copy.deepcopy(answer.get("usageMetadata", {}))
        if number < len(chunks):
            usage.pop("candidatesTokenCount", None)
        told = {"usageMetadata": usage} if usage else {}
        yield answer | {"candidates": [candidate]} | told
    if not chunks:
        yield answer
