"""The breaker: stops sending to what is down, and asks it with one request at a time.

    closed --failures in a row--> open until a time --one probe--> closed, or open for longer

An answer closes it. A probe that fails makes the next wait twice as long. Once nearly twice as much
is held as may be in flight, each one that leaves money held makes it four times as long, so that no
more is held by an outage of a minute.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from providers.failures import Failure, FailureMeaning
from providers.rate_limits import MAX_WAIT
from runner.execution.retry import OF_THE_MODEL, RetryPolicy

# Failures in a row, without an answer between, that open it; of any other that passes, three.
_AT_ONCE = frozenset({FailureMeaning.OVERLOADED, FailureMeaning.UNSENT})
_PASSING_IN_A_ROW, REFUSALS_IN_A_ROW = 3, 5
_UNPROVEN = 12  # part of the patience with a model that never answered
_HOLD_GROWTH = 4.0
_LONGEST_HOLD_WAIT = 2  # steps of that growth beyond `max_delay`, and ten times that at most
_LONGEST_WAIT = 10


@dataclass(eq=False, slots=True)
class Permit:
    """The permission to send one request.

    Attributes:
        job: that it belongs to.
        eras: breaker -> its era when this was given.
        probed: the breakers that this request is the probe of.
    """

    job: str
    eras: dict[Breaker, int] = field(default_factory=dict)
    probed: set[Breaker] = field(default_factory=set)

    @property
    def is_valid(self) -> bool:
        """Whether the request may still be sent: nothing has opened since."""
        return all(breaker.allows(self) for breaker in self.eras)


class Breaker:
    """Whether requests may be sent: to a model, or to a model for one stage.

    Args:
        policy: has the waits.
        concurrency: requests in flight, at most.
        has_answered: whether there was an answer before this execution.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        concurrency: int,
        *,
        has_answered: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._most_held = 2 * concurrency
        self._has_answered = has_answered
        self._clock = clock
        self._in_a_row: Counter[FailureMeaning] = Counter()
        self._refused: set[str] = set()  # jobs, in a row; several votes may ask the same
        self._opened_at: float | None = None
        self._opened_by: Failure | None = None
        self._until = -math.inf
        self._era = 0  # how often it has opened
        self._probe: Permit | None = None
        self._failed_probes = 0
        self._held = 0  # attempts since the last answer

    @property
    def is_open(self) -> bool:
        """Whether it asks for a probe before anything else is sent."""
        return self._opened_at is not None

    @property
    def last_message(self) -> str:
        """What it said when it opened; empty while it is closed."""
        return self._opened_by.message if self._opened_by else ""

    @property
    def has_given_up(self) -> bool:
        """Whether its probes have failed for so long that it should not be asked again."""
        if self._opened_at is None or self._opened_by is None:
            return False
        if not self._opened_by.passes:
            return not self._has_answered or self._failed_probes >= REFUSALS_IN_A_ROW
        asked_for = self._clock() - self._opened_at
        patience = self._policy.give_up_after
        if not self._has_answered and self._opened_by.meaning not in OF_THE_MODEL:
            patience /= _UNPROVEN  # it may never have worked
        return self._failed_probes > 0 and (
            self._failed_probes >= self._policy.max_probes or asked_for >= patience
        )

    def describe_failures(self) -> str:
        """Say how often, or for how long, it failed."""
        if self._opened_by is not None and not self._opened_by.passes:
            count = REFUSALS_IN_A_ROW + self._failed_probes
            if self._opened_by.meaning is FailureMeaning.UNREADABLE:
                return f"{count} answers in a row could not be read"
            return f"{count} requests in a row were refused"
        since = self._clock() if self._opened_at is None else self._opened_at
        minutes = (self._clock() - since) / 60
        return f"it was asked {self._failed_probes} more times in {minutes:.0f} min"

    def leave_out(self, seconds: float) -> None:
        """Leave the last seconds out of how long it was asked: nothing was, in a pause."""
        if self._opened_at is not None:
            self._opened_at = min(self._opened_at + seconds, self._clock())

    def seconds_left(self) -> float:
        """Return the seconds until a request may be sent; infinity while a probe is in flight."""
        if self._probe is not None and self.is_open:
            return math.inf
        if self._until == -math.inf:  # as long as all is well
            return 0.0
        return max(self._until - self._clock(), 0.0)

    def join(self, permit: Permit) -> None:
        """Add this breaker to a permit; where it is open, the request becomes its probe."""
        permit.eras[self] = self._era
        if self.is_open:
            self._probe = permit
            permit.probed.add(self)

    def allows(self, permit: Permit) -> bool:
        """Return whether a request that has a permit may be sent now."""
        if permit is self._probe:
            return True
        return not self.is_open and permit.eras[self] == self._era and self.seconds_left() == 0

    def cancel(self, permit: Permit) -> None:
        """Take a permit back whose request was not sent."""
        if permit is self._probe:
            self._probe = None

    def record_answer(self, permit: Permit) -> bool:
        """Record an answer; return whether that ends an outage in which money was held."""
        self._has_answered = True
        if self.is_open and permit is not self._probe:
            return False  # it was sent before the outage
        was_costly = self.is_open and self._held > 0
        self._close()
        return was_costly

    def _close(self) -> None:
        self._in_a_row.clear()
        self._refused.clear()
        self._opened_at = self._opened_by = self._probe = None
        self._failed_probes = self._held = 0

    def record_failure(self, permit: Permit, failure: Failure, *, is_held: bool) -> None:
        """Record a failure, and open, stay open for longer, or pause."""
        if permit is self._probe:
            self._probe = None
            self._failed_probes += 1
            if self._opened_by and self._opened_by.passes and not failure.passes:
                self._close()  # who refuses a request is up
        elif not self.is_open and permit.eras[self] != self._era:
            return  # it was sent before an outage that is over
        self._held += is_held
        if not self.is_open:
            self._count(permit, failure)
        if self.is_open:
            self._rest(max(self._backoff(self._failed_probes), self._hold_wait()), failure)
        elif failure.wait or failure.meaning is FailureMeaning.RATE_LIMIT:
            self._rest(self._backoff(self._in_a_row[failure.meaning] - 1), failure)

    def _count(self, permit: Permit, failure: Failure) -> None:
        """Count a failure, and open where there were too many in a row."""
        if failure.meaning is FailureMeaning.CONTEXT and self._has_answered:
            return  # of this prompt alone
        if failure.passes:
            self._in_a_row[failure.meaning] += 1
            most = 1 if failure.meaning in _AT_ONCE else _PASSING_IN_A_ROW
            is_down = self._in_a_row[failure.meaning] >= most
        else:
            self._refused.add(permit.job)
            is_down = len(self._refused) >= REFUSALS_IN_A_ROW
        if is_down:
            self._opened_at, self._opened_by = self._clock(), failure
            self._era += 1

    def _rest(self, seconds: float, failure: Failure) -> None:
        """Send nothing for some seconds, or for as long as the provider asks."""
        asked = min(failure.wait or 0.0, MAX_WAIT)
        self._until = max(self._until, self._clock() + max(seconds, asked))

    def _backoff(self, failed: int) -> float:
        return min(self._policy.base_delay * 2.0 ** max(0, min(failed, 30)), self._policy.max_delay)

    def _hold_wait(self) -> float:
        """Return how long to wait so that twice the concurrency is held in `max_delay`, at most."""
        if not self._held:
            return 0.0
        left = max(self._most_held - self._held, -_LONGEST_HOLD_WAIT)
        longest = self._policy.max_delay
        return min(longest * _HOLD_GROWTH**-left, longest * _LONGEST_WAIT)
