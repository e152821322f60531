"""Run pace: how fast a run goes on, by the answers of its last minutes.

What is counted is work: the seconds that a call of so many tokens takes its model, by its speed.
So slow models and long answers count for more, and a rest of other models than those of the last
minutes is not taken for more of the same. What holds a run up, a rate limit as well as the
concurrency, is in the pace already.

A pause is left out: a time in which nothing is in flight, of a minute and a half or more, and
longer than ten times that between two answers: a limit may let through one call a minute. Nothing
here reads a clock: calls are told of in seconds of any clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from estimator.wall_time import Speed
from estimator.workload import StratumKey

FEWEST = 10  # answers, before they say how fast a run is
_WINDOW = 300.0  # seconds of work, of which the answers count
_MOST_ANSWERS = 5_000
_PAUSE_FACTOR, _LEAST_PAUSE = 10.0, 90.0  # times that between answers; seconds


class RunPace:
    """Follows the calls of a run, and says how fast it is.

    Args:
        speeds: of each model.
    """

    def __init__(self, speeds: Mapping[str, Speed]) -> None:
        self._speeds = speeds
        self._flying: dict[str, float] = {}  # call -> since when
        self._answers: deque[tuple[float, float]] = deque()  # active, work
        self._outputs: dict[StratumKey, tuple[int, int]] = {}  # stratum -> answers, their tokens
        self._active = 0.0  # seconds so far, without pauses
        self._last: float | None = None  # the moment of the last call that was told of
        self._began = 0.0  # active seconds before the first answer of the window

    @property
    def in_flight(self) -> int:
        """How many calls are in flight."""
        return len(self._flying)

    @property
    def answers(self) -> int:
        """How many answers of the last minutes there are."""
        return len(self._answers)

    def begin(self, call: str, at: float) -> None:
        """Say that a call is sent."""
        self._pass_time(at)
        self._flying[call] = at

    def finish(self, call: str, at: float, key: StratumKey | None = None, output: int = 0) -> None:
        """Say that a call is finished.

        Args:
            call: that was begun.
            at: when.
            key: the stratum that was answered; None where none was.
            output: tokens of its answer.
        """
        if self._flying.pop(call, None) is None:
            return
        self._pass_time(at, was_flying=True)
        if key is not None and key.model in self._speeds:
            number, tokens = self._outputs.get(key, (0, 0))
            self._outputs[key] = number + 1, tokens + output
            self._answers.append((self._active, self.weigh(key.model, output)))
            self._drop_old()

    def _drop_old(self) -> None:
        answers = self._answers
        while answers[0][0] < self._active - _WINDOW or len(answers) > _MOST_ANSWERS:
            self._began, _ = answers.popleft()

    def expect_output(self, key: StratumKey, planned: float) -> float:
        """Return how many tokens an answer of a stratum is to have: as so far, else as planned."""
        number, tokens = self._outputs.get(key, (0, 0))
        return tokens / number if number >= FEWEST else planned

    def weigh(self, model: str, output: float) -> float:
        """Return the work of a call: the seconds that one of so many tokens takes."""
        speed = self._speeds[model]
        return speed.first + output * speed.per_token

    def measure(self, now: float) -> float | None:
        """Return how much work is done in a second; None where that is too early to say."""
        if len(self._answers) < FEWEST:
            return None
        waiting = max(now - self._last, 0.0) if self._flying and self._last is not None else 0.0
        seconds = self._active + waiting - self._began
        done = sum(work for _, work in self._answers)
        return done / seconds if seconds > 0 and done > 0 else None

    @property
    def variation(self) -> float:
        """The squared coefficient of variation of the answers' work."""
        works = [work for _, work in self._answers]
        mean = sum(works) / len(works)
        return sum((work - mean) ** 2 for work in works) / len(works) / mean**2

    def _pass_time(self, at: float, *, was_flying: bool = False) -> None:
        """Count the time since the last call was told of, unless it was a pause."""
        since = 0.0 if self._last is None else max(at - self._last, 0.0)
        self._last = at if self._last is None else max(at, self._last)
        if self._flying or was_flying or since <= self._find_longest():
            self._active += since

    def _find_longest(self) -> float:
        """Return the longest time without a call that is no pause."""
        if len(self._answers) < 2:  # noqa: PLR2004 - two ends of a time
            return _LEAST_PAUSE
        between = (self._answers[-1][0] - self._answers[0][0]) / (len(self._answers) - 1)
        return max(_PAUSE_FACTOR * between, _LEAST_PAUSE)
