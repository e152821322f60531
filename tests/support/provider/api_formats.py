"""The two older forms that providers are spoken to in, as their references document them.

`OpenAI` is `/v1/chat/completions`, `Anthropic` is `/v1/messages`; each reads a request and writes
answers and errors. They differ where money is concerned: OpenAI's `prompt_tokens` includes the
cached tokens, Anthropic's `input_tokens` excludes them.

No tools, no images; `streams` writes answers as streams. `newer_formats` has the other two.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tests.support.provider.bill import Charge

Json = dict[str, Any]
Refusal = Literal["400", "401", "402", "429", "quota", "500"]


class RequestRefusedError(ValueError):
    """A request that lacks what the form requires; its text is the provider's message."""


@dataclass(frozen=True)
class Asked:
    """A request, in whichever form: a system text is the first message."""

    model: str
    messages: list[Json]
    max_tokens: int | None
    choices: int = 1

    @property
    def prompt(self) -> str:
        """All text of all messages."""
        return "\n".join(read_text(message.get("content")) for message in self.messages)


@dataclass(frozen=True)
class Said:
    """An answer, in whichever form; `told` is what its usage says, true or not.

    `more` are the texts of further answers to the same request.
    """

    text: str
    cut: bool
    charge: Charge
    told: Charge
    more: tuple[str, ...] = ()
    hides_reasoning: bool = False
    cost: str = ""
    tier: str = ""


class Wire(Protocol):
    """One provider's form."""

    def read(self, body: Json) -> Asked:
        """Read a request; raises RequestRefusedError."""

    def answer(self, call: int, asked: Asked, said: Said) -> Json:
        """Write the body of a 200."""

    def error(self, call: int, refusal: Refusal, message: str) -> Json:
        """Write the body of an error."""


STATUS: dict[Refusal, int] = {
    "400": 400,
    "401": 401,
    "402": 402,
    "429": 429,
    "quota": 429,
    "500": 500,
}


class OpenAI:
    """`POST /v1/chat/completions`."""

    # type and code; 402 is not OpenAI's own: services with prepaid credits that speak its form
    # answer so, with the number as the code.
    _ERRORS: dict[Refusal, tuple[str, str | int | None]] = {  # noqa: RUF012
        "400": ("invalid_request_error", None),
        "401": ("invalid_request_error", "invalid_api_key"),
        "402": ("insufficient_credits", 402),
        "429": ("requests", "rate_limit_exceeded"),
        "quota": ("insufficient_quota", "insufficient_quota"),
        "500": ("server_error", None),
    }

    def read(self, body: Json) -> Asked:
        """Read a request; without a limit there is none."""
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        return Asked(_model(body), _messages(body), limit, body.get("n", 1))

    def answer(self, call: int, asked: Asked, said: Said) -> Json:
        """Write a chat completion."""
        choices = [
            {
                "index": number,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "length" if said.cut else "stop",
            }
            for number, text in enumerate((said.text, *said.more))
        ]
        return {
            "id": f"chatcmpl-{call}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": asked.model,
            "choices": choices,
            "usage": self._usage(said) | self._cost(said),
        } | ({"service_tier": said.tier} if said.tier else {})

    def _cost(self, said: Said) -> Json:
        cost = float(said.cost) if said.cost else None
        return {"cost": cost, "estimated_cost": cost} if cost is not None else {}

    def _usage(self, said: Said) -> Json:
        charge = said.told
        hidden = charge.reasoning_tokens if said.hides_reasoning else 0
        return {
            "prompt_tokens": charge.input_tokens,
            "completion_tokens": charge.output_tokens - hidden,
            "total_tokens": charge.input_tokens + charge.output_tokens,
            "prompt_tokens_details": {"cached_tokens": charge.cache_read_tokens},
            "completion_tokens_details": {"reasoning_tokens": charge.reasoning_tokens},
        }

    def error(self, call: int, refusal: Refusal, message: str) -> Json:
        """Write an error object."""
        kind, code = self._ERRORS[refusal]
        text = f"{message} (request {call})"
        return {"error": {"message": text, "type": kind, "param": None, "code": code}}


class Anthropic:
    """`POST /v1/messages`."""

    _ERRORS: dict[Refusal, str] = {  # noqa: RUF012
        "400": "invalid_request_error",
        "401": "authentication_error",
        "402": "billing_error",
        "429": "rate_limit_error",
        "quota": "rate_limit_error",
        "500": "api_error",
    }

    def read(self, body: Json) -> Asked:
        """Read a request; `max_tokens` is required."""
        if not isinstance(body.get("max_tokens"), int):
            raise RequestRefusedError("max_tokens: Field required")
        messages = _messages(body)
        if body.get("system"):
            messages = [{"role": "system", "content": _unwrap(body["system"])}, *messages]
        return Asked(_model(body), messages, body["max_tokens"])

    def answer(self, call: int, asked: Asked, said: Said) -> Json:
        """Write a message."""
        return {
            "id": f"msg_{call}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [{"type": "text", "text": said.text}] if said.text else [],
            "stop_reason": "max_tokens" if said.cut else "end_turn",
            "stop_sequence": None,
            "usage": self._usage(said.told),
        }

    def _usage(self, charge: Charge) -> Json:
        minutes, hour = charge.cache_write_tokens, charge.cache_write_1h_tokens
        cached = charge.cache_read_tokens + minutes + hour
        split = {"ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour}
        return {
            "input_tokens": charge.input_tokens - cached,
            "cache_creation_input_tokens": minutes + hour,
            "cache_read_input_tokens": charge.cache_read_tokens,
            "output_tokens": charge.output_tokens,
        } | ({"cache_creation": split} if hour else {})

    def error(self, call: int, refusal: Refusal, message: str) -> Json:
        """Write an error object."""
        error = {"type": self._ERRORS[refusal], "message": message}
        return {"type": "error", "error": error, "request_id": f"req_{call}"}


def _model(body: Json) -> str:
    if not isinstance(body.get("model"), str):
        raise RequestRefusedError("model: a model is required")
    return str(body["model"])


def _messages(body: Json) -> list[Json]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestRefusedError("messages: at least one message is required")
    return [each | {"content": _unwrap(each.get("content"))} for each in messages]


def _unwrap(content: Any) -> Any:
    """Return a content of one text part as that text: it is the same prompt."""
    is_one = isinstance(content, list) and len(content) == 1 and content[0].get("type") == "text"
    return content[0]["text"] if is_one else content


def read_text(content: str | list[Json] | None) -> str:
    """Join a content's text: it is a string, or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content or [])
