"""Job queries: all attempts of each job with their answers, some jobs at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from experiment.definition import SUBJECT
from runner.ledger.reading.job_rows import read_job_rows
from runner.ledger.reading.queries import Queries, list_marks, split
from runner.ledger.reading.read_records import AttemptRecord, JobSpan
from runner.ledger.reading.rows import ATTEMPT, STATED, WHOLE_ANSWER, read_money
from runner.ledger.records import NEVER_SENT, Attempt, StoredAnswer
from runner.ledger.schema import IS_ANSWER, Row

_SELECT_MOVES = (
    "SELECT attempt, "  # noqa: S608 - own names
    f"CASE WHEN kind = 'release' AND note = '{NEVER_SENT}' THEN '{NEVER_SENT}' ELSE kind END, "
    "at, settled, held FROM entry WHERE {} ORDER BY seq"
)
_MOVES_IN_RANGE = "attempt <> '' AND seq BETWEEN ? AND ?"
_MOVES_OF_JOBS = "attempt IN (SELECT id FROM attempt WHERE job IN ({}))"
_SELECT_SPANS = (  # of each job, its first and its last entry
    "SELECT job, MIN(seq), MAX(seq) FROM entry WHERE attempt <> '' GROUP BY job ORDER BY MIN(seq)"
)
_SELECT_JOBS = "SELECT DISTINCT job FROM attempt"
_COUNT_JOBS = "SELECT COUNT(DISTINCT job) FROM attempt"
_SELECT_SUBJECT_ATTEMPTS = f"""
SELECT attempt.* FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE entry.kind IN ('reserve', 'import') AND stage = ? AND attempt.id NOT IN
    (SELECT entry.attempt FROM entry WHERE kind = 'release' AND note = '{NEVER_SENT}')
