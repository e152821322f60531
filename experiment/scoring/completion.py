"""Completions: what came back for a request, as the provider returned it; never code."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

# Words for why an answer ended that mean the same whichever API says them; see `ModelResponse`.
STOP, LENGTH, FILTER, REFUSAL, ERROR = "stop", "length", "content_filter", "refusal", "error"


class AnswerKind(StrEnum):
    """What an answer is."""

    TEXT = "text"
    REFUSED = "refused"  # by the model, through a field of the API
    FILTERED = "filtered"  # a filter kept it, or its prompt, back
    TRUNCATED = "truncated"  # max_tokens, or the context, ended before any output
    EMPTY = "empty"
    FAILED = "failed"  # the provider broke off


class ReasoningForm(StrEnum):
    """Where a reasoning text is from."""

    NATIVE = "native"  # shown apart from the answer, in full
    SUMMARY = "summary"  # shown apart from the answer, summed up
    THINK = "think"  # in <think> tags of the text
    SCRATCHPAD = "scratchpad"  # in the tags that the experiment asks for


class Completion(NamedTuple):
    """What came back for a request.

    Attributes:
        text: what continues the request's prefill, without it.
        finish: why it ended: `stop`, `length`, `content_filter`, `refusal`, `error`, or the
            provider's own word.
        refusal: what the model, or a filter, says of why it does not answer.
        reasoning: what the provider shows apart from the text.
        reasoning_form: `native` or `summary`; empty in ledgers of earlier versions.
    """

    text: str
    finish: str = STOP
    refusal: str = ""
    reasoning: str = ""
    reasoning_form: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether the provider broke off, so that it is no answer and may be asked for again."""
        return self.finish == ERROR


def classify_answer(completion: Completion, output: str) -> AnswerKind:
    """Return what an answer is.

    Args:
        completion: as it came back.
        output: what is left of its text once reasoning is taken out.
    """
    match completion.finish:
        case "error":
            return AnswerKind.FAILED
        case "content_filter":
            return AnswerKind.FILTERED
        case "refusal":
            return AnswerKind.REFUSED
    if completion.refusal:
        return AnswerKind.REFUSED
    if output.strip() and completion.text.strip():
        return AnswerKind.TEXT
    return AnswerKind.TRUNCATED if completion.finish == LENGTH else AnswerKind.EMPTY
