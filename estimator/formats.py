"""Formats: how each family frames messages before it reads them.

A format gives a prompt in parts, cut where tokens cannot merge, so that a part that many prompts
share is counted once; joined, they are the text that the model reads. What the frame adds in tokens
that no text stands for comes as a number.

Each is written here from the family's published rules, and held in tests against the published
template itself. A final assistant message is a prefill: it is left open, so that the model goes on
from it. Tools, images and several texts in one message are not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from estimator.vocabulary import Part
from experiment.request import Message


class Prompt(NamedTuple):
    """A framed prompt: tokens that no text stands for, and the text, in parts."""

    markers: int
    parts: list[Part]


Format = Callable[[Sequence[Message]], Prompt]

_KEPT = 4096
_strip = lru_cache(_KEPT)(str.strip)  # what jinja2's `trim` does; a shared text stays one object


def llama3(messages: Sequence[Message]) -> Prompt:
    """Frame a Llama 3 chat: trimmed turns, the last one open. Source: its chat template."""
    head: list[Part] = [("<|begin_of_text|>",)]
    return Prompt(0, head + _llama_turns(messages))


def llama31(messages: Sequence[Message]) -> Prompt:
    """Frame a Llama 3.1, 3.2 or 3.3 chat: as Llama 3, after a system turn with two dates.

    Source: their chat templates. That of 3.2 writes today's date, which always has as many tokens.
    """
    rest, system = messages, ""
    if messages[0].role == "system":
        rest, system = messages[1:], _strip(messages[0].content)
    head: list[Part] = [("<|begin_of_text|>",), (_LLAMA31_HEAD, system, "<|eot_id|>")]
    return Prompt(0, head + _llama_turns(rest))


_LLAMA31_HEAD = (
    "<|start_header_id|>system<|end_header_id|>\n\n"
    "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
)


def _llama_turns(messages: Sequence[Message]) -> list[Part]:
    closed, prefill = _without_prefill(messages)
    turns = [
        ("<|start_header_id|>", role, "<|end_header_id|>\n\n", _strip(content), "<|eot_id|>")
        for role, content in closed
    ]
    return [*turns, ("<|start_header_id|>assistant<|end_header_id|>\n\n", _strip(prefill))]


def llama4(messages: Sequence[Message]) -> Prompt:
    """Frame a Llama 4 chat: only a first system message is trimmed. Source: its chat template."""
    closed, prefill = _without_prefill(messages)
    parts: list[Part] = [("<|begin_of_text|>",)]
    for number, (role, content) in enumerate(closed):
        text = _strip(content) if number == 0 and role == "system" else content
        parts.append(("<|header_start|>", role, "<|header_end|>\n\n", text, "<|eot|>"))
    return Prompt(0, [*parts, ("<|header_start|>assistant<|header_end|>\n\n", prefill)])


def chatml(messages: Sequence[Message]) -> Prompt:
    """Frame a ChatML chat as Qwen's models do. Source: Qwen 2.5's chat template."""
    closed, prefill = _without_prefill(messages)
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
    closed, prefill = _without_prefill(messages)
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
    closed, prefill = _without_prefill(messages)
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
    closed, prefill = _without_prefill(messages)
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
    return [("<｜begin▁of▁sentence｜>", *_joined(system))]


def _after_last_thought(content: str) -> str:
    return content.rpartition("</think>")[2] if "</think>" in content else content


def gemma(messages: Sequence[Message]) -> Prompt:
    """Frame a Gemma chat: a system message stands at the head of the first turn.

    Source: Gemma 3's chat template. That of Gemma 2 refuses a system message; hosts that take one
    do the same with it.
    """
    rest, parts = messages, [("<bos>",)]  # type: tuple[Sequence[Message], list[Part]]
    system: Part = ()
    if messages[0].role == "system":
        rest, system = messages[1:], (messages[0].content, "\n\n")
    closed, prefill = _without_prefill(rest)
    for role, content in closed:
        name = "model" if role == "assistant" else role
        parts += [
            ("<start_of_turn>", name, "\n", *system),
            (_strip(content), "<end_of_turn>\n"),
        ]
        system = ()
    return Prompt(0, [*parts, ("<start_of_turn>model\n", *system), (_strip(prefill),)])


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
        parts[last] = (*_joined(system), "\n\n", *parts[last])
    return Prompt(1 + markers, parts)


def mistral_v7(messages: Sequence[Message]) -> Prompt:
    """Frame a chat as Mistral's V7 and later do: system messages are turns of their own.

    Source: mistral-common. Texts that look like a mark are ordinary.
    """
    markers, parts = _mistral_turns(_merged(messages))
    return Prompt(1 + markers, parts)


def _mistral_turns(turns: Sequence[Message]) -> tuple[int, list[Part]]:
    """Give the marks of turns, two around each but an assistant's, which only ends; and texts."""
    closed, _ = _without_prefill(turns)
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


def gpt_oss(messages: Sequence[Message]) -> Prompt:
    """Frame a gpt-oss chat: its own system turn of 61 tokens, a system message as a developer's.

    Source: its chat template. The system turn holds today's date and the reasoning effort; every
    date and every effort has as many tokens.
    """
    closed, prefill = _without_prefill(messages)
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


def bare(messages: Sequence[Message]) -> Prompt:
    """Give the texts alone, each by itself: what Gemini bills.

    Source: 200 of 200 billed calls of Gemini 3.1 Pro equal this count in Gemma 3's vocabulary.
    """
    return Prompt(0, [(content,) for _, content in messages])


def _without_prefill(messages: Sequence[Message]) -> tuple[Sequence[Message], str]:
    if messages and messages[-1].role == "assistant":
        return messages[:-1], messages[-1].content
    return messages, ""


def _joined(texts: Sequence[str]) -> Part:
    return tuple(piece for text in texts for piece in ("\n\n", text))[1:]


FORMATS: dict[str, Format] = {
    each.__name__: each
    for each in (
        *(llama3, llama31, llama4, chatml, qwen25, qwen3),
        *(deepseek_v3, deepseek_v31, deepseek_r1, deepseek_r1_0528),
        *(gemma, mistral_v3, mistral_v7, gpt_oss, openai_chat, harmony, bare),
    )
}
