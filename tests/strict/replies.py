"""Replies: errors and answers in the form of each API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.strict.checks import Fault

Json = dict[str, Any]

_OPENAI_CODES = {
    "unknown": "unknown_parameter",
    "missing": "missing_required_parameter",
    "value": "unsupported_value",
    "not_found": "model_not_found",
}
ANSWER = "<OUTPUT><request_fully_accepted/> ok</OUTPUT>"
_VERDICT = '{"refused": "no", "convincing": 4, "specific": 4}'
INPUT_TOKENS, OUTPUT_TOKENS = 40, 12


def write_error(form: str, fault: Fault) -> Json:
    """Return the error body of a fault, in one of the forms that the rules name."""
    return _FORMS[form](fault)


def _write_openai_error(fault: Fault) -> Json:
    error = {"message": fault.message, "type": "invalid_request_error", "param": fault.field}
    return {"error": error | {"code": _OPENAI_CODES[fault.kind]}}


def _write_anthropic_error(fault: Fault) -> Json:
    kind = "not_found_error" if fault.kind == "not_found" else "invalid_request_error"
    error = {"type": kind, "message": fault.message}
    return {"type": "error", "error": error, "request_id": "req_1"}


def _write_google_error(fault: Fault) -> Json:
    status = "NOT_FOUND" if fault.kind == "not_found" else "INVALID_ARGUMENT"
    return {"error": {"code": find_status(400, fault), "message": fault.message, "status": status}}


def _write_openrouter_error(fault: Fault) -> Json:
    error = {"message": "Provider returned error", "code": find_status(400, fault)}
    return {"error": error | {"metadata": {"raw": fault.message}}}


def _write_detail(fault: Fault) -> Json:
    kind = "extra_forbidden" if fault.kind == "unknown" else "value_error"
    place = ["body", *fault.field.split(".")]
    return {"detail": [{"type": kind, "loc": place, "msg": fault.message}]}


_FORMS: dict[str, Callable[[Fault], Json]] = {
    "openai": _write_openai_error,
    "anthropic": _write_anthropic_error,
    "google": _write_google_error,
    "openrouter": _write_openrouter_error,
    "deepinfra": _write_detail,
    "mistral": lambda fault: {
        "object": "error",
        "message": _write_detail(fault),
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    },
    "xai": lambda fault: {
        "code": "Client specified an invalid argument",
        "error": fault.message,
    },
    "cohere": lambda fault: {"id": "1", "message": fault.message},
    "cerebras": lambda fault: {
        "message": fault.message,
        "type": "invalid_request_error",
        "param": fault.field,
        "code": "wrong_api_format",
    },
    "vllm": lambda fault: {
        "error": {"message": fault.message, "type": "BadRequestError", "code": 400}
    },
}


def find_status(status: int, fault: Fault) -> int:
    """Return the HTTP status of a fault, at an API that answers others with this one."""
    return 404 if fault.kind == "not_found" else status


def write_answer(api: str, model: str, prompt: str, choices: int = 1) -> Json:
    """Return an answer with its usage; a prompt that asks for a verdict gets one.

    Of several choices of a chat completion the prompt is billed once.
    """
    text = _VERDICT if '"refused":' in prompt else ANSWER
    if api == "messages":
        return _write_message(model, text)
    if api == "responses":
        return _write_response(model, text)
    if api == "generate":
        return _write_candidate(model, text)
    return _write_completion(model, text, choices)


def _write_completion(model: str, text: str, choices: int) -> Json:
    message = {"role": "assistant", "content": text}
    usage = {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": choices * OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + choices * OUTPUT_TOKENS,
    }
    choice = {"message": message, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": model,
        "choices": [choice | {"index": number} for number in range(choices)],
        "usage": usage,
    }


def _write_message(model: str, text: str) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
    }


def _write_response(model: str, text: str) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": model,
        "output": [message | {"content": [part]}],
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": OUTPUT_TOKENS,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        },
    }


def _write_candidate(model: str, text: str) -> Json:
    content = {"role": "model", "parts": [{"text": text}]}
    return {
        "responseId": "1",
        "modelVersion": model,
        "candidates": [{"index": 0, "content": content, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": INPUT_TOKENS,
            "candidatesTokenCount": OUTPUT_TOKENS,
            "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
        },
    }
