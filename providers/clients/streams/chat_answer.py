"""A streamed chat completion, put together.

Chunks as in https://developers.openai.com/api/reference/resources/chat, and as others write them:
usage in a chunk of its own without choices, in the last one with choices, or in all; Groq's also in
`x_groq`; errors as `error`, or vLLM's `object: error`.
"""

from __future__ import annotations

from typing import Any

from providers.clients.streams.merging import TextBudget, join_pieces, merge_piece
from providers.generated_text import only_objects

_MOST_CHOICES = 1000
_APART = ("choices", "usage", "error", "object", "x_groq")


class ChatAnswer:
    """Puts the chunks of a chat completion together.

    Args:
        budget: of the texts that are kept.
    """

    def __init__(self, budget: TextBudget) -> None:
        self.error: dict[str, Any] | None = None
        self._budget = budget
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] | None = None
        self._is_done = False

    def add(self, chunk: dict[str, Any]) -> None:
        """Add a chunk."""
        if chunk.get("error") or chunk.get("object") == "error":
            inner = chunk.get("error")
            self.error = inner if isinstance(inner, dict) else chunk
        self._head |= {n: v for n, v in chunk.items() if n not in _APART and v is not None}
        self._usage = _find_usage(chunk) or self._usage
        for choice in only_objects(chunk.get("choices")):
            self._add_choice(choice)

    def end(self) -> None:
        """Note that the stream said that it is done."""
        self._is_done = True

    def build(self) -> dict[str, Any] | None:
        """Return the completion; None where it did not end, or where its usage is not known."""
        ended = bool(self._choices) and all(
            each.get("finish_reason") for each in self._choices.values()
        )
        if self._usage is None or not (ended or self._is_done):
            return None
        choices = [join_pieces(self._choices[number]) for number in sorted(self._choices)]
        whole = {"object": "chat.completion", "choices": choices, "usage": self._usage}
        return self._head | whole | ({"error": self.error} if self.error else {})

    def _add_choice(self, choice: dict[str, Any]) -> None:
        number = choice.get("index", 0)
        if not isinstance(number, int) or not 0 <= number < _MOST_CHOICES:
            return
        whole = self._choices.setdefault(number, {"index": number, "message": {}})
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            merge_piece(whole["message"], delta, self._budget)
        rest = {name: v for name, v in choice.items() if name not in ("delta", "message", "index")}
        reasons = {name: v for name, v in rest.items() if not isinstance(v, dict | list)}
        whole |= {name: v for name, v in reasons.items() if v is not None or name not in whole}
        merge_piece(whole, {n: v for n, v in rest.items() if n not in reasons}, self._budget)


def is_usage_chunk(chunk: object) -> bool:
    """Return whether a chunk holds nothing but the usage, as OpenAI sends it where it is asked."""
    return isinstance(chunk, dict) and chunk.get("choices") == [] and bool(chunk.get("usage"))


def _find_usage(chunk: dict[str, Any]) -> dict[str, Any] | None:
    beside = chunk.get("x_groq")
    others = beside.get("usage") if isinstance(beside, dict) else None
    usage = chunk.get("usage") or others
    return usage if isinstance(usage, dict) else None
