"""Qwen 2.5 and 3."""

from __future__ import annotations

from collections.abc import Sequence

from estimator.counting.chat_formats.prompt import FramedPrompt, split_prefill
from estimator.counting.vocabularies import PromptPart
from experiment.prompts import Message


def chatml(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a ChatML chat as Qwen's models do. Source: Qwen 2.5's chat template."""
    closed, prefill = split_prefill(messages)
    return FramedPrompt(0, [*map(_frame_message, closed), ("<|im_start|>assistant\n", prefill)])


def qwen25(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a Qwen 2.5 chat: without a system message, it adds its own, of 21 tokens.

    Source: its chat template.
    """
    markers, parts = chatml(messages)
    return FramedPrompt(markers + (0 if messages[0].role == "system" else 21), parts)


def qwen3(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a Qwen 3 chat: past thoughts are dropped, an empty one precedes a prefill.

    Source: its chat template.
    """
    closed, prefill = split_prefill(messages)
    parts = [
        _frame_message(
            Message(role, _drop_thoughts(content))
            if role == "assistant"
            else Message(role, content)
        )
        for role, content in closed
    ]
    if len(closed) == len(messages):
        return FramedPrompt(0, [*parts, ("<|im_start|>assistant\n",)])
    thought = ""
    if "</think>" in prefill:
        before, _, _ = prefill.partition("</think>")
        thought = before.rstrip("\n").rpartition("<think>")[2].strip("\n")
    opened = f"<|im_start|>assistant\n<think>\n{thought}\n</think>\n\n"
    return FramedPrompt(0, [*parts, (opened, _drop_thoughts(prefill).lstrip("\n"))])


def qwen3_quiet(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a Qwen 3 chat with `enable_thinking: false`: an empty thought opens the answer.

    Source: its chat template.
    """
    framed = qwen3(messages)
    if messages and messages[-1].role == "assistant":
        return framed
    return FramedPrompt(framed.markers, [*framed.parts, ("<think>\n\n</think>\n\n",)])


def _drop_thoughts(content: str) -> str:
    return content.rpartition("</think>")[2].lstrip("\n") if "</think>" in content else content


def _frame_message(message: Message) -> PromptPart:
    return ("<|im_start|>", message.role, "\n", message.content, "<|im_end|>\n")
