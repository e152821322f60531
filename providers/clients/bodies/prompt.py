"""Prompt: what a reader collects from a body, and how it reads the parts of a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from experiment.prompts import Message
from providers.clients.bodies.json_text import write_json
from providers.errors import CannotPrice
from providers.secrets import quote_value

_CACHE_MARKS = ("cache_control", "prompt_cache_breakpoint")  # Anthropic's, OpenAI's
_NO_SCHEMA = ("text", "json_object")
# A guess: Anthropic adds a system text (https://platform.claude.com/docs/en/build-with-claude/
# structured-outputs) and does not say of what length; OpenAI adds none to a schema, as it bills.
_FORMAT_TOKENS = 500
_MEDIA = ("image", "audio", "video", "file", "document", "media")


@dataclass(slots=True)
class Prompt:
    """The prompt of a body, as far as it has been read.

    Attributes:
        messages, beside, hidden_tokens: as of `ClientCall`.
        cache_marks: the different marks of what is to be cached.
    """

    messages: list[Message] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    hidden_tokens: int = 0
    cache_marks: list[Any] = field(default_factory=list)

    def say(self, role: str, text: str) -> None:
        """Add a message."""
        self.messages.append(Message(role, text))

    def put_beside(self, value: object) -> None:
        """Add a text beside the messages; a list or an object as JSON, and nothing else."""
        if is_text(value):
            self.beside.append(value if isinstance(value, str) else write_json(value))

    def put_format(self, wanted: Mapping[str, Any]) -> None:
        """Add the form that an answer must have, which the API may introduce with a text."""
        if wanted and wanted.get("type") not in _NO_SCHEMA:
            self.put_beside(wanted)
            self.hidden_tokens += _FORMAT_TOKENS

    def put_rest(self, fields: Mapping[str, Any], *read: str) -> None:
        """Add the fields of an object that are not read elsewhere, as one text beside."""
        self.note_cache(fields)
        rest = {
            name: value
            for name, value in fields.items()
            if name not in (*read, *_CACHE_MARKS) and is_text(value)
        }
        self.put_beside(rest)

    def note_cache(self, fields: Mapping[str, Any]) -> None:
        """Note how an object is to be cached, where it says so."""
        for mark in (fields.get(name) for name in _CACHE_MARKS):
            if mark and mark not in self.cache_marks:
                self.cache_marks.append(mark)

    def read_parts(
        self, where: str, content: object, kinds: Mapping[str, str], beside: Iterable[str] = ()
    ) -> str:
        """Read a content that is a text, or a list of parts, and return its text.

        Where it has several parts of text, what is around the later ones is put beside, because an
        API may put something between them.

        Args:
            where: the field that it is in, for the errors.
            content: as it came.
            kinds: types of parts that are texts, with the field that holds each.
            beside: types of parts that are put beside, whole.

        Raises:
            CannotPrice: a part is of another type, or no text.
        """
        if content is None:
            return ""
        if isinstance(content, str):
            return content
        texts: list[str] = []
        for part in require_objects(where, content):
            kind = part.get("type", "text")
            if kind in beside:
                self.put_rest(part, "type")
                continue
            if not isinstance(kind, str) or kind not in kinds:
                raise refuse_part(where, kind)
            self.note_cache(part)
            text = part.get(kinds[kind])
            if not isinstance(text, str):
                raise CannotPrice(f"{where}: a part {kind} has no text; give it one")
            others = {name: value for name, value in part.items() if name != kinds[kind]}
            self.put_rest(others, *(() if texts else ("type",)))
            texts.append(text)
        return "".join(texts)


def is_text(value: object) -> bool:
    """Return whether a value holds any text; flags and numbers do not."""
    return isinstance(value, str | list | dict) and bool(value)


def require_objects(where: str, value: object) -> list[dict[str, Any]]:
    """Return a list of objects.

    Raises:
        CannotPrice: it is something else.
    """
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise CannotPrice(f"{where}: it is no list of objects; see the API's reference")
    return value


def require_object(where: str, value: object) -> dict[str, Any]:
    """Return an object; an empty one where there is none.

    Raises:
        CannotPrice: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CannotPrice(f"{where}: it is no object; see the API's reference")
    return value


def refuse_part(where: str, kind: object) -> CannotPrice:
    """Return the refusal of a part whose tokens cannot be bounded."""
    shown = quote_value(kind)
    if any(word in str(kind).lower() for word in _MEDIA):
        return CannotPrice(f"{where}: {shown} is no text, and afcost prices texts; leave it out")
    return CannotPrice(
        f"{where}: afcost cannot bound what {shown} stands for; write its text into the request"
    )
