"""What a format gives, and what formats have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from estimator.counting.vocabularies.vocabulary import Part
from experiment.prompts.request import Message

_KEPT = 4096


class Prompt(NamedTuple):
    """A framed prompt: tokens that no text stands for, and the text, in parts."""

    markers: int
    parts: list[Part]


Format = Callable[[Sequence[Message]], Prompt]

strip = lru_cache(_KEPT)(str.strip)  # what jinja2's `trim` does; a shared text stays one object


def without_prefill(messages: Sequence[Message]) -> tuple[Sequence[Message], str]:
    """Split off the text of a final assistant message, which is left open; empty without one."""
    if messages and messages[-1].role == "assistant":
        return messages[:-1], messages[-1].content
    return messages, ""


def joined(texts: Sequence[str]) -> Part:
    """Join texts by an empty line, as pieces of one part."""
    return tuple(piece for text in texts for piece in ("\n\n", text))[1:]
