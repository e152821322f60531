"""Retry: how often a request is sent again, and how long to wait before that."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from experiment.scoring import ERROR
from providers.failures import Failure, FailureMeaning, describe_unreadable
from providers.rate_limits import MAX_WAIT
from runner.transport import Answered, NotBilled, Outcome, Unknown

# They say something of the model, not of the request or of its stage.
OF_THE_MODEL = frozenset(
    {FailureMeaning.OVERLOADED, FailureMeaning.RATE_LIMIT, FailureMeaning.UNSENT}
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits on retrying requests, and on waiting for a model that is down.

    Attributes:
        max_unbilled: attempts that were not billed (429, refused connections), at most, while the
            model answers others.
        max_held: attempts whose money is held (timeouts, 5xx), at most; each one may have been
            billed. Those of an overloaded model count while it answers others.
        base_delay, max_delay: seconds of the exponential backoff, and between two probes of a model
            that is down.
        max_probes, give_up_after: failing probes in a row, or seconds, after which a model that is
            down is asked nothing more.
    """

    max_unbilled: int = 8
    max_held: int = 2
    base_delay: float = 1.0
    max_delay: float = 60.0
    max_probes: int = 64
    give_up_after: float = 3600.0

    def wait_seconds(self, attempt: int, retry_after: float | None) -> float:
        """Return the seconds to wait before the next attempt, with jitter."""
        backoff = min(self.base_delay * 2 ** (attempt - 1), self.max_delay)
        return max(float(backoff) * random.uniform(0.5, 1.0), min(retry_after or 0.0, MAX_WAIT))  # noqa: S311 - jitter


@dataclass(slots=True)
class RetryState:
    """The attempts of one request so far.

    Attributes:
        policy: when to give up.
        unbilled, held, answered: attempts so far, by what became of their money; without those that
            say something of the model alone.
        was_sent: whether anything was sent.
        money_spent: the last attempt's money is settled or held, so the next one needs its own.
        exhausted: nothing is sent again.
    """

    policy: RetryPolicy
    unbilled: int = 0
    held: int = 0
    answered: int = 0
    was_sent: bool = False
    money_spent: bool = False
    exhausted: bool = False
    _answers_seen: int | None = field(default=None)

    def record(self, outcome: Outcome, model_answers: int) -> None:
        """Record the outcome of an attempt.

        Args:
            outcome: of it.
            model_answers: how many answers the model gave so far.
        """
        self.was_sent, self.money_spent = True, not isinstance(outcome, NotBilled)
        counts = self._is_about_the_request(outcome, model_answers)
        match outcome:
            case Answered() if find_failure(outcome) is not None:
                self.held += 1
            case Answered():
                self.answered += 1
            case NotBilled(failure):
                self.unbilled += counts
                self.exhausted = not failure.retries
            case Unknown(failure):
                self.held += counts
                self.exhausted = not failure.retries
        self.exhausted |= self.unbilled >= self.policy.max_unbilled
        self.exhausted |= self.held >= self.policy.max_held

    def _is_about_the_request(self, outcome: Outcome, model_answers: int) -> bool:
        """Return whether a failure counts: the model's state does where others were answered."""
        if outcome.failure is None or outcome.failure.meaning not in OF_THE_MODEL:
            return True
        seen, self._answers_seen = self._answers_seen, model_answers
        return seen is not None and model_answers > seen

    def wait_seconds(self) -> float:
        """Return the seconds to wait before the next attempt."""
        return self.policy.wait_seconds(max(self.unbilled + self.held, 1), None)


def is_broken_off(outcome: Outcome) -> bool:
    """Return whether an answer came that the provider broke off: it is paid for, and is none."""
    if not isinstance(outcome, Answered):
        return False
    answers = outcome.response.choices or (outcome.response,)
    return all(each.finish == ERROR for each in answers)


def find_failure(outcome: Outcome) -> Failure | None:
    """Return the failure of an outcome; None where it is an answer."""
    if outcome.failure is None and is_broken_off(outcome):
        return describe_unreadable("the provider broke off its answer")
    if outcome.failure and outcome.failure.meaning is FailureMeaning.FILTERED:
        return None
    return outcome.failure
