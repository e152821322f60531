"""Formats: how each family frames messages before it counts them.

Each format is written here from the family's published rules, and held in tests against the
published template itself. A final assistant message is a prefill: it is left open, so that the
model goes on from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from estimator.vocabulary import Vocabulary
from experiment.request import Message

Format = Callable[[Vocabulary, Sequence[Message]], int]

LLAMA3_ADDED = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|finetune_right_pad_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
    *(f"<|reserved_special_token_{number}|>" for number in range(248)),
)

_LLAMA31_DATES = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"


def llama31(vocabulary: Vocabulary, messages: Sequence[Message]) -> int:
    """Count a Llama 3.1 chat: a system turn with two dates, trimmed turns, an open last turn.

    Source: the chat template published with Llama-3.1-Instruct.
    """
    system, rest = "", list(messages)
    if rest and rest[0].role == "system":
        system = _strip(rest.pop(0).content)
    rendered = "<|begin_of_text|>" + _llama_turn("system", _LLAMA31_DATES + system) + "<|eot_id|>"
    open_turn = _llama_turn("assistant", "")
    if rest and rest[-1].role == "assistant":
        open_turn = _llama_turn("assistant", _strip(rest.pop().content))
    for role, content in rest:
        rendered += _llama_turn(role, _strip(content)) + "<|eot_id|>"
    return vocabulary.count(rendered + open_turn)


def _llama_turn(role: str, content: str) -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n{content}"


def _strip(text: str) -> str:
    return text.strip()  # what jinja2's `trim` does


def openai_chat(vocabulary: Vocabulary, messages: Sequence[Message]) -> int:
    """Count an OpenAI chat of the GPT-4 era: 3 a message and its role, 3 to open the answer.

    Special-token strings inside a message are ordinary text to the API. Source: OpenAI's cookbook
    on counting tokens; gpt-4o bills 7 above the bare text for one user message, as this gives.
    """
    return 3 + sum(3 + vocabulary.count(role) + vocabulary.count(text) for role, text in messages)


def harmony(vocabulary: Vocabulary, messages: Sequence[Message]) -> int:
    """Count a Harmony chat: 3 a message and its role, 2 to open the answer.

    Source: the published Harmony format of gpt-oss; GPT-5 speaks it too, but what its API puts
    before the first message is not published.
    """
    return openai_chat(vocabulary, messages) - 1


def bare(vocabulary: Vocabulary, messages: Sequence[Message]) -> int:
    """Count the texts alone, each by itself: what Gemini bills.

    Source: 200 of 200 billed calls of Gemini 3.1 Pro equal this count in Gemma 3's vocabulary.
    """
    return sum(vocabulary.count(text) for _, text in messages)
