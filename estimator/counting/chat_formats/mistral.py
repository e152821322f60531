"""Mistral's versions of its format. There, texts that look like a mark are ordinary."""

from __future__ import annotations

from collections.abc import Sequence

from estimator.counting.chat_formats.prompt import Prompt, joined, without_prefill
from estimator.counting.vocabularies.vocabulary import Part
from experiment.prompts.request import Message


def mistral_v3(messages: Sequence[Message]) -> Prompt:
    """Frame a chat as Mistral's V3 does: the system messages head the last user message.

    Source: mistral-common; mistral-large billed 3 above the text of one user message. Texts that
    look like a mark are ordinary.
    """
    system = [content for role, content in messages if role == "system" and content]
    turns = [turn for turn in _merged(messages) if turn.role != "system"]
    if not turns or turns[0].role != "user":
        turns.insert(0, Message("user", ""))
    markers, parts = _mistral_turns(turns)
    if system:
        last = max(number for number, (role, _) in enumerate(turns) if role == "user")
        parts[last] = (*joined(system), "\n\n", *parts[last])
    return Prompt(1 + markers, parts)


def mistral_v7(messages: Sequence[Message]) -> Prompt:
    """Frame a chat as Mistral's V7 and later do: system messages are turns of their own.

    Source: mistral-common. Texts that look like a mark are ordinary.
    """
    markers, parts = _mistral_turns(_merged(messages))
    return Prompt(1 + markers, parts)


def _mistral_turns(turns: Sequence[Message]) -> tuple[int, list[Part]]:
    """Give the marks of turns, two around each but an assistant's, which only ends; and texts."""
    closed, _ = without_prefill(turns)
    markers = sum(1 if role == "assistant" else 2 for role, _ in closed)
    texts: list[Part] = [
        (content.rstrip(" ") if role == "assistant" else content,) for role, content in turns
    ]
    return markers, texts


def _merged(messages: Sequence[Message]) -> list[Message]:
    """Join neighbours of one role, but system messages, by an empty line; empty ones vanish."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].role == message.role != "system":
            texts = (merged[-1].content, message.content)
            merged[-1] = Message(message.role, "\n\n".join(filter(None, texts)))
        else:
            merged.append(message)
    return merged
