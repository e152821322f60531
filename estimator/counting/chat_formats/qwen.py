"""Qwen 2.5 and 3."""

from __future__ import annotations

from collections.abc import Sequence

from estimator.counting.chat_formats.prompt import Prompt, without_prefill
from estimator.counting.vocabularies.vocabulary import Part
from experiment.prompts.request import Message


def chatml(messages: Sequence[Message]) -> Prompt:
    """Frame a ChatML chat as Qwen's models do. Source: Qwen 2.5's chat template."""
    closed, prefill = without_prefill(messages)
    return Prompt(0, [*map(_im, closed), ("<|im_start|>assistant\n", prefill)])


def qwen25(messages: Sequence[Message]) -> Prompt:
    """Frame a Qwen 2.5 chat: without a system message it reads one of its own, of 21 tokens.

    Source: its chat template.
    """
    markers, parts = chatml(messages)
    return Prompt(markers + (0 if messages[0].role == "system" else 21), parts)


def qwen3(messages: Sequence[Message]) -> Prompt:
    """Frame a Qwen 3 chat: past thoughts are dropped, an empty one stands before a prefill.

    Source: its chat template.
    """
    closed, prefill = without_prefill(messages)
    parts = [
        _im(Message(role, _spoken(content)) if role == "assistant" else Message(role, content))
        for role, content in closed
    ]
    if len(closed) == len(messages):
        return Prompt(0, [*parts, ("<|im_start|>assistant\n",)])
    thought = ""
    if "</think>" in prefill:
        before, _, _ = prefill.partition("</think>")
        thought = before.rstrip("\n").rpartition("<think>")[2].strip("\n")
    opened = f"<|im_start|>assistant\n<think>\n{thought}\n</think>\n\n"
    return Prompt(0, [*parts, (opened, _spoken(prefill).lstrip("\n"))])


def _spoken(content: str) -> str:
    return content.rpartition("</think>")[2].lstrip("\n") if "</think>" in content else content


def _im(message: Message) -> Part:
    return ("<|im_start|>", message.role, "\n", message.content, "<|im_end|>\n")
