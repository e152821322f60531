"""Caps beside the one of the whole program: on its tokens, or on what one model or label costs.

Like that one they are reserved for at the worst case before a call is sent, and settled at what was
billed. What may have been billed counts in full. They hold for one ledger, over all starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pricing.money import Money
from runner.gateway.spending.call_budget import CallSize
from runner.ledger import LedgerReader


@dataclass(eq=False, slots=True)
class PartCap:
    """A cap on a part of a program's calls.

    Attributes:
        name: of the model or label; empty for all calls.
        most: pico-dollars, or tokens.
        counts_tokens: which of them.
        spent: what was billed, or may have been.
        tied: what calls in flight may cost.
    """

    name: str
    most: int
    counts_tokens: bool = False
    spent: int = 0
    tied: int = 0

    @property
    def option(self) -> str:
        """The option that it was given by."""
        return "--cap-tokens" if self.counts_tokens else f"--cap-for {self.name}"

    def measure(self, size: CallSize) -> int:
        """Return what of a call's size counts here."""
        return size.tokens if self.counts_tokens else size.pico

    def describe(self) -> str:
        """Say what was reached."""
        of = f" for {self.name}" if self.name else ""
        if self.counts_tokens:
            return f"cap of {self.most:,} tokens{of} reached: {self.spent:,} used"
        return f"cap of {Money(self.most)}{of} reached: {Money(self.spent)} spent"


class PartCaps:
    """All such caps of a program, for the tasks of one event loop.

    Args:
        caps: that were given.
    """

    def __init__(self, caps: Sequence[PartCap]) -> None:
        self._caps = caps
        self._freed = asyncio.Condition()

    async def reserve(self, names: Iterable[str], size: CallSize) -> PartCap | None:
        """Reserve for a call; wait while what calls in flight may cost could come free.

        Args:
            names: its model and label.
            size: at the worst case.

        Returns:
            the cap that cannot pay for it, and nothing is reserved then; None where all can.
        """
        caps = self._find(names)
        async with self._freed:
            while reached := next((each for each in caps if not _fits(each, size)), None):
                if not reached.tied:
                    return reached
                await self._freed.wait()
            for cap in caps:
                cap.tied += cap.measure(size)
        return None

    async def settle(self, names: Iterable[str], size: CallSize, came_to: CallSize) -> None:
        """Book what a call came to, in place of what was reserved for it."""
        async with self._freed:
            for cap in self._find(names):
                cap.tied -= cap.measure(size)
                cap.spent += cap.measure(came_to)
            self._freed.notify_all()

    def _find(self, names: Iterable[str]) -> list[PartCap]:
        known = {"", *names}
        return [cap for cap in self._caps if cap.name in known]


def _fits(cap: PartCap, size: CallSize) -> bool:
    return cap.spent + cap.tied + cap.measure(size) <= cap.most


def load_spent(caps: Sequence[PartCap], reader: LedgerReader) -> None:
    """Book what earlier starts of the program came to."""
    for call in reader.answered_calls():
        names = {"", call.attempt.model, call.attempt.stage}
        size = CallSize(call.settled.pico, call.answer.prompt_tokens + call.answer.output)
        for cap in (each for each in caps if each.name in names):
            cap.spent += cap.measure(size)
    for record in (record for job in reader.jobs() for record in job if record.held.pico):
        names = {"", record.attempt.model, record.attempt.stage}
        # The tokens of an answer that was lost are not known: the prompt's are counted.
        size = CallSize(record.held.pico, record.attempt.bound)
        for cap in (each for each in caps if each.name in names):
            cap.spent += cap.measure(size)
