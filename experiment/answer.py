"""Answers: what a model's text says once its tags are read. Model output is data, never code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from experiment.schema import AnswerFormat


@dataclass(frozen=True, slots=True)
class Answer:
    """A subject's answer.

    Attributes:
        output: what stands in the output tag; the whole text where no tag is used; empty where
            the model never came to its output.
        reasoning: what stands in the reasoning tags, joined by blank lines.
        accepted: the proxy. True: the output starts with the accept text; False: with the reject
            text; None: with neither.
    """

    output: str
    reasoning: str
    accepted: bool | None


def read_answer(text: str, form: AnswerFormat) -> Answer:
    """Read an answer's text, its prefill included."""
    output = _output(text, form)
    return Answer(output, _reasoning(text, form), _accepted(output, form))


def _output(text: str, form: AnswerFormat) -> str:
    opening = f"<{form.output}>"
    if opening in text:
        return text.rpartition(opening)[2].partition(f"</{form.output}>")[0].strip()
    return "" if f"<{form.reasoning}>" in text else text.strip()


def _reasoning(text: str, form: AnswerFormat) -> str:
    tag = re.escape(form.reasoning)
    blocks = re.findall(rf"<{tag}>(.*?)(?:</{tag}>|<{re.escape(form.output)}>|\Z)", text, re.DOTALL)
    return "\n\n".join(block.strip() for block in blocks)


def _accepted(output: str, form: AnswerFormat) -> bool | None:
    if output.startswith(form.accept):
        return True
    return False if output.startswith(form.reject) else None
