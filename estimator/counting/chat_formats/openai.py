"""OpenAI's models, open and closed."""

from __future__ import annotations

from collections.abc import Sequence

from estimator.counting.chat_formats.prompt import Prompt, without_prefill
from estimator.counting.vocabularies.vocabulary import Part
from experiment.prompts.request import Message


def gpt_oss(messages: Sequence[Message]) -> Prompt:
    """Frame a gpt-oss chat: its own system turn of 61 tokens, a system message as a developer's.

    Source: its chat template. The system turn holds today's date and the reasoning effort; every
    date and every effort has as many tokens.
    """
    closed, prefill = without_prefill(messages)
    parts: list[Part] = []
    for number, (role, content) in enumerate(closed):
        match role:
            case "assistant":
                parts.append((f"{_ANSWER}<|message|>", content, "<|end|>"))
            case "user":
                parts.append(("<|start|>user<|message|>", content, "<|end|>"))
            case _ if content and number == 0:
                head = "<|start|>developer<|message|># Instructions\n\n"
                parts.append((head, content, "<|end|>"))
    opening = f"{_ANSWER}<|message|>" if len(closed) < len(messages) else "<|start|>assistant"
    return Prompt(61, [*parts, (opening, prefill)])


_ANSWER = "<|start|>assistant<|channel|>final"


def openai_chat(messages: Sequence[Message]) -> Prompt:
    """Frame an OpenAI chat of the GPT-4 era: 3 a message and its role, 3 to open the answer.

    Special-token strings inside a message are ordinary text to the API. Source: OpenAI's cookbook
    on counting tokens; gpt-4o bills 7 above the text of one user message, as this gives.
    """
    return Prompt(3 + 4 * len(messages), [(content,) for _, content in messages])


def harmony(messages: Sequence[Message]) -> Prompt:
    """Frame a chat for OpenAI's models since o1: as before, but 2 to open the answer.

    Source: the Harmony format; gpt-5 billed 9 for a user message of 3 tokens, and OpenAI's example
    of its count endpoint gives 11 for one of 5.
    """
    markers, parts = openai_chat(messages)
    return Prompt(markers - 1, parts)
