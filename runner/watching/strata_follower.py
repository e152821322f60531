"""The strata of a run as its ledger grows: the same figures as its status has, entry by entry."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from estimator.forecast import Stratum
from experiment.definition import SUBJECT
from experiment.scoring import ERROR
from pricing.money import Money
from runner.ledger import NEVER_SENT, Change
from runner.results import StratumActual

_Request = tuple[str, int]  # its job, and its vote
_Key = tuple[str, str, str]  # stage, model and condition
_ANSWERING = ("settle", "import")  # kinds of entries


@dataclass(slots=True)
class _Sums:
    """What a stratum has come to.

    Attributes:
        calls: how many were answered.
        settled: what they were billed, in pico-dollars.
        unanswered: requests that were tried, and how often.
        answered: the others; numbers are smaller than names, of which a long run has many.
    """

    calls: int = 0
    settled: int = 0
    unanswered: Counter[_Request] = field(default_factory=Counter)
    answered: set[int] = field(default_factory=set)

    def begin(self, request: _Request) -> None:
        if hash(request) not in self.answered:
            self.unanswered[request] += 1

    def take_back(self, request: _Request) -> None:
        """Count an attempt out again that was never sent."""
        self.unanswered[request] -= 1
        if self.unanswered[request] <= 0:  # or it is answered
            del self.unanswered[request]

    def finish(self, request: _Request) -> None:
        self.calls += 1
        self.unanswered.pop(request, None)
        self.answered.add(hash(request))


class StrataFollower:
    """Adds up what each stratum has come to."""

    def __init__(self) -> None:
        self._sums: dict[_Key, _Sums] = defaultdict(_Sums)
        self._sending: dict[str, tuple[_Key, _Request]] = {}  # by attempt

    def add(self, change: Change) -> None:
        """Add the next entry that is of an attempt."""
        key = change.stage, change.model, change.condition
        sums = self._sums[key]
        request = change.job, 0 if change.stage == SUBJECT else change.vote
        if change.kind == "reserve":
            sums.begin(request)
            self._sending[change.attempt] = key, request
            return
        self._sending.pop(change.attempt, None)
        sums.settled += change.settled
        if change.kind == "release" and change.note == NEVER_SENT:
            sums.take_back(request)
        if change.kind == "import":
            sums.begin(request)
        if change.kind in _ANSWERING and change.finish not in ("", ERROR):
            sums.finish(request)

    def match(
        self, planned: Iterable[Stratum], *, is_running: bool, has_crashed: bool
    ) -> Iterator[tuple[Stratum, StratumActual]]:
        """Yield each planned stratum with what it came to, without tokens.

        Args:
            planned: the plan's.
            is_running: whether an execution goes on: what is not answered is not given up.
            has_crashed: whether the last one ended unexpectedly.
        """
        for stratum in planned:
            sums = self._sums[stratum.key]
            unanswered = len(sums.unanswered)
            sending = self._count_sending(stratum.key) if has_crashed else 0
            in_flight = unanswered if is_running else sending
            yield (
                stratum,
                StratumActual(
                    requests=len(sums.answered),
                    cost=Money(sums.settled),
                    in_flight=in_flight,
                    failed=unanswered - in_flight,
                    turns=sums.calls if stratum.stage == SUBJECT else 0,
                ),
            )

    def _count_sending(self, key: _Key) -> int:
        open_ = {request for of, request in self._sending.values() if of == key}
        return len(open_ & self._sums[key].unanswered.keys())
