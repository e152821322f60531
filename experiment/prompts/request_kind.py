"""Kinds of requests: what all requests of a stage, a model and a condition have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiment.definition import VERDICT_SCHEMA, MessageTemplate
from experiment.prompts.request import Message


@dataclass(frozen=True, slots=True)
class RequestKind:
    """What all requests of a stage, a model and a condition have in common.

    Attributes:
        sampling: the fields of the requests.
        sampling_text: the same as JSON.
        takes_prefill: whether a final assistant message is sent.
        sent: what they send beside their messages, as a text that is a part of their ids.
        choices: how many answers one request may ask for at most.
    """

    sampling: dict[str, Any]
    sampling_text: str
    takes_prefill: bool
    sent: str
    choices: int = 1

    def sent_templates(self, templates: tuple[MessageTemplate, ...]) -> tuple[MessageTemplate, ...]:
        """Return the messages without a prefill that the model does not take."""
        if templates[-1].role == "assistant" and not self.takes_prefill:
            return templates[:-1]
        return templates


def leave_out_schema(_model: str, sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Return sampling fields without a verdict's schema."""
    return {name: value for name, value in sampling.items() if name != VERDICT_SCHEMA}


def identify_written(model: str, sampling: Mapping[str, Any]) -> object:
    """Return what tells requests apart beside their messages: the model and fields as written."""
    return [model, sampling]


def drop_empty_prefill(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return messages without a final assistant message that has no text, which is no prefill.

    Servers take it for a turn of its own. The ids of earlier versions count it.
    """
    empty = messages[-1] == ("assistant", "")
    return messages[:-1] if empty else messages
