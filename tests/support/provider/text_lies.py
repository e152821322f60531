"""Texts that a provider may move to where nothing counts them, while its usage says one token."""

from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Lie = Callable[[Json], None]


def _openai_texts() -> Iterator[tuple[str, Lie]]:
    for field in ("refusal", "reasoning_content", "reasoning"):
        yield f"the text is its {field}", _move_text(lambda text, field=field: {field: text})
    yield (
        "the text is in reasoning_details",
        _move_text(lambda text: {"reasoning_details": [{"type": "reasoning.text", "text": text}]}),
    )
    yield (
        "the text is an argument of a tool",
        _move_text(lambda text: {"tool_calls": [{"function": {"name": "f", "arguments": text}}]}),
    )
    yield (
        "the text is a thinking part",
        _move_text(lambda text: {"content": [{"type": "thinking", "thinking": [{"text": text}]}]}),
    )
    yield "the text is another choice", _move_choice


def _move_text(fields: Callable[[str], Json]) -> Lie:
    def change(body: Json) -> None:
        message = body["choices"][0]["message"]
        text = message["content"]
        message |= {"content": None} | fields(text)
        body["usage"] = {"prompt_tokens": body["usage"]["prompt_tokens"], "completion_tokens": 1}

    return change


def _move_choice(body: Json) -> None:
    first = body["choices"][0]
    body["choices"] = [first | {"message": {"content": ""}}, first]
    body["usage"] = {"prompt_tokens": body["usage"]["prompt_tokens"], "completion_tokens": 1}


def _anthropic_texts() -> Iterator[tuple[str, Lie]]:
    yield "the text is thinking", _move_block(lambda text: {"type": "thinking", "thinking": text})
    yield (
        "the text is the input of a tool",
        _move_block(lambda text: {"type": "tool_use", "name": "f", "input": {"text": text}}),
    )
    yield "only the iterations are true", _iterate


def _move_block(block: Callable[[str], Json]) -> Lie:
    def change(body: Json) -> None:
        body["content"] = [block(each["text"]) for each in body["content"]]
        body["usage"]["output_tokens"] = 1

    return change


def _iterate(body: Json) -> None:
    true = dict(body["usage"])
    half = true | {"output_tokens": true["output_tokens"] // 2}
    rest = {"input_tokens": 0, "output_tokens": true["output_tokens"] - half["output_tokens"]}
    body["usage"] |= {"iterations": [half, rest], "input_tokens": 1, "output_tokens": 1}


def _responses_texts() -> Iterator[tuple[str, Lie]]:
    def move(item: Callable[[str], Json]) -> Lie:
        def change(body: Json) -> None:
            messages = [each for each in body["output"] if each["type"] == "message"]
            body["output"] = [item(each["content"][0]["text"]) for each in messages]
            body["usage"] = {"input_tokens": body["usage"]["input_tokens"], "output_tokens": 1}

        return change

    yield (
        "the text is a refusal",
        move(lambda text: {"type": "message", "content": [{"type": "refusal", "refusal": text}]}),
    )
    yield (
        "the text is reasoning",
        move(lambda text: {"type": "reasoning", "summary": [{"text": text}]}),
    )
    yield (
        "the text is an argument of a tool",
        move(lambda text: {"type": "function_call", "name": "f", "arguments": text}),
    )
    yield "the text is of an unknown kind", move(lambda text: {"type": "later", "said": text})


def _google_texts() -> Iterator[tuple[str, Lie]]:
    def move(part: Callable[[str], Json]) -> Lie:
        def change(body: Json) -> None:
            parts = body["candidates"][0]["content"].get("parts", [])
            body["candidates"][0]["content"]["parts"] = [part(each["text"]) for each in parts]
            prompt = body["usageMetadata"]["promptTokenCount"]
            body["usageMetadata"] = {"promptTokenCount": prompt, "candidatesTokenCount": 1}

        return change

    yield "the text is a thought", move(lambda text: {"text": text, "thought": True})
    yield (
        "the text is an argument of a tool",
        move(lambda text: {"functionCall": {"name": "f", "args": {"text": text}}}),
    )
    yield "the text is another candidate", _move_candidate


def _move_candidate(body: Json) -> None:
    body["candidates"] = [{"finishReason": "STOP"}, *body["candidates"]]
    prompt = body["usageMetadata"]["promptTokenCount"]
    body["usageMetadata"] = {"promptTokenCount": prompt, "candidatesTokenCount": 1}


TEXT_LIES = {
    "openai": _openai_texts,
    "anthropic": _anthropic_texts,
    "responses": _responses_texts,
    "google": _google_texts,
}
