"""Call queries: answered calls, with what they were billed and how long they took."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Collection, Iterator
from itertools import groupby
from operator import itemgetter

from runner.ledger import hash_chain
from runner.ledger.approvals import read_approvals
from runner.ledger.reading.chunk_records import CHUNK_MARK
from runner.ledger.reading.queries import Queries
from runner.ledger.reading.read_records import AnsweredCall, AnswerTime, BilledCall, BilledPrompt
from runner.ledger.reading.rows import ANSWERED, ATTEMPT, read_money
from runner.ledger.records import Attempt, StoredAnswer
from runner.ledger.schema import BILLED_CALL, IS_ANSWER

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
# How long a batch took says nothing of how fast its model answers a call.
_SELECT_ANSWER_TIMES = f"""
SELECT attempt.model, output, usage,
    (SELECT MIN(at) FROM entry began WHERE began.attempt = attempt.id AND began.kind = 'reserve'
        AND began.note NOT LIKE '{CHUNK_MARK}%'),
    entry.at
FROM entry JOIN attempt ON attempt.id = entry.attempt
JOIN answer ON answer.attempt = attempt.id
WHERE entry.kind = 'settle' AND seq > ? AND counted > 0 AND {IS_ANSWER} ORDER BY seq DESC LIMIT ?
"""  # noqa: S608 - own names
_SELECT_BILLED_PROMPTS = """
SELECT entry.seq, attempt.model, counted, bound, input + cache_read + cache_write, exactness, usage
FROM answer
JOIN attempt ON attempt.id = answer.attempt
JOIN entry ON entry.attempt = attempt.id AND entry.kind = 'reserve'
WHERE input + cache_read + cache_write > 0
"""
_SELECT_RESERVED = "SELECT seq, attempt FROM entry WHERE kind = 'reserve' ORDER BY seq"
_ENTRIES_OF_ANSWER = 10  # at most, of which the newest are looked at


class CallQueries(Queries):
    """Reads the answered calls of a ledger, without what else was tried."""

    def answered_calls(self) -> Iterator[AnsweredCall]:
        """Return all answered attempts, subjects first, then each judge, in the plan's order."""
        for row in self._database.execute(_SELECT_ANSWERED_CALLS):
            answer = StoredAnswer.from_row(row[ANSWERED + 1 : -1])
            yield AnsweredCall(Attempt.from_row(row[ATTEMPT]), answer, read_money(row[-1]))

    def billed_calls(self) -> Iterator[list[BilledCall]]:
        """Yield what each job's answered attempts were billed, without their texts."""
        calls = map(BilledCall.from_row, self._database.execute(_SELECT_BILLED_CALLS))
        return (list(of_job) for _, of_job in groupby(calls, itemgetter(0)))

    def answer_times(self, most: int) -> Iterator[AnswerTime]:
        """Yield how long the newest answers took, the newest first.

        Args:
            most: how many of them.
        """
        first = hash_chain.last_entry(self._database)[0] - _ENTRIES_OF_ANSWER * most
        rows = self._database.execute(_SELECT_ANSWER_TIMES, (first, most))
        return (found for row in rows if (found := AnswerTime.from_row(row)) is not None)

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
