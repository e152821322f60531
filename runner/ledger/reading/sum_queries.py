"""Sum queries: what requests and money of a ledger come to, added up by its database."""

from __future__ import annotations

from experiment.definition import SUBJECT
from experiment.prompts import VERDICT_MARK
from pricing.money import Money
from runner.ledger.reading.queries import Queries
from runner.ledger.reading.read_records import StratumSums
from runner.ledger.reading.rows import read_money
from runner.ledger.records import NEVER_SENT, Balance
from runner.ledger.schema import IS_ANSWER, read_cap, sum_accounts

# Jobs in which a request may have several attempts: sent again, written in turns, verdicts on an
# answer that was asked for again, or verdicts with ids of an earlier version. In all others each
# attempt is a request, and nothing is sorted.
_TRIED_AGAIN = f"""
SELECT DISTINCT job FROM attempt WHERE number > 1
    OR CASE WHEN stage = ? THEN vote > 0 OR request <> job
        ELSE substr(request, 1, 1) <> '{VERDICT_MARK}' END
"""  # noqa: S608 - own names
# What is answered is found in two indexes of the same order; to look for each answer by itself, or
# into its row, takes longer than all else.
_SUM_REQUESTS = f"""
WITH open AS MATERIALIZED (
    SELECT attempt.id AS id FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id
    WHERE answer.attempt IS NULL
), unsent AS MATERIALIZED (
    SELECT id FROM open WHERE EXISTS (SELECT 1 FROM entry
        WHERE entry.attempt = open.id AND kind = 'release' AND note = '{NEVER_SENT}')
), unanswered AS MATERIALIZED (
    SELECT id FROM open
    UNION ALL SELECT answer.attempt FROM answer WHERE ({IS_ANSWER}) IS NOT TRUE
), again AS MATERIALIZED ({_TRIED_AGAIN})
SELECT stage, model, condition, SUM(requests), SUM(answered), SUM(calls)
FROM (
    SELECT stage, model, condition, COUNT(*) AS requests,
        SUM(CASE WHEN calls > 0 THEN 1 ELSE 0 END) AS answered, SUM(calls) AS calls
    FROM (
        SELECT job, stage, model, condition, COUNT(*) - COUNT(unanswered.id) AS calls
        FROM attempt LEFT JOIN unanswered ON unanswered.id = attempt.id
        WHERE job IN (SELECT job FROM again) AND attempt.id NOT IN (SELECT id FROM unsent)
        GROUP BY job, stage, model, condition, CASE WHEN stage = ? THEN 0 ELSE vote END
    ) AS request GROUP BY stage, model, condition
    UNION ALL
    SELECT stage, model, condition, COUNT(*), COUNT(*) - COUNT(unanswered.id),
        COUNT(*) - COUNT(unanswered.id)
    FROM attempt LEFT JOIN unanswered ON unanswered.id = attempt.id
    WHERE job NOT IN (SELECT job FROM again) AND attempt.id NOT IN (SELECT id FROM unsent)
    GROUP BY stage, model, condition
) AS stratum GROUP BY stage, model, condition
"""  # noqa: S608 - own names
_SUM_SETTLED = """
SELECT stage, model, condition, SUM(settled) FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE settled <> 0 GROUP BY stage, model, condition
"""
_SUM_CACHED = """
SELECT attempt.model, SUM(cache_read), SUM(cache_write) FROM answer
JOIN attempt ON attempt.id = answer.attempt
WHERE cache_read + cache_write > 0 GROUP BY attempt.model
"""
_SELECT_HELD = """
SELECT SUM(held) FROM entry WHERE attempt <> '' AND held <> 0
GROUP BY attempt HAVING SUM(held) <> 0
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
_SUM_MOVES = """
SELECT COALESCE(SUM(settled), 0), COALESCE(SUM(held), 0), COALESCE(SUM(reserved), 0),
    COALESCE(SUM(aside), 0)
FROM entry WHERE seq > ? AND seq <= ?
"""


class SumQueries(Queries):
    """Adds up a ledger, in its database."""

    def cap(self) -> Money:
        """Return the newest approval's cap."""
        return Money(read_cap(self._database))

    def balance(self) -> Balance:
        """Return the balance of the four accounts."""
        sums = {name: Money(pico) for name, pico in sum_accounts(self._database).items()}
        return Balance(Money(read_cap(self._database)), **sums)

    def sum_strata(self) -> list[StratumSums]:
        """Return what the requests of each stage, model and condition came to, in no order."""
        settled = {tuple(key): int(pico) for *key, pico in self._database.execute(_SUM_SETTLED)}
        rows = self._database.execute(_SUM_REQUESTS, (SUBJECT,) * 2)
        return [
            StratumSums._make((*key, *map(int, sums), settled.get(key, 0)))
            for key, sums in ((row[:3], row[3:]) for row in rows)
        ]

    def sum_moves(self, after: int, last: int) -> tuple[Money, Money, Money]:
        """Return how settled, held, and reserved with aside changed in some entries.

        Args:
            after: the number of the entry before the first of them; 0 for none.
            last: of the last of them.
        """
        ((settled, held, reserved, aside),) = self._database.execute(_SUM_MOVES, (after, last))
        return Money(int(settled)), Money(int(held)), Money(int(reserved) + int(aside))

    def held_amounts(self) -> list[int]:
        """Return how much is held for each attempt for which something is, in pico-dollars."""
        return [int(held) for (held,) in self._database.execute(_SELECT_HELD)]

    def booked_by_model(self) -> dict[str, Money]:
        """Return each model, as the experiment writes it -> what its calls were booked at."""
        return {model: read_money(pico) for model, pico in self._database.execute(_SELECT_BOOKED)}

    def booked_by_stratum(self) -> dict[tuple[str, str, str], Money]:
        """Return each stage, model and condition -> what its calls were booked at."""
        rows = self._database.execute(_SELECT_BOOKED_BY_STRATUM)
        return {
            (stage, model, condition): read_money(pico) for stage, model, condition, pico in rows
        }

    def sum_cached(self) -> dict[str, tuple[int, int]]:
        """Return model as written -> tokens of prompts read from a cache, and written to one."""
        rows = self._database.execute(_SUM_CACHED)
        return {str(model): (int(read), int(written)) for model, read, written in rows}

    def count_subject_answers(self) -> int:
        """Return how many subject requests are answered."""
        ((count,),) = self._database.execute(_COUNT_SUBJECT_ANSWERS)
        return int(count)
