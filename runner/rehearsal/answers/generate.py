"""Google's `generateContent`, as https://ai.google.dev/api/generate-content documents it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.clients import parse_quietly
from runner.rehearsal.answers.events import split_text
from runner.rehearsal.answers.said import Said
from runner.rehearsal.placeholders import Placeholder

Json = dict[str, Any]


def write_generated(said: Said) -> Json:
    """Return the candidates."""
    candidates = [
        _write_candidate(index, [_write_part(answer)]) | {"finishReason": _name_end(answer)}
        for index, answer in enumerate(said.answers)
    ]
    return _write_head(said) | {"candidates": candidates, "usageMetadata": _write_usage(said)}


def stream_generated(said: Said) -> Iterator[Json]:
    """Yield the chunks of the candidates; each has the usage so far."""
    chunks = [chunk for each in enumerate(said.answers) for chunk in _list_chunks(*each)]
    so_far = {name: n for name, n in _write_usage(said).items() if name != "candidatesTokenCount"}
    so_far["totalTokenCount"] = said.prompt_tokens
    for number, candidate in enumerate(chunks, 1):
        usage = _write_usage(said) if number == len(chunks) else so_far
        yield _write_head(said) | {"candidates": [candidate], "usageMetadata": usage}


def _list_chunks(index: int, answer: Placeholder) -> Iterator[Json]:
    parts = [{"text": piece} for piece in split_text(answer.text)]
    for part in [_write_part(answer)] if answer.tool else parts:
        yield _write_candidate(index, [part])
    yield _write_candidate(index, [{"text": ""}]) | {"finishReason": _name_end(answer)}


def _write_head(said: Said) -> Json:
    return {"modelVersion": said.model, "responseId": f"rehearsal-{said.number}"}


def _write_candidate(index: int, parts: list[Json]) -> Json:
    return {"index": index, "content": {"role": "model", "parts": parts}}


def _write_part(answer: Placeholder) -> Json:
    if answer.tool is None:
        return {"text": answer.text}
    given = parse_quietly(answer.tool.arguments.encode())  # None where they are cut
    arguments = given if isinstance(given, dict) else {}
    return {"functionCall": {"name": answer.tool.name, "args": arguments}}


def _name_end(answer: Placeholder) -> str:
    return "MAX_TOKENS" if answer.is_cut else "STOP"


def _write_usage(said: Said) -> Json:
    return {
        "promptTokenCount": said.prompt_tokens,
        "candidatesTokenCount": said.answer_tokens,
        "totalTokenCount": said.prompt_tokens + said.answer_tokens,
    }
