"""Retry: how often a request is sent again, and how long to wait before that."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from providers.rate_limits import MAX_WAIT
from runner.transport import Answered, NotBilled, Outcome, Unknown


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits on retrying one request.

    Attributes:
        max_unbilled: attempts that were not billed (429, refused connections), at most.
        max_held: attempts whose money is held (timeouts, 5xx), at most; each one may have been
            billed.
        base_delay, max_delay: seconds of the exponential backoff.
    """

    max_unbilled: int = 8
    max_held: int = 2
    base_delay: float = 1.0
    max_delay: float = 60.0

    def wait_seconds(self, attempt: int, retry_after: float | None) -> float:
        """Return the seconds to wait before the next attempt, with jitter."""
        backoff = min(self.base_delay * 2 ** (attempt - 1), self.max_delay)
        return max(float(backoff) * random.uniform(0.5, 1.0), min(retry_after or 0.0, MAX_WAIT))  # noqa: S311 - jitter


@dataclass(slots=True)
class RetryState:
    """The attempts of one request so far.

    Attributes:
        policy: when to give up.
        unbilled, held, answered: attempts so far, by what became of their money.
        money_spent: the last attempt's money is settled or held, so the next one needs its own.
        exhausted: nothing is sent again.
    """

    policy: RetryPolicy
    unbilled: int = 0
    held: int = 0
    answered: int = 0
    money_spent: bool = False
    exhausted: bool = False
    _retry_after: float | None = field(default=None)

    @property
    def was_sent(self) -> bool:
        """Whether anything was sent."""
        return self.unbilled + self.held + self.answered > 0

    def record(self, outcome: Outcome) -> None:
        """Record the outcome of an attempt."""
        self.money_spent, self._retry_after = not isinstance(outcome, NotBilled), None
        match outcome:
            case Answered():
                self.answered += 1
            case NotBilled():
                self.unbilled += 1
                gone = self.unbilled >= self.policy.max_unbilled
                self.exhausted = not outcome.failure.retries or gone
                self._retry_after = outcome.failure.wait
            case Unknown():
                self.held += 1
                gone = self.held >= self.policy.max_held
                self.exhausted = not outcome.failure.retries or gone

    def wait_seconds(self) -> float:
        """Return the seconds to wait before the next attempt."""
        return self.policy.wait_seconds(self.unbilled + self.held, self._retry_after)
