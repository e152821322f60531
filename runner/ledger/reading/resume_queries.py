"""Resume queries: what an execution must know of the answers that a ledger has already."""

from __future__ import annotations

from collections.abc import Iterator

from experiment.prompts import SUBJECT_MARK
from experiment.scoring import Completion
from runner.ledger.reading.queries import Queries
from runner.ledger.reading.read_records import BilledPrompt
from runner.ledger.records import FIRST_OF_SEVERAL, EarlierAttempt, read_completion
from runner.ledger.schema import COMPLETION, EARLIER_ATTEMPT, IS_ANSWER

_SELECT_JOINT_PROMPTS = """
SELECT attempt.model, counted, bound, input + cache_read + cache_write, exactness, usage
FROM answer JOIN attempt ON attempt.id = answer.attempt
WHERE usage LIKE ? AND input + cache_read + cache_write > bound
"""
_SELECT_LOOKS = "SELECT note FROM entry WHERE kind = 'look' ORDER BY seq"


class ResumeQueries(Queries):
    """What an execution must know of the answers that a ledger has already."""

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
