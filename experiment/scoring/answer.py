"""Answers: the parts of what a model wrote, each named for what it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from experiment.definition import AnswerFormat
from experiment.scoring.completion import (
    STOP,
    AnswerKind,
    Completion,
    ReasoningForm,
    classify_answer,
)

# The tags in which models write their thoughts into a text, where a server leaves them there:
# https://docs.sglang.io/docs/advanced_features/separate_reasoning (DeepSeek, Qwen, Kimi),
# vllm/reasoning/{mistral,seedoss}_reasoning_parser.py; `thinking` as prompts ask for it.
_THINK_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
)
_OPENINGS = tuple(opening for opening, _ in _THINK_TAGS)


class Thought(NamedTuple):  # one or more for each answer
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
        identity: what tells it from other answers to the same request; see `texts_of_identity`.
    """

    kind: AnswerKind
    output: str
    thoughts: tuple[Thought, ...]
    refusal: str
    accepted: bool | None
    identity: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def of_text(cls, output: str, reasoning: str) -> Answer:
        """Return an answer that stands for others: an accepted text with a scratchpad."""
        scratchpad = (Thought(ReasoningForm.SCRATCHPAD, reasoning),)
        return cls(AnswerKind.TEXT, output, scratchpad, refusal="", accepted=True)

    @property
    def texts_of_identity(self) -> tuple[str, ...]:
        """What the id of a verdict on it is made of: for a ledger of before, what it was there."""
        return self.identity or (self.output, self.reasoning)

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
    whole = prefill + completion.text
    thinking, text = "", whole
    if _may_think(whole):
        begins = completion.text.lstrip().startswith(_OPENINGS)
        thinking, text = _split_thinking(whole, was_cut=begins or completion.finish != STOP)
    scratchpad, output = split = _split_output(text, answer_format)
    if 0 < len(output) <= len(prefill) and output == _read_given(prefill, answer_format):
        output = ""  # no model said that
    thoughts = _list_thoughts(completion, thinking, scratchpad)
    kind = classify_answer(completion, output)
    accepted = _classify_output(output, answer_format) if kind is AnswerKind.TEXT else None
    # Most texts have no thoughts in them, and are the same without.
    identity = _identify(
        completion, split if text == whole else _split_output(whole, answer_format)
    )
    return Answer(kind, output, thoughts, completion.refusal, accepted, identity)


def _list_thoughts(completion: Completion, thinking: str, scratchpad: str) -> tuple[Thought, ...]:
    """Return the reasoning texts of an answer, those shown apart from its text first."""
    found = []
    if shown := completion.reasoning.strip():
        native = ReasoningForm(completion.reasoning_form or ReasoningForm.NATIVE)
        found.append(Thought(native, shown))
    if thinking:
        found.append(Thought(ReasoningForm.THINK, thinking))
    if scratchpad:
        found.append(Thought(ReasoningForm.SCRATCHPAD, scratchpad))
    return tuple(found)


def strip_thinking(text: str) -> str:
    """Return a text without what stands in `<think>` tags, also where one is not closed."""
    return _split_thinking(text, was_cut=True)[1]


def find_unfinished_thought(text: str) -> int | None:
    """Return where a text opens `<think>` tags that it does not close; None where it does not."""
    found = (
        text.find(opening, text.rfind(closing) + 1)
        for opening, closing in _THINK_TAGS
        if text.rfind(opening) > text.rfind(closing)
    )
    return min(found, default=None)


@lru_cache(maxsize=64)
def _read_given(prefill: str, answer_format: AnswerFormat) -> str:
    """Return the output in a prefill."""
    return _split_output(_split_thinking(prefill, was_cut=True)[1], answer_format)[1]


def _identify(completion: Completion, split: tuple[str, str]) -> tuple[str, ...]:
    """Return what tells an answer from all others of its request.

    It begins with the output and the scratchpad as earlier versions read them, which knew of no
    `<think>` tags. For an answer in a ledger of theirs that is all, so that the verdicts on it are
    found again.
    """
    scratchpad, output = split
    newer = (completion.reasoning if completion.reasoning_form else "", completion.refusal)
    return (output, scratchpad, *(newer if any(newer) else ()))


def _split_thinking(text: str, *, was_cut: bool) -> tuple[str, str]:
    """Return the thinking in a text, and the rest.

    Args:
        text: of an answer.
        was_cut: it did not end by itself, so that a tag which is never closed begins a thought.
    """
    if not _may_think(text):
        return "", text
    found: list[str] = []
    for opening, closing in _THINK_TAGS:
        if opening in text or closing in text:
            blocks, text = _split_blocks(text, opening, closing, was_cut=was_cut)
            found += blocks
    return "\n\n".join(each.strip() for each in found if each.strip()), text


def _may_think(text: str) -> bool:
    """Return whether a text has the end of a tag in it: to look for each tag takes longer."""
    if "think" in text and ("think>" in text or "thinking>" in text or "think\u25b7" in text):
        return True
    return "THINK]" in text


def _split_blocks(text: str, opening: str, closing: str, *, was_cut: bool) -> tuple[list[str], str]:
    """Return what stands between two tags, and the rest.

    The opening tag may be in the prompt, so that only the closing one comes back. One that is not
    closed begins a thought at the start of a text, after another thought, or where the text was
    cut; elsewhere it is a word of the text.
    """
    blocks, kept, position = [], [], 0
    while (end := text.find(closing, position)) >= 0:
        start = text.find(opening, position, end)
        if start >= 0:
            kept.append(text[position:start])
        blocks.append(text[start + len(opening) if start >= 0 else position : end])
        position = end + len(closing)
    before, opened, unfinished = text[position:].partition(opening)
    if opened and (was_cut or blocks or not before.strip()):
        blocks.append(unfinished)
    else:
        before = text[position:]
    return blocks, "".join([*kept, before])


def _split_output(text: str, answer_format: AnswerFormat) -> tuple[str, str]:
    """Return the scratchpad in a text, and its output."""
    draft, draft_end, tag, tag_end = _write_tags(answer_format.reasoning, answer_format.output)
    blocks, rest = _cut_out_blocks(text, draft, draft_end)  # a draft in them is no output
    before, opening, after = rest.rpartition(tag)
    unfinished = (before if opening else rest).partition(draft)[2]
    if opening:
        output = after.partition(tag_end)[0].strip()
    else:
        output = "" if blocks or unfinished else rest.strip()
    if unfinished:
        blocks.append(unfinished)
    scratchpad = "\n\n".join(filter(None, map(str.strip, blocks)))
    return scratchpad, output


@lru_cache(maxsize=64)
def _write_tags(*names: str) -> tuple[str, ...]:
    """Return how each of some tags begins and ends in a text."""
    return tuple(tag for name in names for tag in (f"<{name}>", f"</{name}>"))


def _cut_out_blocks(text: str, opening: str, closing: str) -> tuple[list[str], str]:
    """Return what stands between two tags, and the text without it, in time linear in its length.

    An answer is written by a stranger: a regular expression takes minutes where a megabyte of
    opening tags is never closed.
    """
    blocks: list[str] = []
    kept: list[str] = []
    position = 0
    while (start := text.find(opening, position)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        blocks.append(text[start + len(opening) : end])
        kept.append(text[position:start])
        position = end + len(closing)
    return blocks, "".join([*kept, text[position:]]) if kept else text


def _classify_output(output: str, answer_format: AnswerFormat) -> bool | None:
    if output.startswith(answer_format.accept):
        return True
    return False if output.startswith(answer_format.reject) else None
