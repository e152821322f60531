"""Gemma and Gemini."""

from __future__ import annotations

from collections.abc import Sequence

from estimator.counting.chat_formats.prompt import FramedPrompt, split_prefill, strip_cached
from estimator.counting.vocabularies import PromptPart
from experiment.prompts import Message


def gemma(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a Gemma chat: a system message begins the first turn.

    Source: Gemma 3's chat template. Gemma 2's rejects a system message; hosts that accept one do
    the same with it.
    """
    rest, parts = messages, [("<bos>",)]  # type: tuple[Sequence[Message], list[PromptPart]]
    system: PromptPart = ()
    if messages[0].role == "system":
        rest, system = messages[1:], (messages[0].content, "\n\n")
    closed, prefill = split_prefill(rest)
    for role, content in closed:
        name = "model" if role == "assistant" else role
        parts += [
            ("<start_of_turn>", name, "\n", *system),
            (strip_cached(content), "<end_of_turn>\n"),
        ]
        system = ()
    return FramedPrompt(0, [*parts, ("<start_of_turn>model\n", *system), (strip_cached(prefill),)])


def bare(messages: Sequence[Message]) -> FramedPrompt:
    """Return only the texts, each as its own part: this is what Gemini bills.

    Source: 200 of 200 billed calls of Gemini 3.1 Pro equal this count in Gemma 3's vocabulary.
    """
    return FramedPrompt(0, [(content,) for _, content in messages])
