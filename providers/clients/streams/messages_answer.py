"""A streamed message of Anthropic's, put together.

Events as in https://platform.claude.com/docs/en/build-with-claude/streaming: `message_start` has
the input's usage, each `message_delta` cumulative figures, `message_stop` is the end; `ping` and
types that are not known are passed over.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from providers.clients.bodies import parse_quietly
from providers.clients.streams.merging import TextBudget, join_pieces, merge_piece

_MOST_BLOCKS = 10_000
_REQUIRED = ("input_tokens", "output_tokens")
# What a delta holds, and the field of its block that it goes on with.
_TEXTS = {"text": "text", "thinking": "thinking", "partial_json": "_json"}


class MessagesAnswer:
    """Puts the events of a message together.

    Args:
        budget: of the texts that are kept.
    """

    def __init__(self, budget: TextBudget) -> None:
        self.error: dict[str, Any] | None = None
        self._budget = budget
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._usage: dict[str, Any] = {}
        self._is_done = False

    def add(self, event: dict[str, Any]) -> None:
        """Add an event."""
        match event.get("type"):
            case "message_start":
                message = event.get("message")
                if isinstance(message, dict):
                    self._message = message | {"content": []}
                    _take_over(self._usage, message.get("usage"))
            case "content_block_start":
                self._merge_block(event.get("index"), event.get("content_block"))
            case "content_block_delta":
                self._merge_block(event.get("index"), _read_delta(event.get("delta")))
            case "message_delta":
                delta = event.get("delta")
                self._message |= delta if isinstance(delta, dict) else {}
                _take_over(self._usage, event.get("usage"))
            case "message_stop":
                self._is_done = True
            case "error":
                error = event.get("error")
                self.error = error if isinstance(error, dict) else event

    def end(self) -> None:
        """Do nothing: the end is `message_stop`."""

    def build(self) -> dict[str, Any] | None:
        """Return the message; None where it did not end, or where its usage is not known."""
        if not self._is_done or not self._usage.keys() >= set(_REQUIRED):
            return None
        content = [_close_block(self._blocks[number]) for number in sorted(self._blocks)]
        whole = self._message | {"content": content, "usage": self._usage}
        return whole | ({"error": self.error} if self.error else {})

    def _merge_block(self, number: object, piece: object) -> None:
        if isinstance(number, int) and isinstance(piece, dict) and 0 <= number < _MOST_BLOCKS:
            merge_piece(self._blocks.setdefault(number, {}), piece, self._budget)


def _read_delta(delta: object) -> dict[str, Any]:
    """Return a delta as a piece of its block."""
    if not isinstance(delta, dict):
        return {}
    texts = {_TEXTS[name]: value for name, value in delta.items() if name in _TEXTS}
    cited = {"citations": [delta["citation"]]} if "citation" in delta else {}
    others = {
        name: value
        for name, value in delta.items()
        if name not in (*_TEXTS, "type", "citation", "estimated_tokens")
    }
    return others | texts | cited


def _close_block(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block whole, with the input of its tool read."""
    whole: dict[str, Any] = join_pieces(block)
    written = whole.pop("_json", "")
    if isinstance(written, str) and written:
        parsed = parse_quietly(written.encode("utf-8", "replace"))
        whole["input"] = written if parsed is None else parsed
    return whole


def _take_over(usage: dict[str, Any], told: object) -> None:
    """Take later figures over, which are cumulative.

    Of the input the larger one stays, because some servers send zeros for what they said before.
    """
    for name, value in told.items() if isinstance(told, dict) else ():
        before = usage.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            _take_over(before, value)
        elif _is_number(value) and _is_number(before) and name != "output_tokens":
            usage[name] = max(before, value)
        elif value is not None or name not in usage:
            usage[name] = value


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
