"""Patience: how often a request is sent again, and how long that waits."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits on sending one request again.

    Attributes:
        unbilled: sendings that were not billed (429, refused connections), at most.
        held: sendings whose money is held (timeouts, 5xx), at most; each one may have been billed.
        base, longest: seconds of the exponential backoff.
    """

    unbilled: int = 8
    held: int = 2
    base: float = 1.0
    longest: float = 60.0

    def wait(self, attempt: int, asked: float | None) -> float:
        """Give the seconds to wait before the next sending, with jitter."""
        backoff = min(self.base * 2 ** (attempt - 1), self.longest)
        return max(float(backoff) * random.uniform(0.5, 1.0), asked or 0.0)  # noqa: S311 - jitter


@dataclass(slots=True)
class Tries:
    """What became of the sendings of one request so far.

    Attributes:
        patience: when to give up.
        unbilled, held, answered: sendings so far, by what became of their money.
        money_spent: the last sending's money is settled or held, so the next one needs its own.
        over: nothing is sent again.
    """

    patience: Patience
    unbilled: int = 0
    held: int = 0
    answered: int = 0
    money_spent: bool = False
    over: bool = False
    _asked: float | None = field(default=None)

    @property
    def begun(self) -> bool:
        """Whether anything was sent."""
        return self.unbilled + self.held + self.answered > 0

    def note(self, outcome: Outcome) -> None:
        """Note what became of a sending."""
        self.money_spent, self._asked = not isinstance(outcome, NotBilled), None
        match outcome:
            case Answered():
                self.answered += 1
            case NotBilled():
                self.unbilled += 1
                self.over = not outcome.retry or self.unbilled >= self.patience.unbilled
                self._asked = outcome.after
            case Unknown():
                self.held += 1
                self.over = not outcome.retry or self.held >= self.patience.held

    def wait(self) -> float:
        """Give the seconds to wait before the next sending."""
        return self.patience.wait(self.unbilled + self.held, self._asked)
