"""Strata of a run: what each came to, beside what was planned of it."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
        input_tokens, output_tokens, reasoning_tokens: of all answers.
        cached_tokens, written_tokens: of the prompts, read from a cache and written to one.
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
    written_tokens: int = 0
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
        has_crashed: whether the last one ended unexpectedly, or left batches away.
    """
    if not is_running and not has_crashed:
        return set()
    open_ = (each for each in records if is_running or each.last_kind == "reserve")
    done = {name_answer(attempt) for attempt, _ in list_answered(records)}
    return {name_answer(each.attempt) for each in open_} - done


@dataclass(slots=True)
class TalliedSums:
    """What a stratum has come to so far; as in `StratumActual`, the cost in pico-dollars.

    `lengths` are the output tokens of each answer.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    cost: int = 0
    truncated: int = 0
    in_flight: int = 0
    failed: int = 0
    turns: int = 0
    lengths: array[int] = field(default_factory=lambda: array("q"))

    def add_answer(self, answer: StoredAnswer) -> None:
        """Add the tokens of an answer."""
        self.input_tokens += answer.input + answer.cache_read + answer.cache_write
        self.output_tokens += answer.output
        self.reasoning_tokens += answer.hidden
        self.cached_tokens += answer.cache_read
        self.written_tokens += answer.cache_write
        self.truncated += answer.finish == "length"


class StrataTally:
    """Adds up what each stratum of a run came to, job by job."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], TalliedSums] = defaultdict(TalliedSums)

    def add(self, records: Iterable[AttemptRecord], in_flight: Collection[AnswerName]) -> None:
        """Add a job.

        Args:
            records: of its attempts.
            in_flight: what of it, and of no other job, may still be answered.
        """
        tried: dict[tuple[str, int], TalliedSums] = {}  # by stage and vote, as in `name_answer`
        done: dict[tuple[str, int], int] = {}  # with its output tokens, of all turns
        for attempt, answer, settled, *_ in records:
            stage = attempt.stage
            sums = self._sums[stage, attempt.model, attempt.condition]
            sums.cost += settled.pico
            is_subject = stage == SUBJECT
            name = (stage, 0 if is_subject else attempt.vote)
            tried[name] = sums
            if answer is not None and not answer.has_failed:
                done[name] = done.get(name, 0) + answer.output
                sums.add_answer(answer)
                sums.turns += is_subject
        waiting = {(stage, vote) for _, stage, vote in in_flight} if in_flight else ()
        for name, sums in tried.items():
            if name in done:
                sums.requests += 1
                sums.lengths.append(done[name])
            elif name in waiting:
                sums.in_flight += 1
            else:
                sums.failed += 1

    def take_sums(self) -> dict[tuple[str, str, str], TalliedSums]:
        """Return each stratum's sums so far, and begin again."""
        taken, self._sums = dict(self._sums), defaultdict(TalliedSums)
        return taken

    def add_sums(self, sums: Mapping[tuple[str, str, str], TalliedSums]) -> None:
        """Add the sums of other jobs."""
        for key, more in sums.items():
            own = self._sums[key]
            for name in TalliedSums.__slots__:
                setattr(own, name, getattr(own, name) + getattr(more, name))

    def match(self, planned: Iterable[Stratum]) -> Iterator[tuple[Stratum, StratumActual]]:
        """Yield each planned stratum with what it came to."""
        for stratum in planned:
            sums = self._sums[stratum.key]
            found = {name: getattr(sums, name) for name in StratumActual.__slots__}
            yield stratum, StratumActual(**found | {"cost": Money(sums.cost)})

    def measure_lengths(self, planned: Iterable[Stratum]) -> list[Lengths | None]:
        """Return how long the answers of each planned stratum are; None of one without any."""
        return [measure_lengths(self._sums[stratum.key].lengths) for stratum in planned]
