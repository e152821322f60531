"""Llama 3 to 4."""

from __future__ import annotations

from collections.abc import Sequence

from estimator.counting.chat_formats.prompt import FramedPrompt, split_prefill, strip_cached
from estimator.counting.vocabularies import PromptPart
from experiment.prompts import Message


def llama3(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a Llama 3 chat: trimmed turns, the last one open. Source: its chat template."""
    head: list[PromptPart] = [("<|begin_of_text|>",)]
    return FramedPrompt(0, head + _frame_turns(messages))


def llama31(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a Llama 3.1, 3.2 or 3.3 chat: as Llama 3, after a system turn with two dates.

    Source: their chat templates. That of 3.2 writes today's date, which always has as many tokens.
    """
    rest, system = messages, ""
    if messages[0].role == "system":
        rest, system = messages[1:], strip_cached(messages[0].content)
    head: list[PromptPart] = [("<|begin_of_text|>",), (_LLAMA31_HEAD, system, "<|eot_id|>")]
    return FramedPrompt(0, head + _frame_turns(rest))


_LLAMA31_HEAD = (
    "<|start_header_id|>system<|end_header_id|>\n\n"
    "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
)


def _frame_turns(messages: Sequence[Message]) -> list[PromptPart]:
    closed, prefill = split_prefill(messages)
    turns = [
        ("<|start_header_id|>", role, "<|end_header_id|>\n\n", strip_cached(content), "<|eot_id|>")
        for role, content in closed
    ]
    return [*turns, ("<|start_header_id|>assistant<|end_header_id|>\n\n", strip_cached(prefill))]


def llama4(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a Llama 4 chat: only a first system message is trimmed. Source: its chat template."""
    closed, prefill = split_prefill(messages)
    parts: list[PromptPart] = [("<|begin_of_text|>",)]
    for number, (role, content) in enumerate(closed):
        text = strip_cached(content) if number == 0 and role == "system" else content
        parts.append(("<|header_start|>", role, "<|header_end|>\n\n", text, "<|eot|>"))
    return FramedPrompt(0, [*parts, ("<|header_start|>assistant<|header_end|>\n\n", prefill)])
