"""Reading a ledger: typed records of what it says, as of one moment.

Together with `Ledger` and `JobTable` this is all the SQL on a ledger. What returns an iterator
fetches its rows while they are asked for, so that a long ledger need not fit in memory.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TypeVar

from experiment.definition import SUBJECT
from experiment.prompts import SUBJECT_MARK, VERDICT_MARK
from experiment.scoring import Completion
from pricing.money import Money
from runner.approval import Approval
from runner.errors import LedgerError
from runner.ledger import hash_chain
from runner.ledger.approvals import read_approvals
from runner.ledger.records import (
    FIRST_OF_SEVERAL,
    AnsweredCall,
    AnswerTime,
    Attempt,
    AttemptRecord,
    Balance,
    BilledCall,
    BilledPrompt,
    Change,
    EarlierAttempt,
    Entry,
    ExecutionEnd,
    JobSpan,
    Move,
    NotedEntry,
    OpenAttempt,
    StoredAnswer,
    StratumSums,
    read_completion,
)
from runner.ledger.schema import (
    BILLED_CALL,
    COMPLETION,
    EARLIER_ATTEMPT,
    IS_ANSWER,
    Database,
    Row,
    Work,
    complete_work,
    read_cap,
    read_works,
    sum_accounts,
)
from runner.ledger.witness import committed_in, refuse_older_copy
from runner.state import Watermark, find_known_ledger

T = TypeVar("T")

_SELECT_ATTEMPTS = (
    "SELECT attempt.*, answer.* FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id "
    "WHERE job IN ({})"
)
_SELECT_MOVES = "SELECT seq, attempt, kind, at, settled, held FROM entry WHERE {} ORDER BY seq"
_MOVES_IN_RANGE = "attempt <> '' AND seq BETWEEN ? AND ?"
_MOVES_OF_JOBS = "attempt IN (SELECT id FROM attempt WHERE job IN ({}))"
_SELECT_SPANS = (  # of each job, its first and its last entry
    "SELECT job, MIN(seq), MAX(seq) FROM entry WHERE attempt <> '' GROUP BY job ORDER BY MIN(seq)"
)
_SELECT_JOBS = "SELECT DISTINCT job FROM attempt"
_COUNT_JOBS = "SELECT COUNT(DISTINCT job) FROM attempt"
_SELECT_SUBJECT_ATTEMPTS = """
SELECT attempt.* FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE entry.kind IN ('reserve', 'import') AND stage = ? ORDER BY entry.seq
"""
_SELECT_UNANSWERED_JOBS = (
    "SELECT DISTINCT job FROM attempt WHERE NOT EXISTS "  # noqa: S608 - own names
    f"(SELECT 1 FROM answer WHERE answer.attempt = attempt.id AND {IS_ANSWER})"
)
_SETTLED = "(SELECT SUM(settled) FROM entry WHERE entry.attempt = attempt.id)"
_SELECT_ANSWERED_CALLS = f"""
SELECT attempt.*, answer.*, {_SETTLED}
FROM answer JOIN attempt ON attempt.id = answer.attempt
ORDER BY stage <> 'subject', stage, attempt.model, condition, query, sample, vote
"""  # noqa: S608 - own names
_SELECT_BILLED_CALLS = (  # in the order of an index, so that nothing is sorted
    f"SELECT {BILLED_CALL}, {_SETTLED} FROM attempt "  # noqa: S608 - own names
    f"JOIN answer ON answer.attempt = attempt.id WHERE {IS_ANSWER} ORDER BY attempt.job"
)
_SELECT_ANSWER_TIMES = f"""
SELECT attempt.model, output, usage,
    (SELECT MIN(at) FROM entry began WHERE began.attempt = attempt.id AND began.kind = 'reserve'),
    entry.at
