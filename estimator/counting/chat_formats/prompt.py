"""The result of a chat format, and helpers that formats share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from estimator.counting.vocabularies import PromptPart
from experiment.prompts import Message

_MAX_CACHED = 4096


class FramedPrompt(NamedTuple):
    """A framed prompt: a number of marker tokens without text, and the text, in parts."""

    markers: int
    parts: list[PromptPart]


ChatFormat = Callable[[Sequence[Message]], FramedPrompt]

# What jinja2's `trim` does; a shared text stays one object.
strip_cached = lru_cache(_MAX_CACHED)(str.strip)


def split_prefill(messages: Sequence[Message]) -> tuple[Sequence[Message], str]:
    """Split off the text of a final assistant message, left open; empty without one."""
    if messages and messages[-1].role == "assistant":
        return messages[:-1], messages[-1].content
    return messages, ""


def join_texts(texts: Sequence[str]) -> PromptPart:
    """Join texts with an empty line between them, as pieces of one part."""
    return tuple(piece for text in texts for piece in ("\n\n", text))[1:]
