"""Token counts and their exactness, and the protocol of what counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from experiment.prompts import Message

NO_VARIABLES: Mapping[str, object] = MappingProxyType({})


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
    """Counts what a provider bills for a prompt."""

    @property
    def name(self) -> str:
        """The family's name, such as `llama-3.1`, or the source of a custom tokenizer."""
        ...

    @property
    def exactness(self) -> Exactness:
        """How exact its counts are."""
        ...

    @property
    def error(self) -> str:
        """What a reader must know about counts that are not exact."""
        ...

    @property
    def scale(self) -> float:
        """Tokens for one token of o200k in ordinary English; converts lengths between models."""
        ...

    @property
    def bound_scale(self) -> float:
        """The same, but safe to reserve for."""
        ...

    def count(
        self, messages: Sequence[Message], template: Mapping[str, object] = NO_VARIABLES
    ) -> TokenCount:
        """Count a prompt. A final assistant message is a prefill: it is left open.

        Args:
            messages: of the prompt.
            template: variables that the request gives to the chat template.
        """
        ...

    def count_text(self, text: str) -> int:
        """Count a text by itself, without any framing."""
        ...