ORDER BY entry.seq
"""  # noqa: S608 - own names
_SELECT_UNANSWERED_JOBS = (
    "SELECT DISTINCT job FROM attempt WHERE NOT EXISTS "  # noqa: S608 - own names
    f"(SELECT 1 FROM answer WHERE answer.attempt = attempt.id AND {IS_ANSWER})"
)
_JOBS_AT_A_TIME = 1000  # whose texts are in memory
_NEAR = 10_000  # entries within which a job mostly ends that was begun with others
# What an attempt's entries come to; nothing where somebody deleted them. Kind and time of the last
# one, and what is settled and held, in pico-dollars. It is a list, because of a long ledger very
# many are made.
_State = list[Any]
_JOB = 1  # the column of an attempt
_NO_ENTRY: _State = ["", "", 0, 0]


class JobQueries(Queries):
    """Reads the attempts of a ledger, job by job, but those that were never sent."""

    def jobs(self) -> Iterator[list[AttemptRecord]]:
        """Yield all attempts of each job, both in the order in which they were first reserved.

        Some jobs are in memory at a time, with their entries and texts, however long the ledger is.
        """
        count = 0
        for spans in self.job_spans():
            count += len(spans)
            yield from self.jobs_in(spans)
        yield from self.jobs_without_entries(count)

    def job_spans(self) -> Iterator[list[JobSpan]]:
        """Yield where the entries of jobs stand, of some jobs at a time, in the order of `jobs`."""
        rows = self._database.execute(_SELECT_SPANS)
        return ([JobSpan._make(row) for row in some] for some in split(rows, _JOBS_AT_A_TIME))

    def jobs_in(self, spans: Sequence[JobSpan]) -> Iterator[list[AttemptRecord]]:
        """Yield all attempts of jobs whose spans follow each other."""
        return self._read_jobs([each.job for each in spans], self._add_up_spans(spans))

    def jobs_without_entries(self, others: int) -> Iterator[list[AttemptRecord]]:
        """Yield the attempts of jobs whose entries somebody deleted.

        Args:
            others: how many jobs have entries.
        """
        if self._database.execute(_COUNT_JOBS).fetchone() != (others,):
            jobs = dict.fromkeys(job for (job,) in self._database.execute(_SELECT_JOBS))
            for job, *_ in self._database.execute(_SELECT_SPANS):
                jobs.pop(job, None)
            for chunk in split(jobs, _JOBS_AT_A_TIME):
                yield from self._read_jobs(chunk, {})

    def _add_up_spans(self, spans: Sequence[JobSpan]) -> dict[str, _State]:
        """Return what the entries of jobs come to that were begun one after the other.

        Those of most stand near each other, so that they are read in one stretch, with some of
        other jobs between them. What was paused and taken up again is looked for.
        """
        first, near = spans[0].first, spans[-1].first + _NEAR
        last = max((each.last for each in spans if each.last <= near), default=first)
        moves = self._database.execute(_SELECT_MOVES.format(_MOVES_IN_RANGE), (first, last))
        states = _add_up(moves)
        late = [each.job for each in spans if each.last > near]
        return states | self._add_up_jobs(late) if late else states

    def _add_up_jobs(self, jobs: list[str]) -> dict[str, _State]:
        """Return what the entries of jobs come to, wherever they stand."""
        marks = _MOVES_OF_JOBS.format(list_marks(jobs))
        return _add_up(self._database.execute(_SELECT_MOVES.format(marks), jobs))

    def jobs_of(self, jobs: Iterable[str]) -> Iterator[list[AttemptRecord]]:
        """Yield all attempts of some jobs, job by job, as they are given."""
        for chunk in split(jobs, _JOBS_AT_A_TIME):
            yield from self._read_jobs(chunk, self._add_up_jobs(chunk))

    def _read_jobs(
        self, jobs: list[str], states: Mapping[str, _State]
    ) -> Iterator[list[AttemptRecord]]:
        """Yield all attempts of some jobs that have any.

        Args:
            jobs: their ids.
            states: attempt -> what its entries come to, in the order of the first one of each.
        """
        found: dict[str, list[AttemptRecord]] = {job: [] for job in jobs}
        attempts, answers = read_job_rows(self._database, jobs)
        without = ((name, _NO_ENTRY) for name in attempts if name not in states)
        for name, state in chain(without, states.items()):
            row = attempts.get(name)
            if row is not None and state[0] != NEVER_SENT:  # else it is of another job
                found[row[_JOB]].append(_read_attempt(row, answers.get(name), state))
        return filter(None, found.values())

    def subject_attempts(self) -> Iterator[Attempt]:
        """Return all attempts at subject requests without their answers, in their order."""
        rows = self._database.execute(_SELECT_SUBJECT_ATTEMPTS, (SUBJECT,))
        return (Attempt.from_row(row[ATTEMPT]) for row in rows)

    def unanswered_jobs(self) -> list[str]:
        """Return the jobs with an attempt that was not answered, in no order."""
        return [job for (job,) in self._database.execute(_SELECT_UNANSWERED_JOBS)]


def _add_up(rows: Iterable[Row]) -> dict[str, _State]:
    """Return each attempt's id -> what its entries come to, in the order of the first ones."""
    states: dict[str, _State] = {}
    for attempt, *state in rows:
        known = states.setdefault(attempt, state)
        if known is not state:
            known[0], known[1] = state[0], state[1]
            known[2] += state[2]
            known[3] += state[3]
    return states


def _read_attempt(row: Row, answer: Row | None, state: _State) -> AttemptRecord:
    """Return the record of an attempt from its row and its answer's."""
    kind, at, settled, held = state
    return AttemptRecord(
        Attempt._make(row[ATTEMPT]),
        None if answer is None else _read_answer(answer),
        read_money(settled),
        read_money(held),
        kind,
        at,
    )


def _read_answer(row: Row) -> StoredAnswer:
    is_whole = len(row) == WHOLE_ANSWER and row.count(None) == (row[STATED] is None)
    return StoredAnswer._make(row[1:]) if is_whole else StoredAnswer.from_row(row[1:])
