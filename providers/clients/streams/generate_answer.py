"""A streamed answer of Google's, put together.

Each chunk is a whole answer with a part of the text, as in
https://ai.google.dev/api/generate-content; the last has the reason of the end, and its usage
counts.
"""

from __future__ import annotations

from typing import Any

from providers.clients.streams.merging import TextBudget, join_pieces, merge_piece
from providers.generated_text import only_objects

_MOST_CANDIDATES = 1000
_APART = ("candidates", "usageMetadata", "error")


class GenerateAnswer:
    """Puts the chunks of an answer together.

    Args:
        budget: of the texts that are kept.
    """

    def __init__(self, budget: TextBudget) -> None:
        self.error: dict[str, Any] | None = None
        self._budget = budget
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._candidates: dict[int, dict[str, Any]] = {}

    def add(self, chunk: dict[str, Any]) -> None:
        """Add a chunk."""
        if chunk.get("error"):
            self.error = chunk["error"] if isinstance(chunk["error"], dict) else chunk
        self._head |= {n: v for n, v in chunk.items() if n not in _APART and v is not None}
        usage = chunk.get("usageMetadata")
        self._usage |= usage if isinstance(usage, dict) else {}
        for candidate in only_objects(chunk.get("candidates")):
            self._add_candidate(candidate)

    def end(self) -> None:
        """Do nothing: the end is in the candidates."""

    def build(self) -> dict[str, Any] | None:
        """Return the answer; None where it did not end, or where its usage is not known."""
        candidates = [self._candidates[number] for number in sorted(self._candidates)]
        feedback = self._head.get("promptFeedback")
        is_blocked = isinstance(feedback, dict) and bool(feedback.get("blockReason"))
        ended = all(each.get("finishReason") for each in candidates) if candidates else is_blocked
        if not self._usage or not ended:
            return None
        whole = {"candidates": join_pieces(candidates)} if candidates else {}
        error = {"error": self.error} if self.error else {}
        return self._head | whole | {"usageMetadata": self._usage} | error

    def _add_candidate(self, candidate: dict[str, Any]) -> None:
        number = candidate.get("index", 0)
        if not isinstance(number, int) or not 0 <= number < _MOST_CANDIDATES:
            return
        whole = self._candidates.setdefault(number, {})
        content = candidate.get("content")
        listed = candidate.get("logprobsResult")
        replaced = {
            name: value
            for name, value in candidate.items()
            if name not in ("content", "logprobsResult") and value is not None
        }
        whole |= replaced
        for name, piece in (("content", content), ("logprobsResult", listed)):
            if isinstance(piece, dict):
                merge_piece(whole, {name: piece}, self._budget)
