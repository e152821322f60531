"""Account limits: what a provider lets an account send to a model in a minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """The limits of a model; None where none is known, which does not mean that there is none.

    Attributes:
        requests: a minute.
        tokens: a minute, of prompts and answers together, as the provider counts them.
    """

    requests: float | None = None
    tokens: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether any is known."""
        return bool(self.requests or self.tokens)

    def list_known(self) -> Iterator[tuple[str, float]]:
        """Yield what is limited, and to how many a minute."""
        if self.requests:
            yield "requests", self.requests
        if self.tokens:
            yield "tokens", self.tokens


@dataclass(frozen=True, slots=True)
class SeenLimits:
    """The limits of a model as an answer stated them in an earlier run.

    Attributes:
        limits: the stated ones.
        day: of that run.
    """

    limits: AccountLimits
    day: date

    def without(self, given: AccountLimits) -> SeenLimits | None:
        """Return those of which the user said nothing; None where none is left."""
        left = AccountLimits(
            None if given.requests else self.limits.requests,
            None if given.tokens else self.limits.tokens,
        )
        return SeenLimits(left, self.day) if left.is_known else None

    def to_json(self) -> dict[str, Any]:
        """Return them as JSON."""
        return {
            "requests_per_minute": self.limits.requests,
            "tokens_per_minute": self.limits.tokens,
            "seen": self.day.isoformat(),
        }


NO_LIMITS = AccountLimits()
