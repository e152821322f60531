"""Resume queries: what an execution must know of the answers that a ledger has already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiment.definition import SUBJECT
from experiment.prompts import SUBJECT_MARK, VERDICT_MARK
from runner.ledger.reading.chunk_queries import ChunkQueries
from runner.ledger.reading.queries import list_marks
from runner.ledger.reading.read_records import BilledPrompt, WholeJob
from runner.ledger.records import FIRST_OF_SEVERAL, EarlierAttempt
from runner.ledger.schema import EARLIER_ATTEMPT, IS_ANSWER, Work, read_works

_SELECT_JOINT_PROMPTS = """
SELECT attempt.model, counted, bound, input + cache_read + cache_write, exactness, usage
FROM answer JOIN attempt ON attempt.id = answer.attempt
WHERE usage LIKE ? AND input + cache_read + cache_write > bound
"""
# No text is read: that there is an answer says an index, and those that were broken off are few.
# A subject's request has its job's id; a further turn has another one.
_SELECT_WHOLE_JOBS = f"""
SELECT job, MAX(CASE WHEN stage = ? THEN attempt.model END), MAX(condition), MAX(query),
    MAX(sample), COUNT(*) - 1
FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id
GROUP BY job HAVING MAX(number) = 1 AND COUNT(answer.attempt) = COUNT(*)
    AND SUM(CASE WHEN stage = ? THEN 1 ELSE 0 END) = 1
    AND MIN(CASE WHEN stage = ? AND request <> job THEN 0
        WHEN request <> job AND substr(request, 1, 1) <> '{VERDICT_MARK}' THEN 0 ELSE 1 END) = 1
    AND job NOT IN (SELECT job FROM attempt WHERE id IN
        (SELECT answer.attempt FROM answer WHERE NOT ({IS_ANSWER})))
"""  # noqa: S608 - own names
_SELECT_LOOKS = "SELECT note FROM entry WHERE seq > ? AND kind = 'look' ORDER BY seq"


class ResumeQueries(ChunkQueries):
    """What an execution must know of the answers that a ledger has already."""

    def earlier_attempts(self, jobs: Sequence[str]) -> list[EarlierAttempt]:
        """Return all attempts at the requests of some jobs, those of a request in their order."""
        query = (
            f"SELECT {EARLIER_ATTEMPT} "  # noqa: S608 - own names
            f"FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id AND {IS_ANSWER} "
            f"WHERE attempt.job IN ({list_marks(jobs)}) ORDER BY number, attempt.id"
        )
        return [EarlierAttempt.from_row(row) for row in self._database.execute(query, jobs)]

    def whole_jobs(self) -> Iterator[WholeJob]:
        """Yield the jobs each of whose requests was sent once and is answered, in no order.

        Those of earlier versions are left out: they named verdicts otherwise.
        """
        rows = self._database.execute(_SELECT_WHOLE_JOBS, (SUBJECT, SUBJECT, SUBJECT))
        return map(WholeJob._make, rows)

    def has_answers(self) -> bool:
        """Return whether a request is answered."""
        query = f"SELECT 1 FROM answer WHERE {IS_ANSWER} LIMIT 1"  # noqa: S608 - own names
        return self._database.execute(query).fetchone() is not None

    def works(self) -> list[Work]:
        """Return the work of each plan that the ledger was for, oldest first."""
        return read_works(self._database)

    def count_answered(self) -> int:
        """Return how many requests are answered; the turns of an answer count as one."""
        query = (
            "SELECT COUNT(DISTINCT request) FROM answer JOIN attempt "  # noqa: S608 - own names
            f"ON attempt.id = answer.attempt WHERE {IS_ANSWER} "
            "AND NOT (stage = 'subject' AND vote > 0)"
        )
        ((count,),) = self._database.execute(query)
        return int(count)

    def looks(self, after: int = 0) -> list[str]:
        """Return the notes of all looks of sequential tests, oldest first.

        Args:
            after: the number of the entry after which they stand; 0 for all.
        """
        return [str(note) for (note,) in self._database.execute(_SELECT_LOOKS, (after,))]

    def jobs_of_before(self) -> frozenset[str]:
        """Return the ids of subject requests that an earlier version made."""
        query = "SELECT DISTINCT job FROM attempt WHERE job NOT LIKE ?"
        return frozenset(job for (job,) in self._database.execute(query, (f"{SUBJECT_MARK}%",)))

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
