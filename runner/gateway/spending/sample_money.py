"""The money of samples: a sample of an evaluation is several calls that are of use only together.

A subject's answer without its judge's verdict is paid and lost. So a program that knows its samples
says when one begins, and waits until as much is allocated to it as `sample_needs` expects; its
calls take their reservations from that. Where the cap cannot pay for it, it is refused before its
first call. One of which nothing is known, the first one or one that is shorter than all before it,
runs alone, so that all that is free is there for it. Where the cap refuses one of its calls, the
next ones of its size need what it lacked too: they would be refused as late as it was. This saves
money and holds no cap: that is still held by each call.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pricing.money import Money
from runner.gateway.spending.call_budget import CallBudget
from runner.gateway.spending.sample_needs import SampleNeeds, find_size
from runner.ledger import Ledger


@dataclass(eq=False, slots=True)
class _Sample:
    """A sample that has begun.

    Attributes:
        job: of the ledger, that its calls belong to.
        size: of its own texts, as `find_size` gives it.
        is_alone: no other begins before it has ended, because nothing is known of its size.
        reserved: what its calls were reserved for together, but for those that cost nothing.
        refused: what the largest of its calls that the cap could not pay for may cost.
        calls: in flight.
        has_ended: its program has said so.
    """

    job: str
    size: int
    is_alone: bool
    reserved: Money = field(default_factory=Money)
    refused: Money = field(default_factory=Money)
    calls: int = 0
    has_ended: bool = False


class SampleMoney:
    """Admits samples, first come, first served.

    Args:
        ledger: whose money it is.
        budget: of the same ledger.
        raise_cap: what raises the cap, in words.
        known: size -> what samples of an earlier start were reserved for, as of `SampleNeeds`.

    Attributes:
        refused: how many samples the cap could not pay for.
    """

    def __init__(
        self,
        ledger: Ledger,
        budget: CallBudget,
        raise_cap: str,
        known: Mapping[int, Money] | None = None,
    ) -> None:
        self.refused = 0
        self._raise_cap = raise_cap
        self._needs = SampleNeeds(known or {})
        self._ledger = ledger
        self._budget = budget
        self._open: dict[str, _Sample] = {}
        self._numbers = itertools.count(1)  # of jobs: a sample of the same name may begin again
        self._line = asyncio.Lock()
        self._has_ended = asyncio.Event()  # set, and replaced, when a sample ends
        self._is_over = False

    @property
    def known(self) -> Mapping[int, Money]:
        """What samples were reserved for, by their size, in this start and those before."""
        return self._needs.known

    @property
    def is_used(self) -> bool:
        """Whether there are samples, so that what is left of the money is meant for them."""
        return bool(self._open)

    async def begin(self, name: str, length: int | None = None) -> str:
        """Wait until a sample may begin; return why it must not, or nothing.

        Args:
            name: of the sample.
            length: of its own texts, in characters; None where it is not told.
        """
        size = find_size(length)
        async with self._line:
            while self._must_wait(name, size):
                await self._has_ended.wait()
            if name in self._open:
                return ""
            need = self._find_need(size)
            amount, job = need or Money(), f"sample-{next(self._numbers)}-{name}"
            if self._never_fits(amount) or not await self._budget.admit([(job, amount)]):
                return self._budget.stop_reason or self._refuse(amount)
            self._open[name] = _Sample(job, size, is_alone=need is None)
        if self._is_over:  # while it waited
            await self.end(name)
        return ""

    def _must_wait(self, name: str, size: int) -> bool:
        """Return whether a sample must wait: for one that runs alone, or to run alone itself.

        It waits for the one before of its name, too, which may have ended while its last call is in
        flight. None waits once all is over.
        """
        if self._is_over:
            return False
        if (sample := self._open.get(name)) is not None:
            return sample.has_ended
        if any(each.is_alone for each in self._open.values()):
            return True
        return bool(self._open) and self._find_need(size) is None

    def _find_need(self, size: int) -> Money | None:
        """Return what is allocated to a sample; None where it must run alone.

        One that is shorter than all before it needs no more than the next longer ones. Where the
        cap does not pay that, it may still pay for the shorter one.
        """
        if (need := self._needs.find(size)) is not None:
            return need
        longer = self._needs.find_longer(size)
        return None if longer is None or self._never_fits(longer) else longer

    async def end(self, name: str) -> None:
        """Free what is left of a sample's money, once none of its calls is in flight."""
        sample = self._open.get(name)
        if sample is None:
            return
        sample.has_ended = True
        if not sample.calls:
            await self._close(name, sample)

    async def end_all(self) -> None:
        """End all samples, and admit none: the program has ended."""
        self._is_over = True
        for name in list(self._open):
            await self.end(name)
        self._has_ended.set()

    @contextmanager
    def call(self, name: str) -> Iterator[str]:
        """Work on a call of a sample for the duration of the context; give the job it belongs to.

        It is empty where no such sample has begun.
        """
        sample = self._open.get(name)
        if sample is None:
            yield ""
            return
        sample.calls += 1
        try:
            with self._budget.task(sample.job):
                yield sample.job
        finally:
            sample.calls -= 1

    def lack(self, job: str, amount: Money) -> None:
        """Book that the cap could not pay for a call of a sample's job, which may cost so much."""
        for sample in (each for each in self._open.values() if each.job == job):
            sample.refused = max(sample.refused, amount)
            self._learn(sample)

    async def settle(self, name: str, reserved: Money) -> None:
        """Book that a call of a sample may have cost something, of which so much was reserved."""
        sample = self._open.get(name)
        if sample is None:
            return
        sample.reserved += reserved
        if sample.refused or not sample.is_alone or sample.has_ended:
            self._learn(sample)
        if sample.has_ended and not sample.calls:
            await self._close(name, sample)

    async def _close(self, name: str, sample: _Sample) -> None:
        del self._open[name]
        await self._budget.close_job(sample.job)
        self._learn(sample)
        self._has_ended.set()
        self._has_ended = asyncio.Event()

    def _learn(self, sample: _Sample) -> None:
        if sample.refused:
            self._needs.lack(sample.size, sample.reserved + sample.refused)
        elif sample.reserved:
            self._needs.learn(sample.size, sample.reserved)

    def _never_fits(self, amount: Money) -> bool:
        balance = self._ledger.balance
        return amount > balance.cap - balance.settled - balance.held

    def _refuse(self, amount: Money) -> str:
        self.refused += 1
        balance = self._ledger.balance
        held = f" and {balance.held} held" if balance.held.pico else ""
        return (
            f"cap of {balance.cap} reached: {balance.settled} spent{held}, and all calls of a "
            f"sample like this one may cost {amount}. To go on, {self._raise_cap}"
        )
