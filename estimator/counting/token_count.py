"""Token counts, each with how reliable it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from experiment.prompts import Message


class Exactness(StrEnum):
    """How a count was obtained, best first."""

    EXACT = "exact"  # the model's own vocabulary and template
    PROVIDER = "provider"  # the provider's count endpoint answered
    CALIBRATED = "calibrated"  # an offset learned from billed usage
    APPROXIMATE = "approximate"  # another vocabulary, scaled


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of one prompt.

    Attributes:
        tokens: the count.
        exactness: where it comes from.
        bound: a number of tokens that is safe to reserve for; equals `tokens` for an exact count.
    """

    tokens: int
    exactness: Exactness
    bound: int


class Tokenizer(Protocol):
    """Counts what a provider bills for a prompt.

    Attributes:
        name: the family, such as `llama-3.1`.
        exactness: that of its counts.
        error: what a reader must know of counts that are not exact.
        scale: tokens for one token of o200k in ordinary English; turns the length of one model's
            text into another's.
        bound_scale: the same, but safe to reserve for.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def exactness(self) -> Exactness: ...  # noqa: D102

    @property
    def error(self) -> str: ...  # noqa: D102

    @property
    def scale(self) -> float: ...  # noqa: D102

    @property
    def bound_scale(self) -> float: ...  # noqa: D102

    def count(self, messages: Sequence[Message]) -> TokenCount:
        """Count a prompt. A final assistant message is a prefill: it is left open."""
        ...

    def count_text(self, text: str) -> int:
        """Count a text by itself, without any framing."""
        ...
