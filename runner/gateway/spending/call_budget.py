"""The money of a program's calls.

An experiment's jobs are admitted before their requests are reserved, because a judge comes after.
A call is alone, so its money is allocated and reserved in one transaction. Only where the cap does
not cover it is it admitted first, which waits for money that may come free.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pricing.money import Money
from runner.execution import Budget
from runner.ledger import Attempt, Ledger, SpooledAnswer


@dataclass(frozen=True, slots=True)
class CallSize:
    """What a call comes to, or may: pico-dollars, and tokens of prompt and answer together."""

    pico: int = 0
    tokens: int = 0


class CallBudget(Budget):
    """A ledger's money, as calls use it; it remembers what they came to, until it is asked.

    Args:
        ledger: whose money it is.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._came_to: dict[str, CallSize] = {}

    @asynccontextmanager
    async def call(self, job: str) -> AsyncIterator[None]:
        """Work on a call for the duration of the context; what it has left is free at its end.

        It is open for others, who wait for its money, only once it was admitted: until then what it
        has reserved says the same.
        """
        try:
            yield
        finally:
            if job in self._open_jobs or self._ledger.allocated_to(job):
                self._open_jobs.setdefault(job, 0)
                await self.close_job(job)
            else:
                self._wake_waiters()

    def missing_amount(self, job: str, amount: Money) -> Money:  # noqa: ARG002 - as of `Budget`
        """Return nothing: what a call needs is allocated as it is reserved."""
        return Money()

    def _reserve_now(self, attempts: Sequence[tuple[Attempt, Money]]) -> bool:
        job, whole = attempts[0][0].job, sum((amount for _, amount in attempts), Money())
        with self._ledger.transaction():
            missing = max(whole - self._ledger.allocated_to(job), Money())
            if missing and not self._try_allocate(job, missing):
                return False
            return super()._reserve_now(attempts)

    async def settle(
        self, answers: Sequence[SpooledAnswer], unanswered: Sequence[Attempt] = ()
    ) -> None:
        """Settle answers."""
        for each in (each for each in answers if not each.is_held):
            prompt = each.answer.prompt_tokens
            size = CallSize(each.billed.pico, prompt + each.answer.output)
            self._came_to[each.attempt.request] = size
        await super().settle(answers, unanswered)

    async def release(self, attempts: Sequence[Attempt], note: str) -> None:
        """Release attempts."""
        self._came_to |= {attempt.request: CallSize() for attempt in attempts}
        await super().release(attempts, note)

    def take_size(self, request: str) -> CallSize | None:
        """Return what a call came to, and forget it; None where it may have cost all of it."""
        return self._came_to.pop(request, None)
