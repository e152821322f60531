"""Strata of a run: what each came to, beside what was planned of it."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from estimator.forecast import Stratum
from experiment.definition import SUBJECT
from pricing.money import Money
from runner.ledger import Attempt, AttemptRecord, StoredAnswer
from runner.results.figures.lengths import Lengths, measure_lengths

AnswerName = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class StratumActual:
    """Actual figures of a stratum; tokens as the provider reported them, `cost` as settled.

    Attributes:
        requests: how many are answered.
        input_tokens, output_tokens, reasoning_tokens, cached_tokens: of all answers.
        cost: also of holds that were resolved.
        truncated: answers that end at `max_tokens`.
        in_flight: requests without an answer of an execution that goes on; after one that ended
            unexpectedly, those of which it is not known what became of them.
        failed: requests that were given up.
        turns: of a subject, how many requests its answers took: more than answers where they are
            written in several turns.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cost: Money = Money()  # noqa: RUF009 - frozen
    truncated: int = 0
    in_flight: int = 0
    failed: int = 0
    turns: int = 0


def list_answered(records: Iterable[AttemptRecord]) -> Iterator[tuple[Attempt, StoredAnswer]]:
    """Return the answered attempts with their answers."""
    return (
        (each.attempt, each.answer)
        for each in records
        if each.answer is not None and not each.answer.has_failed
    )


def name_answer(attempt: Attempt) -> AnswerName:
    """Return what an answer is of; an earlier version may have asked under several ids for it.

    The turns in which a subject writes its answer are of the same one.
    """
    return attempt.job, attempt.stage, 0 if attempt.stage == SUBJECT else attempt.vote


def find_in_flight(
    records: Sequence[AttemptRecord], *, is_running: bool, has_crashed: bool
) -> set[AnswerName]:
    """Return what may still be answered, or was being sent when an execution crashed.

    Args:
        records: of the ledger.
        is_running: whether an execution goes on: what is tried and not answered is not given up.
        has_crashed: whether the last one ended unexpectedly.
    """
    if not is_running and not has_crashed:
        return set()
    open_ = (each for each in records if is_running or each.last_kind == "reserve")
    done = {name_answer(attempt) for attempt, _ in list_answered(records)}
    return {name_answer(each.attempt) for each in open_} - done


@dataclass(slots=True)
class _Sums:
    """What a stratum has come to so far; as in `StratumActual`, the cost in pico-dollars."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cost: int = 0
    truncated: int = 0
    in_flight: int = 0
    failed: int = 0
    turns: int = 0
    lengths: array[int] = field(default_factory=lambda: array("q"))

    def add_answer(self, answer: StoredAnswer) -> None:
        self.input_tokens += answer.prompt_tokens
        self.output_tokens += answer.output
        self.reasoning_tokens += answer.hidden
        self.cached_tokens += answer.cache_read
        self.truncated += answer.finish == "length"


class StrataTally:
    """Adds up what each stratum of a run came to, job by job."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], _Sums] = defaultdict(_Sums)

    def add(self, records: Iterable[AttemptRecord], in_flight: Collection[AnswerName]) -> None:
        """Add a job.

        Args:
            records: of its attempts.
            in_flight: what of it may still be answered.
        """
        tried: dict[AnswerName, _Sums] = {}
        done: dict[AnswerName, int] = {}  # with its output tokens, of all turns
        for record in records:
            attempt, answer = record.attempt, record.answer
            sums = self._sums[attempt.stage, attempt.model, attempt.condition]
            sums.cost += record.settled.pico
            name = name_answer(attempt)
            tried[name] = sums
            if answer is not None and not answer.has_failed:
                done[name] = done.get(name, 0) + answer.output
                sums.add_answer(answer)
                sums.turns += attempt.stage == SUBJECT
        for name, sums in tried.items():
            if name in done:
                sums.requests += 1
                sums.lengths.append(done[name])
            elif name in in_flight:
                sums.in_flight += 1
            else:
                sums.failed += 1

    def match(self, planned: Iterable[Stratum]) -> Iterator[tuple[Stratum, StratumActual]]:
        """Yield each planned stratum with what it came to."""
        for stratum in planned:
            sums = self._sums[stratum.key]
            found = {name: getattr(sums, name) for name in StratumActual.__slots__}
            yield stratum, StratumActual(**found | {"cost": Money(sums.cost)})

    def measure_lengths(self, planned: Iterable[Stratum]) -> list[Lengths | None]:
        """Return how long the answers of each planned stratum are; None of one without any."""
        return [measure_lengths(self._sums[stratum.key].lengths) for stratum in planned]
