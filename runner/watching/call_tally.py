"""Calls by model as a ledger grows: how many are under way, how fast, and what went wrong."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from experiment.scoring import ERROR
from runner.control import StatedWait
from runner.ledger import NEVER_SENT, Change, read_chunk_name

_RATE_SECONDS = 60.0  # over which a rate is counted
_LIMITED = re.compile(r"HTTP 429\b")  # in the note of what a provider refused
_LONGEST_NOTE = 200  # characters


@dataclass(frozen=True, slots=True)
class ModelCalls:
    """The calls of a model, over all stages.

    Attributes:
        model: with its provider.
        in_flight: being sent.
        in_batches: requests of batches that are away.
        answered: settled with an answer.
        a_minute: answers in the last minute.
        limited: refused because of the rate (HTTP 429).
        again: sent once more, after a failure or an answer that was none.
        failed: not billed, for another reason than the rate.
        held: sent, with an outcome that is not known, so the money is held.
        cached_tokens: of the prompts of its answers, read from a cache.
        last_error: the newest note of a call that failed; empty without one.
        waits: what workers ask nothing for now.
    """

    model: str
    in_flight: int
    in_batches: int
    answered: int
    a_minute: int
    limited: int
    again: int
    failed: int
    held: int
    cached_tokens: int
    last_error: str
    waits: tuple[StatedWait, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


@dataclass(slots=True)
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    answers: deque[float] = field(default_factory=deque)  # when, of the last minute
    last_error: str = ""


class CallTally:
    """Counts the calls of each model, entry by entry."""

    def __init__(self) -> None:
        self._models: dict[str, _Tally] = defaultdict(_Tally)
        self._sending: dict[str, str] = {}  # attempt -> model
        self._in_batches: dict[str, str] = {}  # the same of attempts in batches
        self._unsent: Counter[str] = Counter()  # request -> attempts that were never sent

    def add(self, change: Change) -> None:
        """Add the next entry that is of an attempt."""
        tally = self._models[change.model]
        if change.kind == "reserve":
            away = self._in_batches if read_chunk_name(change.note) else self._sending
            away[change.attempt] = change.model
            tally.counts["again"] += change.number > 1 + self._unsent[_name_request(change)]
            return
        self._sending.pop(change.attempt, None)
        self._in_batches.pop(change.attempt, None)
        if change.kind == "release" and change.note == NEVER_SENT:
            self._take_back(tally, change)
        elif change.kind == "settle" and change.finish != ERROR:
            tally.counts["answered"] += 1
            tally.counts["cached tokens"] += change.cache_read
            tally.counts["written tokens"] += change.cache_write
            tally.answers.append(datetime.fromisoformat(change.at).timestamp())
            _drop_old(tally.answers, tally.answers[-1])
        elif change.kind in ("release", "hold") or change.finish == ERROR:
            self._count_failure(tally, change)

    def _take_back(self, tally: _Tally, change: Change) -> None:
        """Count an attempt out again that was reserved, and never sent."""
        request = _name_request(change)
        tally.counts["again"] -= change.number > 1 + self._unsent[request]
        self._unsent[request] += 1

    def _count_failure(self, tally: _Tally, change: Change) -> None:
        if change.kind == "hold":
            tally.counts["held"] += 1
        elif _LIMITED.match(change.note):
            tally.counts["limited"] += 1
        else:
            tally.counts["failed"] += 1
        tally.last_error = change.note[:_LONGEST_NOTE]

    def list_cached(self) -> dict[str, tuple[int, int]]:
        """Return model as written -> tokens that were read from a cache, and written to one."""
        return {
            model: (tally.counts["cached tokens"], tally.counts["written tokens"])
            for model, tally in self._models.items()
        }

    def describe(
        self, names: Mapping[str, str], waits: Sequence[StatedWait], now: datetime
    ) -> tuple[ModelCalls, ...]:
        """Return the calls of each model.

        Args:
            names: model as the experiment writes it -> its name with its provider, in the order in
                which they are shown; a model of an earlier plan comes last.
            waits: what workers ask nothing for.
            now: the time.
        """
        sending, away = Counter(self._sending.values()), Counter(self._in_batches.values())
        written = dict.fromkeys([*names, *self._models])
        return tuple(
            self._describe_model(
                model, names.get(model, model), (sending[model], away[model]), waits, now
            )
            for model in written
        )

    def _describe_model(
        self,
        model: str,
        name: str,
        away: tuple[int, int],
        waits: Sequence[StatedWait],
        now: datetime,
    ) -> ModelCalls:
        tally = self._models[model]
        _drop_old(tally.answers, now.timestamp())
        return ModelCalls(
            model=name,
            in_flight=away[0],
            in_batches=away[1],
            answered=tally.counts["answered"],
            a_minute=len(tally.answers),
            limited=tally.counts["limited"],
            again=tally.counts["again"],
            failed=tally.counts["failed"],
            held=tally.counts["held"],
            cached_tokens=tally.counts["cached tokens"],
            last_error=tally.last_error,
            waits=tuple(each for each in waits if each.model == model),
        )


def _drop_old(times: deque[float], now: float) -> None:
    while times and times[0] < now - _RATE_SECONDS:
        times.popleft()


def _name_request(change: Change) -> str:
    """Return the id of the request that an attempt is at."""
    return change.attempt.rpartition(".")[0]
