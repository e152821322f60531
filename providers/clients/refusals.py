"""Refusals: errors in the form of the API that a client speaks, which it does not retry.

Official clients retry 408, 409, 429 and 5xx, unless `x-should-retry` says no. With 402, and with
400, each of them sends one request. What tools read into an error's type or text decides what they
make of it: some count `content_filter` and the like as an answer, so that none of these is used.
"""

from __future__ import annotations

from typing import Any

from providers.clients.bodies import ClientApi, write_json

_HEADERS = {"content-type": "application/json", "x-should-retry": "false"}


def write_refusal(
    api: ClientApi | None, status: int, message: str, code: str
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of an error.

    Args:
        api: that the client speaks; None where that is not known.
        status: of HTTP, which Google's form repeats.
        message: for the program's user.
        code: for a program, such as `budget_exceeded`.
    """
    body = _build_error(api, status, message, code)
    return dict(_HEADERS), write_json(body).encode()


def write_stream_error(
    api: ClientApi, message: str, code: str = "budget_exceeded", status: int = 402
) -> bytes:
    """Return an error as an event of a stream that has begun.

    Args:
        api: that the client speaks.
        message: for the program's user.
        code: for a program.
        status: of HTTP, as it would have been before the stream began.
    """
    body = _build_error(api, status, message, code)
    if api is ClientApi.RESPONSES:
        body = {"type": "error", "code": code, "message": message, "param": None} | body
    named = api in (ClientApi.RESPONSES, ClientApi.MESSAGES)
    event = b"event: error\n" if named else b""
    return event + b"data: " + write_json(body).encode() + b"\n\n"


def _build_error(api: ClientApi | None, status: int, message: str, code: str) -> dict[str, Any]:
    match api:
        case ClientApi.CHAT | ClientApi.RESPONSES:
            return {"error": {"message": message, "type": code, "param": None, "code": code}}
        case ClientApi.MESSAGES:
            return {"type": "error", "error": {"type": code, "message": message}}
        case ClientApi.GENERATE:
            error = {"code": status, "message": message, "status": code.upper()}
            return {"error": error}
    return {"type": "error", "error": {"message": message, "type": code, "code": code}}
