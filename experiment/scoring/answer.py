"""Answers: the tagged parts of a model's text. Model output is data, never code."""

from __future__ import annotations

from dataclasses import dataclass

from experiment.definition import AnswerFormat


@dataclass(frozen=True, slots=True)
class Answer:
    """A subject's answer.

    Attributes:
        output: the text in the output tag; the whole text if no tag is used; empty if the model
            stopped before its output.
        reasoning: the texts in the reasoning tags, joined by blank lines.
        accepted: the proxy. True: the output starts with the accept text; False: with the reject
            text; None: with neither.
    """

    output: str
    reasoning: str
    accepted: bool | None


def read_answer(text: str, answer_format: AnswerFormat) -> Answer:
    """Parse an answer's text, including its prefill."""
    tag = answer_format.reasoning
    blocks, rest = _cut_out_blocks(text, f"<{tag}>", f"</{tag}>")  # a draft in them is no output
    before, opening, after = rest.rpartition(f"<{answer_format.output}>")
    unfinished = (before if opening else rest).partition(f"<{answer_format.reasoning}>")[2]
    if opening:
        output = after.partition(f"</{answer_format.output}>")[0].strip()
    else:
        output = "" if blocks or unfinished else rest.strip()
    reasoning = "\n\n".join(block.strip() for block in [*blocks, unfinished] if block.strip())
    return Answer(output, reasoning, _classify_output(output, answer_format))


def _cut_out_blocks(text: str, opening: str, closing: str) -> tuple[list[str], str]:
    """Return what stands between two tags, and the text without it, in time linear in its length.

    An answer is written by a stranger: a regular expression takes minutes where a megabyte of
    opening tags is never closed.
    """
    blocks, kept, position = [], [], 0
    while (start := text.find(opening, position)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        blocks.append(text[start + len(opening) : end])
        kept.append(text[position:start])
        position = end + len(closing)
    return blocks, "".join([*kept, text[position:]])


def _classify_output(output: str, answer_format: AnswerFormat) -> bool | None:
    if output.startswith(answer_format.accept):
        return True
    return False if output.startswith(answer_format.reject) else None
