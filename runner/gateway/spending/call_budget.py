"""The money of a program's calls.

An experiment's jobs are admitted before their requests are reserved, because a judge comes after.
A call is alone, so its money is allocated and reserved in one transaction, in which caps on parts
of the calls are checked, too. Only where the program's cap does not cover it is it admitted first,
which waits for money that may come free.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

from pricing.money import Money
from runner.execution import Budget
from runner.gateway.spending.call_size import CallSize
from runner.gateway.spending.part_caps import PartCap, PartCaps, describe_tokens
from runner.ledger import Attempt, Ledger, SpooledAnswer

_LOOK = 0.2  # seconds between looks at what other processes have ended


@dataclass(frozen=True, slots=True)
class Reached:
    """A cap on a part of the calls that did not pay for one.

    Attributes:
        cap: it.
        said: what was reached.
        may_free: calls in flight may leave some of it.
    """

    cap: PartCap
    said: str
    may_free: bool


class CallBudget(Budget):
    """A ledger's money, as calls use it.

    Args:
        ledger: whose money it is.
        caps: on parts of the calls.
    """

    def __init__(self, ledger: Ledger, caps: PartCaps) -> None:
        super().__init__(ledger)
        self._caps = caps
        self._count_tokens: dict[str, Callable[[], int]] = {}  # request -> what it may take
        self._tokens: dict[str, int] = {}  # request -> what it was reserved for
        self._released: set[str] = set()  # requests that cost nothing
        self._reached: dict[str, Reached] = {}  # request -> the cap that did not pay for it last
        # Set, and replaced, whenever a call in flight has ended, which may leave such caps more.
        self._ended = asyncio.Event()

    @contextmanager
    def expected(self, request: str, count_tokens: Callable[[], int]) -> Iterator[None]:
        """Know what tokens a request may take, of its prompt and its answers, while it is sent.

        Args:
            request: its id.
            count_tokens: is asked whenever it is reserved: bills of others may have raised them.
        """
        self._count_tokens[request] = count_tokens
        try:
            yield
        finally:
            del self._count_tokens[request]
            self._tokens.pop(request, None)
            self._reached.pop(request, None)
            self._released.discard(request)

    def was_released(self, request: str) -> bool:
        """Return whether a request that is expected cost nothing, as its provider said."""
        return request in self._released

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

    def open_call(self, job: str) -> None:
        """Let others wait for what was allocated to a call; `call` closes it."""
        self._open_jobs[job] = 0

    @property
    def next_end(self) -> asyncio.Event:
        """What `wait_for_end` is given: it is set once a call in flight has ended since."""
        return self._ended

    async def wait_for_end(self, ended: asyncio.Event) -> None:
        """Wait until a call in flight has ended, of this process or perhaps of another."""
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _LOOK if self._ledger.is_shared else None)

    def tell_ended(self) -> None:
        """Wake those who wait for the end of a call."""
        self._ended.set()
        self._ended = asyncio.Event()

    def take_reached(self, request: str) -> Reached | None:
        """Return the cap on a part of the calls that did not pay for a request, and forget it."""
        return self._reached.pop(request, None)

    def missing_amount(self, job: str, amount: Money) -> Money:  # noqa: ARG002 - as of `Budget`
        """Return nothing: what a call needs is allocated as it is reserved."""
        return Money()

    def _reserve_now(self, attempts: Sequence[tuple[Attempt, Money]]) -> bool:
        attempt, whole = attempts[0][0], sum((amount for _, amount in attempts), Money())
        tokens = self._tokens[attempt.request] = self._count_tokens[attempt.request]()
        job, size = attempt.job, CallSize(whole.pico, tokens)
        with self._ledger.transaction():
            if reached := self._caps.find_reached((attempt.model, attempt.stage), size):
                self._reached[attempt.request] = Reached(
                    reached, reached.describe(), may_free=reached.tied > 0
                )
                return False
            missing = max(whole - self._ledger.allocated_to(job), Money())
            if missing and not self._try_allocate(job, missing):
                return False
            self._released.discard(attempt.request)  # an attempt before was not sent
            return super()._reserve_now(attempts)

    async def settle(
        self, answers: Sequence[SpooledAnswer], unanswered: Sequence[Attempt] = ()
    ) -> None:
        """Settle answers."""
        try:
            await super().settle(answers, unanswered)
        finally:
            self.tell_ended()

    async def release(self, attempts: Sequence[Attempt], note: str) -> None:
        """Release attempts."""
        self._released.update(attempt.request for attempt in attempts)
        try:
            await super().release(attempts, note)
        finally:
            self.tell_ended()

    async def hold(self, attempts: Sequence[Attempt], note: str) -> None:
        """Hold attempts."""
        try:
            await super().hold(attempts, note)
        finally:
            self.tell_ended()

    def _note_reserved(self, attempt: Attempt) -> str:
        """Return what a reservation says: caps on tokens count by it."""
        return describe_tokens(self._tokens[attempt.request]) if self._caps.counts_tokens else ""
