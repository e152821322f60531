"""Cut messages: the messages of a cell as texts, and cuts that a request fills in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from experiment.prompts.request import Message

if TYPE_CHECKING:  # it imports jinja2
    from experiment.prompts.rendering import Cut


class CutMessages:
    """The messages of a stage in a cell, each a text that all requests share, or a cut.

    Args:
        roles: of the messages.
        texts: as `Templates.cut` returns them.

    Attributes:
        names: the variables that they have places for.
        content: with the same content and variables they say the same.
        characters: of all texts.
    """

    def __init__(self, roles: Sequence[str], texts: Sequence[str | Cut]) -> None:
        self._messages = [
            Message(role, text if isinstance(text, str) else "")
            for role, text in zip(roles, texts, strict=True)
        ]
        self._cuts = [
            (place, roles[place], text)
            for place, text in enumerate(texts)
            if not isinstance(text, str)
        ]
        self.names = frozenset(name for _, _, cut in self._cuts for name in cut.names)
        self.content = tuple(
            (role, text if isinstance(text, str) else text.pieces)
            for role, text in zip(roles, texts, strict=True)
        )
        self._says_something = any(each.content for each in self._messages)
        self.characters = sum(
            len(text) if isinstance(text, str) else text.characters for text in texts
        )

    def fill(self, variables: Mapping[str, Any]) -> tuple[Message, ...] | None:
        """Return the messages with these values; None where they must be rendered."""
        messages, says_something = self._messages.copy(), self._says_something
        for place, role, cut in self._cuts:
            text = cut.fill(variables)
            if text is None:
                return None
            says_something = says_something or text != ""
            messages[place] = Message(role, text)
        return tuple(messages) if says_something else None
