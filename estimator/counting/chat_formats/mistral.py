"""Mistral's chat formats; in them, text that looks like a marker is ordinary text."""

from __future__ import annotations

from collections.abc import Sequence

from estimator.counting.chat_formats.prompt import FramedPrompt, join_texts, split_prefill
from estimator.counting.vocabularies import PromptPart
from experiment.prompts import Message


def mistral_v3(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a chat in Mistral's V3 format: system messages precede the last user message.

    Source: mistral-common; mistral-large billed 3 above the text of one user message.
    """
    system = [content for role, content in messages if role == "system" and content]
    turns = [turn for turn in _merge_neighbours(messages) if turn.role != "system"]
    if not turns or turns[0].role != "user":
        turns.insert(0, Message("user", ""))
    markers, parts = _frame_turns(turns)
    if system:
        last = max(number for number, (role, _) in enumerate(turns) if role == "user")
        parts[last] = (*join_texts(system), "\n\n", *parts[last])
    return FramedPrompt(1 + markers, parts)


def mistral_v7(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a chat in Mistral's V7 or later format: system messages are separate turns.

    Source: mistral-common.
    """
    markers, parts = _frame_turns(_merge_neighbours(messages))
    return FramedPrompt(1 + markers, parts)


def _frame_turns(turns: Sequence[Message]) -> tuple[int, list[PromptPart]]:
    """Return the number of markers (two a turn, one for an assistant's), and the texts."""
    closed, _ = split_prefill(turns)
    markers = sum(1 if role == "assistant" else 2 for role, _ in closed)
    texts: list[PromptPart] = [
        (content.rstrip(" ") if role == "assistant" else content,) for role, content in turns
    ]
    return markers, texts


def _merge_neighbours(messages: Sequence[Message]) -> list[Message]:
    """Merge adjacent messages of one role, except system, with an empty line between texts."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].role == message.role != "system":
            texts = (merged[-1].content, message.content)
            merged[-1] = Message(message.role, "\n\n".join(filter(None, texts)))
        else:
            merged.append(message)
    return merged
