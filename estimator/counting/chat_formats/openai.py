"""OpenAI's chat formats, of open and closed models."""

from __future__ import annotations

from collections.abc import Sequence

from estimator.counting.chat_formats.prompt import FramedPrompt, split_prefill
from estimator.counting.vocabularies import PromptPart
from experiment.prompts import Message


def gpt_oss(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a gpt-oss chat: a built-in system turn of 61 tokens; system becomes developer.

    Source: its chat template. The system turn holds today's date and the reasoning effort; every
    date and every effort has as many tokens.
    """
    closed, prefill = split_prefill(messages)
    parts: list[PromptPart] = []
    for number, (role, content) in enumerate(closed):
        match role:
            case "assistant":
                parts.append((f"{_ANSWER_HEAD}<|message|>", content, "<|end|>"))
            case "user":
                parts.append(("<|start|>user<|message|>", content, "<|end|>"))
            case _ if content and number == 0:
                head = "<|start|>developer<|message|># Instructions\n\n"
                parts.append((head, content, "<|end|>"))
    opening = f"{_ANSWER_HEAD}<|message|>" if len(closed) < len(messages) else "<|start|>assistant"
    return FramedPrompt(61, [*parts, (opening, prefill)])


_ANSWER_HEAD = "<|start|>assistant<|channel|>final"


def openai_chat(messages: Sequence[Message]) -> FramedPrompt:
    """Frame an OpenAI chat of the GPT-4 era: 4 tokens a message, 3 to open the answer.

    Special-token strings inside a message are ordinary text to the API. Source: OpenAI's cookbook
    on counting tokens; gpt-4o bills 7 above the text of one user message, the same as here.
    """
    return FramedPrompt(3 + 4 * len(messages), [(content,) for _, content in messages])


def harmony(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a chat for OpenAI's models since o1: as `openai_chat`, but 2 to open the answer.

    Source: the Harmony format; gpt-5 billed 9 for a user message of 3 tokens, and the example for
    OpenAI's count endpoint has 11 for one of 5.
    """
    markers, parts = openai_chat(messages)
    return FramedPrompt(markers - 1, parts)
