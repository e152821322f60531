"""PromptParts: where the template of a call's prompt stands, apart from the conversation so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from providers.clients import ClientCall

_SEPARATOR = "\n\n"
PLACEHOLDER = "Placeholder "  # what texts in the answers of a rehearsal begin with


class PromptParts(NamedTuple):
    """The parts of a prompt by which its stage is known.

    Attributes:
        is_later: whether the model has answered before in this conversation.
        system: the texts of the system.
        last: what is asked now: the newest message that is not the beginning of the answer.
    """

    is_later: bool
    system: str
    last: str


@dataclass(frozen=True, slots=True)
class FixedText:
    """A text with how much of it stays the same when the answers in it change.

    Attributes:
        text: the whole.
        head: characters from its beginning.
        tail: characters from its end.
    """

    text: str
    head: int
    tail: int

    @property
    def reads(self) -> bool:
        """Whether an answer is in it."""
        return self.head < len(self.text)


def split_prompt(call: ClientCall) -> PromptParts:
    """Return the parts of a call's prompt."""
    messages = call.messages
    if messages and messages[-1].role == "assistant":  # it begins the answer
        messages = messages[:-1]
    system = _SEPARATOR.join(each.content for each in messages if each.role == "system")
    others = [each for each in messages if each.role != "system"]
    is_later = any(each.role == "assistant" for each in others)
    return PromptParts(is_later, system, others[-1].content if others else "")


def compare_texts(text: str, other: str | None) -> FixedText:
    """Return a text with what of it another one shares that differs in the answers alone."""
    answer = text.find(PLACEHOLDER)
    if other is None or text == other:
        return FixedText(text, answer, 0) if answer >= 0 else FixedText(text, len(text), len(text))
    shared = count_shared(text, other)
    rest = min(len(text), len(other)) - shared
    tail = count_shared(text[::-1][:rest], other[::-1][:rest])
    head = min(shared, answer) if answer >= 0 else shared  # a longer one may begin as a short one
    return FixedText(text, head, tail - text[len(text) - tail :].startswith("."))


def count_shared(one: str, other: str) -> int:
    """Return how many characters two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
