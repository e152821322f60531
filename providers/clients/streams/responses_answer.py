"""A streamed answer of the Responses API: its last event has all of it.

Events as in https://developers.openai.com/api/reference/resources/responses/streaming-events. Where
the last event has no output, as some servers write it, the items that were done before are it.
"""

from __future__ import annotations

from typing import Any

from providers.clients.streams.merging import TextBudget, join_pieces, merge_piece

_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class ResponsesAnswer:
    """Finds the answer among the events of a response.

    Args:
        budget: of the texts that are kept.
    """

    def __init__(self, budget: TextBudget) -> None:
        self.error: dict[str, Any] | None = None
        self._budget = budget
        self._response: dict[str, Any] | None = None
        self._done: dict[str, Any] = {}  # items of the output

    def add(self, event: dict[str, Any]) -> None:
        """Add an event."""
        kind, response = event.get("type"), event.get("response")
        if kind in _ENDS and isinstance(response, dict):
            self._response = response
            failed = response.get("error")
            self.error = failed if isinstance(failed, dict) else self.error
        elif kind == "response.output_item.done" and isinstance(event.get("item"), dict):
            merge_piece(self._done, {"output": [event["item"]]}, self._budget)
        elif kind == "error" or event.get("error"):
            inner = event.get("error")
            self.error = inner if isinstance(inner, dict) else event

    def end(self) -> None:
        """Do nothing: the end is an event of its own."""

    def build(self) -> dict[str, Any] | None:
        """Return the response; None where it did not end, or where its usage is not known."""
        if self._response is None or not isinstance(self._response.get("usage"), dict):
            return None
        done = join_pieces(self._done)
        return self._response if self._response.get("output") else self._response | done
