"""Answers as they come in a stream: the events of each API, made from the whole answer.

As their references document them: chat completions give no usage unless asked for it, Responses
give it in their last event, Anthropic the prompt's in the first and the output's in the last but
one, Google in each chunk.
"""

import json
from collections.abc import Iterator

from tests.support.provider.api_formats import Asked, Json

_PIECE = 7  # characters


def write_stream(asked: Asked, body: Json) -> list[bytes]:
    """Return the parts of an answer's stream, in their order.

    Args:
        asked: the request.
        body: the answer, as it is without a stream.
    """
    if "choices" in body:
        return [*map(_data, _chunks(asked, body)), b"data: [DONE]\n\n"]
    if "candidates" in body:
        return list(map(_data, _candidates(body)))
    events = _messages(body) if body.get("type") == "message" else _response(body)
    return [f"event: {each['type']}\n".encode() + _data(each) for each in events]


def _data(event: Json) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


def _pieces(text: str) -> list[str]:
    return [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]


def _chunks(asked: Asked, body: Json) -> Iterator[Json]:
    rest = {name: body[name] for name in body if name not in ("choices", "usage", "object")}
    rest["object"] = "chat.completion.chunk"
    for choice in body["choices"]:
        at = {"index": choice["index"], "finish_reason": None}
        yield rest | {"choices": [at | {"delta": {"role": "assistant", "content": ""}}]}
        for piece in _pieces(choice["message"].get("content") or ""):
            yield rest | {"choices": [at | {"delta": {"content": piece}}]}
        yield rest | {"choices": [at | {"delta": {}, "finish_reason": choice["finish_reason"]}]}
    if asked.wants_usage and "usage" in body:
        yield rest | {"choices": [], "usage": body["usage"]}


def _candidates(body: Json) -> Iterator[Json]:
    rest = {name: body[name] for name in body if name != "candidates"}
    (candidate,) = body["candidates"]
    parts = candidate["content"].get("parts", [])
    pieces = _pieces("".join(part.get("text", "") for part in parts)) or [""]
    for piece in pieces[:-1]:
        yield rest | {"candidates": [{"content": {"parts": [{"text": piece}], "role": "model"}}]}
    last = {"parts": [{"text": pieces[-1]}], "role": "model"}
    yield rest | {"candidates": [candidate | {"content": last}]}


def _messages(body: Json) -> Iterator[Json]:
    usage = body.get("usage", {})
    begun = body | {"content": [], "stop_reason": None}
    if usage:
        begun["usage"] = usage | {"output_tokens": 1}
    yield {"type": "message_start", "message": begun}
    for number, part in enumerate(body["content"]):
        empty = {"type": "text", "text": ""}
        yield {"type": "content_block_start", "index": number, "content_block": empty}
        yield {"type": "ping"}
        for piece in _pieces(part.get("text", "")):
            delta = {"type": "text_delta", "text": piece}
            yield {"type": "content_block_delta", "index": number, "delta": delta}
        yield {"type": "content_block_stop", "index": number}
    delta = {"stop_reason": body["stop_reason"], "stop_sequence": None}
    told = {"usage": {"output_tokens": usage["output_tokens"]}} if usage else {}
    yield {"type": "message_delta", "delta": delta, **told}
    yield {"type": "message_stop"}


def _response(body: Json) -> Iterator[Json]:
    begun = {name: body[name] for name in body if name != "usage"}
    begun |= {"status": "in_progress", "output": []}
    yield {"type": "response.created", "response": begun}
    for number, item in enumerate(body["output"]):
        place = {"output_index": number}
        yield {"type": "response.output_item.added", **place, "item": item | {"content": []}}
        for part in item.get("content", []):
            for piece in _pieces(part.get("text", "")):
                yield {"type": "response.output_text.delta", **place, "delta": piece}
        yield {"type": "response.output_item.done", **place, "item": item}
    yield {"type": f"response.{body['status']}", "response": body}
