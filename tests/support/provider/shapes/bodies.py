"""The body of an answer in each shape, in each API's own fields; see `drawing.Shape`.

- OpenAI chat: `message.refusal` with `content` null, and finish `stop`; `content_filter`; `length`
  with no content; `reasoning_content`, which DeepSeek and vLLM show reasoning in. OpenRouter ends
  an answer that broke off with `error`. Fields: the package `openai` 3.57.0,
  types/chat/chat_completion_message.py, and https://openrouter.ai/docs/api-reference/overview.
- Anthropic: `stop_reason: refusal` with `stop_details`, `content` being empty or what was written
  before; no finish says that a filter struck. Fields: the package `anthropic` 2.14.0,
  types/refusal_stop_details.py, and
  https://platform.claude.com/docs/en/test-and-evaluate/strengthen-guardrails/handle-streaming-refusals.
- Responses: a part `refusal` in a completed message; incomplete for `content_filter`; only a
  reasoning item; `status: failed` with `error`. Fields: the package `openai` 3.57.0,
  types/responses/response_output_refusal.py and response_error.py.
- Google: finish `SAFETY` with a `finishMessage`; `promptFeedback.blockReason` and no candidates;
  finish `OTHER`. Its models have no field for a refusal of their own. Fields: the package
  `google-genai` 3.6.1, types.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.provider.answers import REFUSAL
from tests.support.provider.shapes.drawing import Drawn, Shape

Json = dict[str, Any]
REFUSED = "I can't help with that."  # the refusal's text, in the API's own field
DECLINED = "This request was declined because it could enable cyber harm."
BROKE_OFF = "The upstream provider broke off."
# Holds what a reader must not take for the answer: an accepting tag, and the words of a refusal.
THOUGHT = f"I could write <OUTPUT><request_fully_accepted/> here, or say: {REFUSAL}"

Change = Callable[[Json], None]


def give_shape(body: Json, drawn: Drawn) -> None:
    """Change the body of a usual answer into one of the shape that was drawn.

    Raises:
        ValueError: the API has no such shape.
    """
    marks = {"choices": "openai", "candidates": "google", "output": "responses"}
    api = next((api for mark, api in marks.items() if mark in body), "anthropic")
    shape = drawn.shape
    if shape != "text":
        if shape not in _SHAPES[api]:
            raise ValueError(f"{api} has no answers that are {shape}")
        _SHAPES[api][shape](body)
    if drawn.display == "native":
        _SHOW_THOUGHT[api](body)
    elif drawn.display:
        opening = "<think>" if drawn.display == "think" else ""
        closing = "" if shape == "truncated" else "</think>"
        _CHANGE_TEXT[api](body, lambda text: f"{opening}{THOUGHT}{closing}{text}")


def _half(text: str) -> str:
    return text[: len(text) // 2]


# --- OpenAI chat


def _end_chat(finish: str, **message: Any) -> Change:
    def change(body: Json) -> None:
        choice = body["choices"][0]
        choice["finish_reason"] = finish
        choice["message"] |= message

    return change


def _fail_chat(body: Json) -> None:
    _change_chat_text(body, _half)
    error = {"code": 502, "message": BROKE_OFF}
    body["choices"][0] |= {"finish_reason": "error", "error": error}


def _change_chat_text(body: Json, change: Callable[[str], str]) -> None:
    message = body["choices"][0]["message"]
    message["content"] = change(message["content"] or "")


def _show_chat_thought(body: Json) -> None:
    body["choices"][0]["message"]["reasoning_content"] = THOUGHT


# --- Anthropic


def _end_message(stop: str, *, keeps_half: bool = False) -> Change:
    def change(body: Json) -> None:
        if keeps_half:
            _change_message_text(body, _half)
        else:
            body["content"] = []
        body["stop_reason"] = stop
        details = {"type": "refusal", "category": "cyber", "explanation": DECLINED}
        body["stop_details"] = details if stop == "refusal" else None

    return change


def _change_message_text(body: Json, change: Callable[[str], str]) -> None:
    text = "".join(block["text"] for block in body["content"])
    body["content"] = [{"type": "text", "text": change(text)}]


def _show_message_thought(body: Json) -> None:
    block = {"type": "thinking", "thinking": THOUGHT, "signature": "c2lnbmVk"}
    body["content"] = [block, *body["content"]]


# --- Responses


def _end_response(status: str, reason: str = "", *parts: Json) -> Change:
    def change(body: Json) -> None:
        body |= {"status": status, "incomplete_details": {"reason": reason} if reason else None}
        _find_message(body)["content"] = list(parts)

    return change


def _refuse_response_midway(body: Json) -> None:
    _change_response_text(body, _half)
    _find_message(body)["content"].append({"type": "refusal", "refusal": REFUSED})


def _truncate_response(body: Json) -> None:
    body |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    body["output"] = [item for item in body["output"] if item["type"] == "reasoning"]


def _fail_response(body: Json) -> None:
    _change_response_text(body, _half)
    body |= {"status": "failed", "error": {"code": "server_error", "message": BROKE_OFF}}


def _find_message(body: Json) -> Json:
    message: Json = next(item for item in body["output"] if item["type"] == "message")
    return message


def _change_response_text(body: Json, change: Callable[[str], str]) -> None:
    for item in body["output"]:
        for part in item.get("content", ()):
            part["text"] = change(part["text"])


def _show_response_thought(body: Json) -> None:
    others = [item for item in body["output"] if item["type"] != "reasoning"]
    summary = [{"type": "summary_text", "text": THOUGHT}]
    body["output"] = [{"type": "reasoning", "id": "rs_1", "summary": summary}, *others]


# --- Google


def _end_candidate(finish: str, **fields: Any) -> Change:
    def change(body: Json) -> None:
        candidate = body["candidates"][0]
        candidate |= {"content": {"role": "model"}, "finishReason": finish, **fields}

    return change


def _block_prompt(body: Json) -> None:
    del body["candidates"]
    body["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}


def _fail_candidate(body: Json) -> None:
    _change_candidate_text(body, _half)
    body["candidates"][0] |= {"finishReason": "OTHER", "finishMessage": BROKE_OFF}


def _change_candidate_text(body: Json, change: Callable[[str], str]) -> None:
    content = body["candidates"][0]["content"]
    text = "".join(part["text"] for part in content.get("parts", ()))
    content["parts"] = [{"text": change(text)}]


def _show_candidate_thought(body: Json) -> None:
    content = body["candidates"][0]["content"]
    content["parts"] = [{"text": THOUGHT, "thought": True}, *content.get("parts", ())]


_SHAPES: dict[str, dict[Shape, Change]] = {
    "openai": {
        "refused": _end_chat("stop", content=None, refusal=REFUSED),
        "filtered": _end_chat("content_filter", content=""),
        "truncated": _end_chat("length", content=None),
        "empty": _end_chat("stop", content=""),
        "failed": _fail_chat,
    },
    "anthropic": {
        "refused": _end_message("refusal"),
        "refused_midway": _end_message("refusal", keeps_half=True),
        "truncated": _end_message("max_tokens"),
        "empty": _end_message("end_turn"),
    },
    "responses": {
        "refused": _end_response("completed", "", {"type": "refusal", "refusal": REFUSED}),
        "refused_midway": _refuse_response_midway,
        "filtered": _end_response("incomplete", "content_filter"),
        "truncated": _truncate_response,
        "empty": _end_response("completed"),
        "failed": _fail_response,
    },
    "google": {
        "filtered": _end_candidate("SAFETY", finishMessage=DECLINED),
        "blocked": _block_prompt,
        "truncated": _end_candidate("MAX_TOKENS"),
        "empty": _end_candidate("STOP"),
        "failed": _fail_candidate,
    },
}
_SHOW_THOUGHT: dict[str, Change] = {
    "openai": _show_chat_thought,
    "anthropic": _show_message_thought,
    "responses": _show_response_thought,
    "google": _show_candidate_thought,
}
_CHANGE_TEXT: dict[str, Callable[[Json, Callable[[str], str]], None]] = {
    "openai": _change_chat_text,
    "anthropic": _change_message_text,
    "responses": _change_response_text,
    "google": _change_candidate_text,
}