FROM entry JOIN attempt ON attempt.id = entry.attempt
JOIN answer ON answer.attempt = attempt.id
WHERE entry.kind = 'settle' AND seq > ? AND counted > 0 AND {IS_ANSWER} ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - own names
_SELECT_OPEN_ATTEMPTS = """
SELECT at, attempt.* FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE kind = 'reserve' AND NOT EXISTS
    (SELECT 1 FROM entry later WHERE later.attempt = entry.attempt AND later.seq > entry.seq)
ORDER BY seq
"""
# Jobs in which a request may have several attempts: sent again, written in turns, verdicts on an
# answer that was asked for again, or verdicts with ids of an earlier version. In all others each
# attempt is a request, and nothing is sorted.
_TRIED_AGAIN = f"""
SELECT DISTINCT job FROM attempt WHERE number > 1
    OR CASE WHEN stage = ? THEN vote > 0 OR request <> job
        ELSE substr(request, 1, 1) <> '{VERDICT_MARK}' END
"""  # noqa: S608 - own names
_SUM_REQUESTS = f"""
SELECT stage, model, condition, SUM(requests), SUM(answered), SUM(calls)
FROM (
    SELECT stage, model, condition, COUNT(*) AS requests,
        SUM(CASE WHEN calls > 0 THEN 1 ELSE 0 END) AS answered, SUM(calls) AS calls
    FROM (
        SELECT job, stage, attempt.model AS model, condition,
            SUM(CASE WHEN {IS_ANSWER} THEN 1 ELSE 0 END) AS calls
        FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id
        WHERE job IN ({_TRIED_AGAIN})
        GROUP BY job, stage, attempt.model, condition, CASE WHEN stage = ? THEN 0 ELSE vote END
    ) AS request GROUP BY stage, model, condition
    UNION ALL
    SELECT stage, attempt.model, condition, COUNT(*),
        SUM(CASE WHEN {IS_ANSWER} THEN 1 ELSE 0 END), SUM(CASE WHEN {IS_ANSWER} THEN 1 ELSE 0 END)
    FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id
    LEFT JOIN ({_TRIED_AGAIN}) AS again ON again.job = attempt.job
    WHERE again.job IS NULL GROUP BY stage, attempt.model, condition
) AS stratum GROUP BY stage, model, condition
"""  # noqa: S608 - own names
_SUM_SETTLED = """
SELECT stage, model, condition, SUM(settled) FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE settled <> 0 GROUP BY stage, model, condition
"""
_SELECT_HELD = """
SELECT SUM(held) FROM entry WHERE attempt <> '' AND held <> 0
GROUP BY attempt HAVING SUM(held) <> 0
"""
_SELECT_MOVES_SINCE = (
    f"SELECT seq, at, kind, settled, entry.attempt, {BILLED_CALL} "  # noqa: S608 - own names
    "FROM entry JOIN attempt ON attempt.id = entry.attempt "
    "LEFT JOIN answer ON answer.attempt = attempt.id WHERE seq > ? ORDER BY seq"
)
_SELECT_CHANGES_SINCE = """
SELECT seq, at, kind, aside, reserved, settled, held, note, entry.attempt, attempt.job, number,
    stage, attempt.model, condition, query, sample, vote, finish
FROM entry LEFT JOIN attempt ON attempt.id = entry.attempt
LEFT JOIN answer ON answer.attempt = attempt.id WHERE seq > ? ORDER BY seq
"""
_SELECT_BILLED_PROMPTS = """
SELECT entry.seq, attempt.model, counted, bound, input + cache_read + cache_write, exactness, usage
FROM answer
JOIN attempt ON attempt.id = answer.attempt
JOIN entry ON entry.attempt = attempt.id AND entry.kind = 'reserve'
WHERE input + cache_read + cache_write > 0
"""
_SELECT_RESERVED = "SELECT seq, attempt FROM entry WHERE kind = 'reserve' ORDER BY seq"
_SELECT_JOINT_PROMPTS = """
SELECT attempt.model, counted, bound, input + cache_read + cache_write, exactness, usage
FROM answer JOIN attempt ON attempt.id = answer.attempt
WHERE usage LIKE ? AND input + cache_read + cache_write > bound
"""
_SELECT_BOOKED = """
SELECT attempt.model, SUM(settled) FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE kind IN ('settle', 'resolve') GROUP BY attempt.model
"""
_SELECT_BOOKED_BY_STRATUM = """
SELECT stage, model, condition, SUM(settled)
FROM entry JOIN attempt ON attempt.id = entry.attempt
GROUP BY stage, model, condition
"""
_COUNT_SUBJECT_ANSWERS = (
    "SELECT COUNT(DISTINCT request) FROM answer JOIN attempt ON attempt.id = answer.attempt "  # noqa: S608
    f"WHERE request = job AND {IS_ANSWER}"
)
_SELECT_ENTRIES = "SELECT * FROM entry ORDER BY seq"
_SELECT_ENTRY_RANGE = "SELECT MIN(seq), MAX(seq) FROM entry"
_SELECT_ENTRY_TIME = "SELECT at FROM entry WHERE seq >= ? ORDER BY seq LIMIT 1"
_SUM_MOVES = """
SELECT COALESCE(SUM(settled), 0), COALESCE(SUM(held), 0), COALESCE(SUM(reserved), 0),
    COALESCE(SUM(aside), 0)
FROM entry WHERE seq > ? AND seq <= ?
"""
_SELECT_NOTED_ENTRIES = """
SELECT entry.*, answer.* FROM entry LEFT JOIN answer ON answer.attempt = entry.attempt
WHERE note <> '' AND kind NOT IN ('end', 'plan', 'approve', 'look') ORDER BY seq
"""
# An execution begins a job, or an attempt, before it does anything else.
_SELECT_LAST_STEP = """
SELECT kind, note FROM entry WHERE kind IN ('end', 'plan', 'aside', 'reserve')
ORDER BY seq DESC LIMIT 1
"""
_SELECT_LOOKS = "SELECT note FROM entry WHERE kind = 'look' ORDER BY seq"
_SELECT_STOP_REASON = "SELECT halt FROM head"
_NOTHING = Money()  # one for all, because most amounts of a long ledger are zero
_ENTRIES_OF_ANSWER = 10  # at most, of which the newest are looked at
_JOBS_AT_A_TIME = 1000  # whose texts are in memory
_NEAR = 10_000  # entries within which a job mostly ends that was begun with others
# The columns of both tables in one row: an id, then the record's own.
_ATTEMPT = slice(1, 1 + len(Attempt._fields))
_ANSWERED = _ATTEMPT.stop  # the answer's id; NULL where there is none
_STATED = _ANSWERED + 1 + StoredAnswer._fields.index("stated_cost")
_WHOLE_ROW = _ANSWERED + 1 + len(StoredAnswer._fields)
_ENTRY = len(Entry.__slots__)


