"""Run pace: how fast a run goes on, by its last answers.

What is counted is work: the seconds that a call of so many tokens takes its model, by its speed.
So slow models and long answers count for more, and a rest of other models than those of the last
answers is not taken for more of the same. What holds a run up, a rate limit as well as the
concurrency, is in the pace already; slow start is not: while the number of calls in flight grows,
what was answered before says nothing.

A pause is left out, while nothing is in flight: one that was asked for, whatever its length, and
else a time of a minute and a half or more, and longer than ten times that between two answers: a
limit may let through one call a minute. Nothing here reads a clock: calls and pauses are told of in
seconds of any clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from estimator.wall_time import Speed
from estimator.workload import StratumKey

FEWEST = 10  # answers, before they say how fast a run is
_WINDOW, _ENOUGH = 30.0, 50  # seconds of work, and answers, that count at least
_MOST_ANSWERS = 5_000
_ROUNDS = 1.5  # answers of each place: in the first round the short ones come first
_GROWN = 1.25  # times as many in flight: slow start is not over
_PAUSE_FACTOR, _LEAST_PAUSE = 10.0, 90.0  # times that between answers; seconds


class _Moment(NamedTuple):
    """A moment of a run: its seconds so far without pauses, and those of all calls in them."""

    active: float
    flown: float


class _Answer(NamedTuple):
    """An answer: when, and the work of its call."""

    moment: _Moment
    work: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run is.

    Attributes:
        rate: the work that is done in a second.
        in_flight: calls, on average.
        answers: how many say so.
        variation: the squared coefficient of variation of their work.
    """

    rate: float
    in_flight: float
    answers: int
    variation: float


class RunPace:
    """Follows the calls of a run, and says how fast it is.

    Args:
        speeds: of each model.
    """

    def __init__(self, speeds: Mapping[str, Speed]) -> None:
        self._speeds = speeds
        self._flying: set[str] = set()
        self._answers: deque[_Answer] = deque()
        self._outputs: dict[StratumKey, tuple[int, int]] = {}  # stratum -> answers, their tokens
        self._now = self._began = _Moment(0.0, 0.0)  # the last call; where the answers begin
        self._last: float | None = None  # the moment of the last call that was told of
        self._most = 0.0  # in flight, at slow start's last step
        self._pauses: Sequence[tuple[float, float]] = ()

    def leave_out(self, pauses: Sequence[tuple[float, float]]) -> None:
        """Say which pauses were asked for, from and until when, before the calls after them."""
        self._pauses = pauses

    def begin(self, call: str, at: float) -> None:
        """Say that a call is sent."""
        self._pass_time(at)
        self._flying.add(call)
        if len(self._flying) >= _GROWN * self._most:
            self._most, self._began = float(len(self._flying)), self._now
            self._answers.clear()

    def finish(self, call: str, at: float, key: StratumKey | None = None, output: int = 0) -> None:
        """Say that a call is finished.

        Args:
            call: that was begun; another one changes nothing.
            at: when.
            key: the stratum that was answered; None where none was.
            output: tokens of its answer.
        """
        if call not in self._flying:
            return
        self._pass_time(at)
        self._flying.remove(call)
        if key is not None and key.model in self._speeds:
            number, tokens = self._outputs.get(key, (0, 0))
            self._outputs[key] = number + 1, tokens + output
            self._answers.append(_Answer(self._now, self.weigh(key.model, output)))
            self._drop_old()

    def expect_output(self, key: StratumKey, planned: float) -> float:
        """Return how many tokens an answer of a stratum is to have: as so far, else as planned."""
        number, tokens = self._outputs.get(key, (0, 0))
        return tokens / number if number >= FEWEST else planned

    def weigh(self, model: str, output: float) -> float:
        """Return the work of a call: the seconds that one of so many tokens takes."""
        speed = self._speeds[model]
        return speed.first + output * speed.per_token

    def measure(self, now: float) -> Pace | None:
        """Return how fast the run is; None where that is too early to say."""
        works = [each.work for each in self._answers]
        if len(works) < max(FEWEST, _ROUNDS * self._most):
            return None
        waiting = max(now - self._last, 0.0) if self._flying and self._last is not None else 0.0
        seconds = self._now.active + waiting - self._began.active
        flown = self._now.flown + waiting * len(self._flying) - self._began.flown
        mean = sum(works) / len(works)
        if seconds <= 0 or mean <= 0:
            return None
        variation = sum((each - mean) ** 2 for each in works) / len(works) / mean**2
        return Pace(sum(works) / seconds, flown / seconds, len(works), variation)

    def _drop_old(self) -> None:
        answers, since = self._answers, self._now.active - _WINDOW
        while len(answers) > _ENOUGH and (
            answers[0].moment.active < since or len(answers) > _MOST_ANSWERS
        ):
            self._began = answers.popleft().moment

    def _pass_time(self, at: float) -> None:
        """Count the time since the last call was told of, unless it was a pause."""
        since = 0.0 if self._last is None else max(at - self._last, 0.0)
        if self._last is not None and not self._flying:
            since = max(since - self._find_paused(self._last, at), 0.0)
        self._last = at if self._last is None else max(at, self._last)
        if self._flying or since <= self._find_longest():
            active, flown = self._now
            self._now = _Moment(active + since, flown + since * len(self._flying))

    def _find_paused(self, since: float, until: float) -> float:
        """Return how long the run was to be paused between two moments."""
        each = (min(end, until) - max(start, since) for start, end in self._pauses)
        return sum(seconds for seconds in each if seconds > 0)

    def _find_longest(self) -> float:
        """Return the longest time without a call that is no pause."""
        if len(self._answers) < 2:  # noqa: PLR2004 - two ends of a time
            return _LEAST_PAUSE
        first, last = self._answers[0].moment, self._answers[-1].moment
        between = (last.active - first.active) / (len(self._answers) - 1)
        return max(_PAUSE_FACTOR * between, _LEAST_PAUSE)
