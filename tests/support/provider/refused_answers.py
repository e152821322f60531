"""Answers that refuse, as faults: in the body of a chat completion, or as an error.

All but the errors are billed as any other answer. `message.refusal` is from the package `openai`,
types/chat/chat_completion_message.py; the finish `error` is OpenRouter's,
https://openrouter.ai/docs/api-reference/overview; the error `content_filter` is Azure's,
https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter, which bills it.
"""

from typing import Any

Json = dict[str, Any]

SHAPED = frozenset({"refusal", "content_filter", "truncated", "finish_error"})
ERRORS = frozenset({"filter_400", "filter_400_billed", "error_in_200"})
FILTERED: Json = {
    "error": {
        "message": "The response was filtered due to the prompt triggering our content policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
    }
}
BROKEN: Json = {"error": {"message": "Provider returned error", "code": 502}}


def shape_answer(body: Json, kind: str) -> None:
    """Turn the body of a chat completion into one that refuses, is filtered, cut or broken off."""
    choice = body["choices"][0]
    message = choice["message"]
    text = message["content"]
    match kind:
        case "refusal":
            message |= {"content": None, "refusal": text}
        case "content_filter":
            choice["finish_reason"] = "content_filter"
            message["content"] = text[: len(text) // 2]
        case "truncated":
            choice["finish_reason"] = "length"
            message["content"] = ""
        case "finish_error":
            choice["finish_reason"] = "error"
            message["content"] = text[: len(text) // 2]


def write_error(kind: str) -> tuple[Json, int]:
    """Return the body and the status of a refusal that comes as an error."""
    return (BROKEN, 200) if kind == "error_in_200" else (FILTERED, 400)
