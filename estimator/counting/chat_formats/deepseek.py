"""DeepSeek V3 and R1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from estimator.counting.chat_formats.prompt import Prompt, joined, without_prefill
from estimator.counting.vocabularies.vocabulary import Part
from experiment.prompts.request import Message


def deepseek_v3(messages: Sequence[Message]) -> Prompt:
    """Frame a DeepSeek V3 chat: all system messages stand first, without a mark.

    Source: its chat template; deepseek-chat billed 3 above the text of one user message.
    """
    return Prompt(0, _deepseek(messages, "<｜Assistant｜>", lambda content: content))


def deepseek_r1(messages: Sequence[Message]) -> Prompt:
    """Frame a DeepSeek R1 chat: V3's without past thoughts, and the answer opens with a thought.

    Source: its chat template of February 2025; deepseek-reasoner billed 6 tokens for "hello".
    """
    return Prompt(0, _deepseek(messages, "<｜Assistant｜><think>\n", _after_last_thought))


def deepseek_r1_0528(messages: Sequence[Message]) -> Prompt:
    """Frame a DeepSeek R1 0528 chat: every user message opens an answer, past thoughts are dropped.

    Source: its chat template.
    """
    parts = _deepseek_head(messages)
    closed, prefill = without_prefill(messages)
    for role, content in closed:
        if role == "user":
            parts.append(("<｜User｜>", content, "<｜Assistant｜>"))
        elif role == "assistant":
            parts.append((_after_last_thought(content), "<｜end▁of▁sentence｜>"))
    spoken = [role for role, _ in messages if role != "system"]
    if not spoken or spoken[-1] == "user":
        return Prompt(0, parts if spoken else [*parts, ("<｜Assistant｜>",)])
    return Prompt(0, [*parts, (_after_last_thought(prefill),)])


def deepseek_v31(messages: Sequence[Message]) -> Prompt:
    """Frame a DeepSeek V3.1 or V3.2 chat: the end or the start of a thought opens an answer.

    Source: V3.1's chat template. Either mark is one token, so thinking or not makes no difference.
    """
    parts = _deepseek_head(messages)
    opening: Part = ()
    for number, (role, content) in enumerate(messages, start=1):
        if role == "user":
            parts.append(("<｜User｜>", content))
            opening = ("<｜Assistant｜></think>",)
        elif role == "assistant":
            text = content.partition("</think>")[2] if "</think>" in content else content
            end = "" if number == len(messages) else "<｜end▁of▁sentence｜>"
            parts.append((*opening, text, end))
            opening = ()
    return Prompt(0, [*parts, opening] if messages[-1].role != "assistant" else parts)


def _deepseek(messages: Sequence[Message], opening: str, kept: Callable[[str], str]) -> list[Part]:
    """Frame a chat of V3 or the first R1: what opens the next answer, what past ones keep."""
    parts = _deepseek_head(messages)
    closed, prefill = without_prefill(messages)
    for role, content in closed:
        if role == "user":
            parts.append(("<｜User｜>", content))
        elif role == "assistant":
            parts.append(("<｜Assistant｜>", kept(content), "<｜end▁of▁sentence｜>"))
    if len(closed) < len(messages):
        return [*parts, ("<｜Assistant｜>", kept(prefill))]
    return [*parts, (opening,)]


def _deepseek_head(messages: Sequence[Message]) -> list[Part]:
    system = [content for role, content in messages if role == "system"]
    return [("<｜begin▁of▁sentence｜>", *joined(system))]


def _after_last_thought(content: str) -> str:
    return content.rpartition("</think>")[2] if "</think>" in content else content
