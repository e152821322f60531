"""Strata of a run: what each came to, beside what was planned of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from estimator.forecast import Stratum
from estimator.workload import StratumKey
from experiment.definition import SUBJECT
from pricing.money import Money
from runner.ledger import Attempt, AttemptRecord, StoredAnswer

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
    records: Iterable[AttemptRecord], *, is_running: bool, has_crashed: bool
) -> set[AnswerName]:
    """Return what may still be answered, or was being sent when an execution crashed.

    Args:
        records: of the ledger.
        is_running: whether an execution goes on: what is tried and not answered is not given up.
        has_crashed: whether the last one ended unexpectedly.
    """
    if not is_running and not has_crashed:
        return set()
    seen = list(records)
    open_ = (each for each in seen if is_running or each.last_kind == "reserve")
    done = {name_answer(attempt) for attempt, _ in list_answered(seen)}
    return {name_answer(each.attempt) for each in open_} - done


def match_strata(
    planned: Iterable[Stratum], records: Iterable[AttemptRecord], in_flight: set[AnswerName]
) -> list[tuple[Stratum, StratumActual]]:
    """Return each planned stratum with what it came to.

    Args:
        planned: in their order.
        records: of the ledger.
        in_flight: what may still be answered.
    """
    by_key: dict[StratumKey, list[AttemptRecord]] = defaultdict(list)
    for record in records:
        attempt = record.attempt
        by_key[StratumKey(attempt.stage, attempt.model, attempt.condition)].append(record)
    return [(each, _sum_actual(by_key[each.key], in_flight)) for each in planned]


def _sum_actual(records: list[AttemptRecord], in_flight: set[AnswerName]) -> StratumActual:
    answered = list(list_answered(records))
    done = {name_answer(attempt) for attempt, _ in answered}
    answers = [answer for _, answer in answered]
    unanswered = {name_answer(each.attempt) for each in records} - done
    return StratumActual(
        requests=len(done),
        input_tokens=sum(answer.prompt_tokens for answer in answers),
        output_tokens=sum(answer.output for answer in answers),
        reasoning_tokens=sum(answer.hidden for answer in answers),
        cached_tokens=sum(answer.cache_read for answer in answers),
        cost=Money(sum(record.settled.pico for record in records)),
        truncated=sum(answer.finish == "length" for answer in answers),
        in_flight=len(unanswered & in_flight),
        failed=len(unanswered - in_flight),
    )
