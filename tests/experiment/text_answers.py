"""Answers that are texts, as most tests need them."""

from __future__ import annotations

from experiment.scoring.answer import Answer, Thought
from experiment.scoring.completion import AnswerKind, ReasoningForm


def text_answer(output: str, reasoning: str = "", *, accepted: bool | None = None) -> Answer:
    """Return an answer with an output, and a scratchpad if there is any."""
    thoughts = (Thought(ReasoningForm.SCRATCHPAD, reasoning),) if reasoning else ()
    kind = AnswerKind.TEXT if output else AnswerKind.EMPTY
    return Answer(kind, output, thoughts, "", accepted)