class ResumeQueries:
    """What an execution must know of the answers that a ledger has already.

    Args:
        database: its tables.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def answered_completions(self) -> dict[str, Completion]:
        """Return each answered request's id -> its last answer."""
        query = (
            f"SELECT request, {COMPLETION} FROM answer JOIN attempt "  # noqa: S608 - own names
            f"ON attempt.id = answer.attempt WHERE {IS_ANSWER} ORDER BY number"
        )
        return {request: read_completion(row) for request, *row in self._database.execute(query)}

    def attempts_of_unmarked_verdicts(self, mark: str) -> list[EarlierAttempt]:
        """Return all attempts of jobs with a verdict whose id does not begin with a mark.

        Args:
            mark: with which the ids of verdicts begin that this version makes.
        """
        query = (
            f"SELECT {EARLIER_ATTEMPT} "  # noqa: S608 - own names
            f"FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id AND {IS_ANSWER} "
            "WHERE attempt.job IN "
            "(SELECT job FROM attempt WHERE request <> job AND request NOT LIKE ?) "
            "ORDER BY number, attempt.id"
        )
        rows = self._database.execute(query, (f"{mark}%",))
        return [EarlierAttempt.from_row(row) for row in rows]

    def count_answered(self) -> int:
        """Return how many requests are answered; the turns of an answer count as one."""
        query = (
            "SELECT COUNT(DISTINCT request) FROM answer JOIN attempt "  # noqa: S608 - own names
            f"ON attempt.id = answer.attempt WHERE {IS_ANSWER} "
            "AND NOT (stage = 'subject' AND vote > 0)"
        )
        ((count,),) = self._database.execute(query)
        return int(count)

    def looks(self) -> list[str]:
        """Return the notes of all looks of sequential tests, oldest first."""
        return [str(note) for (note,) in self._database.execute(_SELECT_LOOKS)]

    def jobs_of_before(self) -> frozenset[str]:
        """Return the ids of subject requests that an earlier version made."""
        query = "SELECT DISTINCT job FROM attempt WHERE job NOT LIKE ?"
        return frozenset(job for (job,) in self._database.execute(query, (f"{SUBJECT_MARK}%",)))

    def last_attempt_numbers(self) -> dict[str, int]:
        """Return each request's id -> the number of its last attempt."""
        query = "SELECT request, MAX(number) FROM attempt GROUP BY request"
        return dict(self._database.execute(query).fetchall())

    def bound_excess(self) -> dict[str, int]:
        """Return each model -> the most tokens by which a billed prompt exceeded our bound.

        Without those of requests that gave several answers, see `joint_prompts`.
        """
        query = (
            "SELECT attempt.model, MAX(input + cache_read + cache_write - bound) "
            "FROM answer JOIN attempt ON attempt.id = answer.attempt "
            "WHERE COALESCE(usage, '') NOT LIKE ? GROUP BY attempt.model"
        )
        found = self._database.execute(query, (f"{FIRST_OF_SEVERAL}%",))
        return {model: max(0, int(most)) for model, most in found}

    def joint_prompts(self) -> Iterator[BilledPrompt]:
        """Yield the prompts above our bound of requests that gave several answers."""
        found = self._database.execute(_SELECT_JOINT_PROMPTS, (f"{FIRST_OF_SEVERAL}%",))
        return map(BilledPrompt.from_row, found)


