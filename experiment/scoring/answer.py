"""Answers: the parts of what a model wrote, each named for what it is."""

from __future__ import annotations

from dataclasses import dataclass

from experiment.definition import AnswerFormat
from experiment.scoring.completion import (
    AnswerKind,
    Completion,
    ReasoningForm,
    classify_answer,
)

_THINK = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Thought:
    """A reasoning text, and where it is from."""

    form: ReasoningForm
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A subject's answer.

    Attributes:
        kind: what it is.
        output: the text in the output tag; the whole text if no tag is used; empty if the model
            stopped before its output.
        thoughts: its reasoning texts, those shown apart from the text first.
        refusal: what the model, or a filter, says of why it does not answer.
        accepted: the proxy. True: the output starts with the accept text; False: with the reject
            text; None: with neither.
    """

    kind: AnswerKind
    output: str
    thoughts: tuple[Thought, ...]
    refusal: str
    accepted: bool | None

    @classmethod
    def of_text(cls, output: str, reasoning: str) -> Answer:
        """Return an answer that stands for others: an accepted text with a scratchpad."""
        scratchpad = (Thought(ReasoningForm.SCRATCHPAD, reasoning),)
        return cls(AnswerKind.TEXT, output, scratchpad, refusal="", accepted=True)

    @property
    def reasoning(self) -> str:
        """All reasoning texts, joined by blank lines."""
        return "\n\n".join(thought.text for thought in self.thoughts)


def read_answer(completion: Completion, answer_format: AnswerFormat, prefill: str = "") -> Answer:
    """Parse an answer.

    Args:
        completion: what came back.
        answer_format: the experiment's tags.
        prefill: what the text continues.
    """
    thinking, text = _split_think(prefill + completion.text)
    scratchpad, output = _split_output(text, answer_format)
    native = ReasoningForm(completion.reasoning_form or ReasoningForm.NATIVE)
    thoughts = tuple(
        Thought(form, each.strip())
        for form, each in (
            (native, completion.reasoning),
            (ReasoningForm.THINK, thinking),
            (ReasoningForm.SCRATCHPAD, scratchpad),
        )
        if each.strip()
    )
    kind = classify_answer(completion, output)
    accepted = _classify_output(output, answer_format) if kind is AnswerKind.TEXT else None
    return Answer(kind, output, thoughts, completion.refusal, accepted)


def strip_thinking(text: str) -> str:
    """Return a text without what stands in `<think>` tags, also where one is not closed."""
    return _split_think(text)[1]


def _split_think(text: str) -> tuple[str, str]:
    """Return the thinking in a text, and the rest; a server may have kept the opening tag."""
    opening, closing = _THINK
    blocks, rest = _cut_out_blocks(text, opening, closing)
    before, closed, after = rest.partition(closing)
    if closed and opening not in before:
        blocks, rest = [before, *blocks], after
    rest, unfinished = rest.partition(opening)[::2]
    return "\n\n".join(filter(str.strip, [*blocks, unfinished])), rest


def _split_output(text: str, answer_format: AnswerFormat) -> tuple[str, str]:
    """Return the scratchpad in a text, and its output."""
    tag = answer_format.reasoning
    blocks, rest = _cut_out_blocks(text, f"<{tag}>", f"</{tag}>")  # a draft in them is no output
    before, opening, after = rest.rpartition(f"<{answer_format.output}>")
    unfinished = (before if opening else rest).partition(f"<{tag}>")[2]
    if opening:
        output = after.partition(f"</{answer_format.output}>")[0].strip()
    else:
        output = "" if blocks or unfinished else rest.strip()
    scratchpad = "\n\n".join(block.strip() for block in [*blocks, unfinished] if block.strip())
    return scratchpad, output


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
