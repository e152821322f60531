"""Read records: what can be asked of a ledger, each a part of its rows or of several together."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pricing.money import Money
from runner.ledger.records import (
    SECONDS,
    Attempt,
    Entry,
    StoredAnswer,
    count_answers,
    name_stored_finish,
)


class NotedEntry(NamedTuple):
    """An entry that says why money moved, with the answer to its attempt; None without one."""

    entry: Entry
    answer: StoredAnswer | None


class AttemptRecord(NamedTuple):
    """All that the ledger says of an attempt.

    Attributes:
        attempt: what was sent.
        answer: what came back; None unless its last entry is the one that settled it.
        settled, held: the sums over its entries.
        last_kind, last_at: of its last entry.
    """

    attempt: Attempt
    answer: StoredAnswer | None
    settled: Money
    held: Money
    last_kind: str
    last_at: str


class JobSpan(NamedTuple):
    """Where a job's entries stand: the numbers of the first and the last that is of an attempt."""

    job: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """An attempt that was answered.

    Attributes:
        attempt: what was sent.
        answer: what came back.
        settled: what it cost.
    """

    attempt: Attempt
    answer: StoredAnswer
    settled: Money


class BilledCall(NamedTuple):
    """What an answered attempt was billed; its fields are the columns, in their order.

    Attributes:
        job, stage, model, condition, query, sample, vote, counted: as in `Attempt`.
        prompt, output: tokens as the provider stated them; more may have been booked.
        written: tokens of the prompt that were written to a cache.
        finish: why the answer ended, in the words of `Completion`.
        settled: what was booked for it, in pico-dollars.
    """

    job: str
    stage: str
    model: str
    condition: str
    query: int
    sample: int
    vote: int
    counted: int
    prompt: int
    written: int
    output: int
    finish: str
    settled: int

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> BilledCall:
        """Create the record from the columns of `BILLED_CALL` and what was settled."""
        *columns, finish, settled = row
        return cls._make((*columns, name_stored_finish(finish or ""), int(settled or 0)))

    @classmethod
    def from_answer(cls, attempt: Attempt, answer: StoredAnswer, settled: Money) -> BilledCall:
        """Create the record of an attempt's answer, for which so much was settled."""
        return cls(
            *(attempt.job, attempt.stage, attempt.model, attempt.condition),
            *(attempt.query, attempt.sample, attempt.vote, attempt.counted),
            *(answer.prompt_tokens, answer.cache_write, answer.output),
            *(name_stored_finish(answer.finish), settled.pico),
        )


class Move(NamedTuple):
    """An entry that moved money of an attempt, with what the attempt is of.

    Attributes:
        seq, at, kind: of the entry.
        settled: by how much it changed what is settled, in pico-dollars.
        attempt: its id.
        call: the attempt's, with the tokens of its answer; those are 0 without one.
    """

    seq: int
    at: str
    kind: str
    settled: int
    attempt: str
    call: BilledCall

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Move:
        """Create the record from the entry's columns and those of `BILLED_CALL`."""
        *entry, prompt, written, output, finish = row
        tokens = (prompt or 0, written or 0, output or 0)
        call = BilledCall.from_row((*entry[5:], *tokens, finish, entry[3]))
        return cls._make((*entry[:5], call))


class Change(NamedTuple):
    """An entry, with what its attempt is of; made to follow a ledger that grows.

    Attributes:
        seq, at, kind: of the entry.
        aside, reserved, settled, held: the change of each account, in pico-dollars.
        note: why, in words.
        attempt: its id; empty where the entry is of no attempt, and then so is all that follows.
        job, number, stage, model, condition, query, sample, vote: as in `Attempt`.
        finish: why its answer ended, in the words of `Completion`; empty without one.
        cache_read, cache_write: tokens of its prompt, read from a cache and written to one.
    """

    seq: int
    at: str
    kind: str
    aside: int
    reserved: int
    settled: int
    held: int
    note: str
    attempt: str
    job: str
    number: int
    stage: str
    model: str
    condition: str
    query: int
    sample: int
    vote: int
    finish: str
    cache_read: int = 0
    cache_write: int = 0

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Change:
        """Create the record from its columns; those of an attempt are NULL without one."""
        if row[_ATTEMPT_OF_CHANGE] is None:
            return cls._make(row[: _ATTEMPT_OF_CHANGE - 1] + _NO_ATTEMPT)
        *others, finish, read, written = row
        ended = name_stored_finish(finish) if finish else ""
        return cls._make((*others, ended, read or 0, written or 0))


_ATTEMPT_OF_CHANGE = Change._fields.index("job")


_NO_ATTEMPT = ("", "", 0, "", "", "", 0, 0, 0, "", 0, 0)


class WholeJob(NamedTuple):
    """A job each of whose requests was sent once, and is answered.

    Attributes:
        job: its id.
        model, condition, query, sample: of its subject's request.
        verdicts: how many it has.
    """

    job: str
    model: str
    condition: str
    query: int
    sample: int
    verdicts: int


class StratumSums(NamedTuple):
    """What requests of one stage, model and condition came to.

    Attributes:
        stage, model, condition: of them.
        requests: how many were tried; the turns of an answer are one, as everywhere.
        answered: how many of them are answered.
        calls: how many attempts were answered.
        settled: what they were settled at, in pico-dollars.
    """

    stage: str
    model: str
    condition: str
    requests: int
    answered: int
    calls: int
    settled: int


class AnswerTime(NamedTuple):
    """How long an answer took.

    Attributes:
        model: as the experiment writes it.
        output: its tokens, as the provider stated them.
        seconds: from when it was sent; in ledgers of before that was kept, from its reservation
            until it was settled.
    """

    model: str
    output: int
    seconds: float

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> AnswerTime | None:
        """Create the record from its columns; None where the time is not known."""
        model, output, usage, reserved_at, settled_at = row
        if count_answers(usage or "") > 1:
            return None
        with suppress(ValueError, TypeError, AttributeError):
            stated = json.loads(usage).get(SECONDS) if SECONDS in usage else None
            between = datetime.fromisoformat(settled_at) - datetime.fromisoformat(reserved_at)
            seconds = between.total_seconds() if stated is None else float(stated)
            if 0 < seconds < math.inf and output > 0:
                return cls(model, int(output), seconds)
        return None


class OpenAttempt(NamedTuple):
    """An attempt that was sent, or is about to be, and of which no outcome is recorded.

    Attributes:
        attempt: what is sent.
        since: when its money was reserved, as ISO 8601 in UTC.
    """

    attempt: Attempt
    since: str


@dataclass(frozen=True, slots=True)
class BilledPrompt:
    """The prompt tokens of an answered call: as counted here, and as billed.

    Attributes:
        model: as the experiment writes it.
        counted, bound: here, and the most that it was expected to be billed.
        billed: by the provider.
        exactness: of the count.
        answers: that the call gave; several for votes that were asked for together.
    """

    model: str
    counted: int
    bound: int
    billed: int
    exactness: str
    answers: int = 1

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> BilledPrompt:
        """Create the record from its columns, of which the last is the usage as it is stored."""
        model, counted, bound, billed, exactness, usage = row
        return cls(model, counted, bound, billed, exactness, count_answers(usage or ""))
