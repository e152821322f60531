"""ClientCall: what a program's own client asks of a model, as far as it matters for its price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from experiment.prompts import Message


class ClientApi(StrEnum):
    """The APIs that clients speak; the values are what capability records call them."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    GENERATE = "generate"


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One call of a program's client. Its repr has no text of it, so that no log has one.

    Attributes:
        api: that the body is written for.
        model: as the program writes it.
        messages: the texts that are counted as messages, those of the system first where the API
            keeps them apart. A `developer` message is a `system` one, Google's `model` an
            `assistant`.
        beside: texts beside them, as JSON where they are no plain text: tools and schemas, calls of
            tools and their results, names, thoughts of earlier turns. How an API writes them for
            its model is not known, so that their tokens are bounded and not exact.
        hidden_tokens: tokens that the API itself may add for what is asked; a bound as well.
        limit: output tokens that each answer may have; None where the body says none.
        limit_field: where the body says so; empty where it does not.
        choices: answers that are asked for.
        is_streamed: the answer is wanted as it is written.
        wants_usage: the client asked for the usage of a streamed chat completion itself.
        options: fields that move the price or what is billed, as the body has them;
            `cache_control` is a list of the different marks anywhere in it.
        body: the parsed body; numbers with a point or an exponent are Decimals.
        sent: the body as it came.
    """

    api: ClientApi
    model: str
    messages: tuple[Message, ...] = field(repr=False)
    beside: tuple[str, ...] = field(repr=False)
    hidden_tokens: int
    limit: int | None
    limit_field: str
    choices: int
    is_streamed: bool
    wants_usage: bool
    options: Mapping[str, Any] = field(hash=False)
    body: Mapping[str, Any] = field(repr=False, hash=False)
    sent: bytes = field(repr=False)

    @property
    def is_exact(self) -> bool:
        """Whether the prompt is nothing but its messages, so that it can be counted exactly."""
        return not self.beside and not self.hidden_tokens