class LedgerReader(ResumeQueries):
    """A ledger that is open for reading. Make one with `read_ledger`.

    Args:
        database: its tables; they do not change meanwhile.
        key: of the chain; empty where it has none.
        has_workers: whether several workers may write to it.
    """

    def __init__(self, database: Database, key: bytes = b"", *, has_workers: bool = False) -> None:
        super().__init__(database)
        self._key = key
        self._has_workers = has_workers

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
        return ([JobSpan._make(row) for row in some] for some in _split(rows))

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
            for chunk in _split(jobs):
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
        marks = _MOVES_OF_JOBS.format(_list_marks(jobs))
        return _add_up(self._database.execute(_SELECT_MOVES.format(marks), jobs))

    def jobs_of(self, jobs: Iterable[str]) -> Iterator[list[AttemptRecord]]:
        """Yield all attempts of some jobs, job by job, as they are given."""
        for chunk in _split(jobs):
            yield from self._read_jobs(chunk, self._add_up_jobs(chunk))

    def _read_jobs(
        self, jobs: list[str], states: Mapping[str, _State]
    ) -> Iterator[list[AttemptRecord]]:
        found: dict[str, list[tuple[int, AttemptRecord]]] = {job: [] for job in jobs}
        for row in self._database.execute(_SELECT_ATTEMPTS.format(_list_marks(jobs)), jobs):
            state = states.get(row[0], _NO_ENTRY)
            found[row[1]].append((state[0], _read_attempt(row, state)))
        for records in filter(None, found.values()):
            if len(records) > 1:
                records.sort(key=_FIRST)
            yield [record for _, record in records]

    def subject_attempts(self) -> Iterator[Attempt]:
        """Return all attempts at subject requests without their answers, in their order."""
        rows = self._database.execute(_SELECT_SUBJECT_ATTEMPTS, (SUBJECT,))
        return (Attempt.from_row(row[_ATTEMPT]) for row in rows)

    def unanswered_jobs(self) -> list[str]:
        """Return the jobs with an attempt that was not answered, in no order."""
        return [job for (job,) in self._database.execute(_SELECT_UNANSWERED_JOBS)]

    def answered_calls(self) -> Iterator[AnsweredCall]:
        """Return all answered attempts, subjects first, then each judge, in the plan's order."""
        for row in self._database.execute(_SELECT_ANSWERED_CALLS):
            answer = StoredAnswer.from_row(row[_ANSWERED + 1 : -1])
            yield AnsweredCall(Attempt.from_row(row[_ATTEMPT]), answer, _read_money(row[-1]))

    def billed_calls(self) -> Iterator[list[BilledCall]]:
        """Yield what each job's answered attempts were billed, without their texts."""
        calls = map(BilledCall.from_row, self._database.execute(_SELECT_BILLED_CALLS))
        return (list(of_job) for _, of_job in groupby(calls, itemgetter(0)))

    def answer_times(self, most: int) -> Iterator[AnswerTime]:
        """Yield how long the newest answers took, the newest first.

        Args:
            most: how many of them.
        """
        first = self.last_seq() - _ENTRIES_OF_ANSWER * most
        rows = self._database.execute(_SELECT_ANSWER_TIMES, (first, most))
        return (found for row in rows if (found := AnswerTime.from_row(row)) is not None)

    def sum_strata(self) -> list[StratumSums]:
        """Return what the requests of each stage, model and condition came to, in no order."""
        settled = {tuple(key): int(pico) for *key, pico in self._database.execute(_SUM_SETTLED)}
        rows = self._database.execute(_SUM_REQUESTS, (SUBJECT,) * 3)
        return [
            StratumSums._make((*key, *map(int, sums), settled.get(key, 0)))
            for key, sums in ((row[:3], row[3:]) for row in rows)
        ]

    def held_amounts(self) -> list[int]:
        """Return how much is held for each attempt for which something is, in pico-dollars."""
        return [int(held) for (held,) in self._database.execute(_SELECT_HELD)]

    def moves_since(self, seq: int) -> Iterator[Move]:
        """Yield the entries after one that moved money of attempts, oldest first."""
        return map(Move.from_row, self._database.execute(_SELECT_MOVES_SINCE, (seq,)))

    def changes_since(self, seq: int) -> Iterator[Change]:
        """Yield all entries after one, oldest first; 0 for all of them."""
        return map(Change.from_row, self._database.execute(_SELECT_CHANGES_SINCE, (seq,)))

    def cap(self) -> Money:
        """Return the newest approval's cap."""
        return Money(read_cap(self._database))

    def open_attempts(self) -> list[OpenAttempt]:
        """Return the attempts of which no outcome is recorded, oldest first."""
        if not self.balance().reserved:
            return []
        rows = self._database.execute(_SELECT_OPEN_ATTEMPTS)
        return [OpenAttempt(Attempt.from_row(row[2:]), str(row[0])) for row in rows]

    def billed_prompts(self, plan: str) -> Iterator[BilledPrompt]:
        """Return the prompt tokens of the answers that a plan's approval paid for, in no order.

        Other plans of the same work may have counted otherwise.

        Args:
            plan: digest of the plan.
        """
        find_plan = self._make_plan_finder()
        for seq, *prompt in self._database.execute(_SELECT_BILLED_PROMPTS):
            if find_plan(seq) == plan:
                yield BilledPrompt.from_row(prompt)

    def attempts_of_plans(self, plans: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield the ids of the attempts that some plans' approvals paid for, with the plan of each.

        Args:
            plans: their digests.
        """
        find_plan = self._make_plan_finder()
        for seq, attempt in self._database.execute(_SELECT_RESERVED):
            if (plan := find_plan(seq)) in plans:
                yield attempt, plan

    def _make_plan_finder(self) -> Callable[[int], str]:
        """Return what finds the plan that was approved last before an entry."""
        approved = read_approvals(self._database)
        starts, plans = [seq for seq, _ in approved], [each.plan for _, each in approved]
        return lambda seq: plans[bisect(starts, seq) - 1] if plans else ""

    def entries(self) -> Iterator[Entry]:
        """Return all entries, oldest first."""
        return map(_read_entry, self._database.execute(_SELECT_ENTRIES))

    def entry_range(self) -> tuple[int, int] | None:
        """Return the numbers of the first and the last entry; None where there is none."""
        ((first, last),) = self._database.execute(_SELECT_ENTRY_RANGE)
        return None if first is None else (int(first), int(last))

    def last_seq(self) -> int:
        """Return the number of the newest entry, 0 where there is none."""
        return hash_chain.last_entry(self._database)[0]

    def entry_time(self, seq: int) -> str:
        """Return when an entry was made, in ISO form; where somebody deleted it, the next one.

        Args:
            seq: its number, not above the last one's.
        """
        ((at,),) = self._database.execute(_SELECT_ENTRY_TIME, (seq,))
        return str(at)

    def sum_moves(self, after: int, last: int) -> tuple[Money, Money, Money]:
        """Return how settled, held, and reserved with aside changed in some entries.

        Args:
            after: the number of the entry before the first of them; 0 for none.
            last: of the last of them.
        """
        ((settled, held, reserved, aside),) = self._database.execute(_SUM_MOVES, (after, last))
        return Money(int(settled)), Money(int(held)), Money(int(reserved) + int(aside))

    def noted_entries(self) -> Iterator[NotedEntry]:
        """Yield the entries that moved money and say why, oldest first, with their answers."""
        for row in self._database.execute(_SELECT_NOTED_ENTRIES):
            answer = row[_ENTRY:]
            found = None if answer[0] is None else StoredAnswer.from_row(answer[1:])
            yield NotedEntry(_read_entry(row[:_ENTRY]), found)

    def balance(self) -> Balance:
        """Return the balance of the four accounts."""
        sums = {name: Money(pico) for name, pico in sum_accounts(self._database).items()}
        return Balance(Money(read_cap(self._database)), **sums)

    def approvals(self) -> list[Approval]:
        """Return all approvals, in the order in which they arrived; the newest counts."""
        return [approval for _, approval in read_approvals(self._database)]

    def identity(self) -> str:
        """Return the ledger's identity; empty in one that an earlier version made."""
        return hash_chain.read_identity(self._database)[0]

    def plan_file(self) -> str:
        """Return where the plan is that was run last, as this machine knows; empty if it does not.

        A ledger without identity, of an earlier version or changed, is not known.
        """
        with suppress(LedgerError):
            return find_known_ledger(self.identity()).plan_file
        return ""

    @property
    def is_shared(self) -> bool:
        """Whether other workers answer its requests meanwhile: not of what is read here."""
        return False

    def work(self, kept: Work | None = None) -> Work | None:
        """Return the work that the ledger is for; None where none is recorded.

        Args:
            kept: the work of the plan in the run folder, as for `Ledger.begin_work`.
        """
        return complete_work(self._database, kept)

    def works(self) -> list[Work]:
        """Return the work of each plan that the ledger was for, oldest first."""
        return read_works(self._database)

    def count_subject_answers(self) -> int:
        """Return how many subject requests are answered."""
        ((count,),) = self._database.execute(_COUNT_SUBJECT_ANSWERS)
        return int(count)

    def end(self) -> ExecutionEnd:
        """Return how the last execution ended, and why; empty while one goes on, or crashed.

        What is done to a ledger between two executions, such as resolving holds, is none.
        """
        row = self._database.execute(_SELECT_LAST_STEP).fetchone()
        return ExecutionEnd.from_note(str(row[1])) if row and row[0] == "end" else ExecutionEnd()

    def stop_reason(self) -> str:
        """Return why all workers of a shared ledger are to stop; empty where they need not."""
        if not self._has_workers:
            return ""
        row = self._database.execute(_SELECT_STOP_REASON).fetchone()
        return str(row[0] or "") if row else ""

    def booked_by_model(self) -> dict[str, Money]:
        """Return each model, as the experiment writes it -> what its calls were booked at."""
        return {model: _read_money(pico) for model, pico in self._database.execute(_SELECT_BOOKED)}

    def booked_by_stratum(self) -> dict[tuple[str, str, str], Money]:
        """Return each stage, model and condition -> what its calls were booked at."""
        rows = self._database.execute(_SELECT_BOOKED_BY_STRATUM)
        return {
            (stage, model, condition): _read_money(pico) for stage, model, condition, pico in rows
        }

    def refuse_older_copy(self, place: str, next_step: str) -> None:
        """Refuse a ledger that is known here to have had more entries, or other ones.

        Raises:
            RestoredLedger: it is an older copy.
        """
        watermarks = find_known_ledger(self.identity()).watermarks()
        refuse_older_copy(self._database, watermarks, place, next_step)

    def newest(self) -> Watermark:
        """Return the newest entry, with what it leaves as spent."""
        seq, last_hash = hash_chain.last_entry(self._database)
        return Watermark(self.identity(), seq, last_hash, Money(committed_in(self._database)))

    def refuse_without(self, watermark: Watermark, place: str, next_step: str) -> None:
        """Refuse a ledger without the entry of a watermark that was kept elsewhere.

        Raises:
            RestoredLedger: it is an older copy.
        """
        refuse_older_copy(self._database, [watermark], place, next_step)

    def find_tampering(self) -> str | None:
        """Find the first place where the ledger was changed after it was written; None if none."""
        return hash_chain.find_tampering(self._database, self._key)


# What an attempt's entries come to; nothing where somebody deleted them. The number of the first
# one, kind and time of the last one, and what is settled and held, in pico-dollars. It is a list,
# because of a long ledger very many are made.
_State = list[Any]
_NO_ENTRY: _State = [0, "", "", 0, 0]
_FIRST = itemgetter(0)


def _add_up(rows: Iterable[Row]) -> dict[str, _State]:
    """Return each attempt's id -> what its entries come to."""
    states: dict[str, _State] = {}
    for seq, attempt, kind, at, settled, held in rows:
        state = states.get(attempt)
        if state is None:
            states[attempt] = [seq, kind, at, settled, held]
        else:
            state[1:3] = kind, at
            state[3] += settled
            state[4] += held
    return states


def _split(jobs: Iterable[T]) -> Iterator[list[T]]:
    """Yield some jobs at a time."""
    source = iter(jobs)
    while chunk := list(islice(source, _JOBS_AT_A_TIME)):
        yield chunk


def _list_marks(values: Sequence[str]) -> str:
    """Return as many placeholders as there are values."""
    return ", ".join("?" * len(values))


def _read_attempt(row: Row, state: _State) -> AttemptRecord:
    _, kind, at, settled, held = state
    attempt = Attempt._make(row[_ATTEMPT])
    return AttemptRecord(
        attempt, _read_answer(row), _read_money(settled), _read_money(held), kind, at
    )


def _read_answer(row: Row) -> StoredAnswer | None:
    """Return the answer in a row that begins with its attempt; None where it has none."""
    if row[_ANSWERED] is None:
        return None
    is_whole = len(row) == _WHOLE_ROW and row.count(None) == (row[_STATED] is None)
    answer = row[_ANSWERED + 1 :]
    return StoredAnswer._make(answer) if is_whole else StoredAnswer.from_row(answer)


def _read_entry(row: Row) -> Entry:
    seq, at, kind, worker, job, attempt, *changes, note, digest = row
    aside, reserved, settled, held = map(_read_money, changes)
    return Entry(seq, at, kind, worker, job, attempt, aside, reserved, settled, held, note, digest)


def _read_money(sum_of_entries: int | None) -> Money:
    """Return a sum as money; NULL where somebody deleted the entries of an attempt."""
    return _make_money(sum_of_entries) if sum_of_entries else _NOTHING


_make_money = lru_cache(maxsize=4096)(Money)  # answers of a length cost the same
