"""DeepSeek V3 and R1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from estimator.counting.chat_formats.prompt import FramedPrompt, join_texts, split_prefill
from estimator.counting.vocabularies import PromptPart
from experiment.prompts import Message


def deepseek_v3(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a DeepSeek V3 chat: all system messages come first, without a marker.

    Source: its chat template; deepseek-chat billed 3 above the text of one user message.
    """
    return FramedPrompt(0, _frame_chat(messages, "<｜Assistant｜>", lambda content: content))


def deepseek_r1(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a DeepSeek R1 chat: like V3 without past thoughts; the answer opens with a thought.

    Source: its chat template of February 2025; deepseek-reasoner billed 6 tokens for "hello".
    """
    return FramedPrompt(0, _frame_chat(messages, "<｜Assistant｜><think>\n", _drop_thoughts))


def deepseek_r1_0528(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a DeepSeek R1 0528 chat: each user message opens an answer, thoughts are dropped.

    Source: its chat template.
    """
    parts = _frame_system(messages)
    closed, prefill = split_prefill(messages)
    for role, content in closed:
        if role == "user":
            parts.append(("<｜User｜>", content, "<｜Assistant｜>"))
        elif role == "assistant":
            parts.append((_drop_thoughts(content), "<｜end▁of▁sentence｜>"))
    spoken = [role for role, _ in messages if role != "system"]
    if not spoken or spoken[-1] == "user":
        return FramedPrompt(0, parts if spoken else [*parts, ("<｜Assistant｜>",)])
    return FramedPrompt(0, [*parts, (_drop_thoughts(prefill),)])


def deepseek_v31(messages: Sequence[Message]) -> FramedPrompt:
    """Frame a DeepSeek V3.1 or V3.2 chat: an answer opens with a thought's start or end tag.

    Source: V3.1's chat template. Either tag is one token, so thinking or not makes no difference.
    """
    parts = _frame_system(messages)
    opening: PromptPart = ()
    for number, (role, content) in enumerate(messages, start=1):
        if role == "user":
            parts.append(("<｜User｜>", content))
            opening = ("<｜Assistant｜></think>",)
        elif role == "assistant":
            text = content.partition("</think>")[2] if "</think>" in content else content
            end = "" if number == len(messages) else "<｜end▁of▁sentence｜>"
            parts.append((*opening, text, end))
            opening = ()
    return FramedPrompt(0, [*parts, opening] if messages[-1].role != "assistant" else parts)


def _frame_chat(
    messages: Sequence[Message], opening: str, clean_answer: Callable[[str], str]
) -> list[PromptPart]:
    """Frame a chat of V3 or the first R1, given its opening and how past answers are cleaned."""
    parts = _frame_system(messages)
    closed, prefill = split_prefill(messages)
    for role, content in closed:
        if role == "user":
            parts.append(("<｜User｜>", content))
        elif role == "assistant":
            parts.append(("<｜Assistant｜>", clean_answer(content), "<｜end▁of▁sentence｜>"))
    if len(closed) < len(messages):
        return [*parts, ("<｜Assistant｜>", clean_answer(prefill))]
    return [*parts, (opening,)]


def _frame_system(messages: Sequence[Message]) -> list[PromptPart]:
    system = [content for role, content in messages if role == "system"]
    return [("<｜begin▁of▁sentence｜>", *join_texts(system))]


def _drop_thoughts(content: str) -> str:
    return content.rpartition("</think>")[2] if "</think>" in content else content
