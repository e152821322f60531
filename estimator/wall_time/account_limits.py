"""Account limits: what a provider lets an account send to a model in a minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


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


NO_LIMITS = AccountLimits()
