"""Spender: reserves what a call may cost, has it sent, and settles it.

It uses what an experiment's requests go through: the budget, the slots with their slow start, and
`AttemptRunner`. A call is a job of its own. It waits while money is only tied up in other calls,
first come, first served; where the cap cannot pay for it once all of them are in, it is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn, Protocol

from estimator.workload import PlannedModel
from experiment.prompts import Request
from pricing.catalog import ModelName
from pricing.money import Money
from providers.clients import ClientCall
from runner.execution import AttemptRunner, Permit, SlotPool, SlowStart
from runner.gateway.spending.call_budget import CallBudget, CallSize
from runner.gateway.spending.call_costs import CallCosts
from runner.gateway.spending.call_tally import CallTally
from runner.gateway.spending.part_caps import PartCap, PartCaps
from runner.gateway.spending.refused import Refused, Why
from runner.gateway.spending.sample_money import SampleMoney
from runner.ledger import Ledger
from runner.transport import Outcome

RAISE_CAP = "run it again with a higher --cap"  # where no plan was approved


class CallTransport(Protocol):
    """Sends calls, and knows whether their programs wait for them; `Relay` is the real one."""

    async def send(self, name: ModelName, request: Request) -> Outcome:
        """Send a call once, and return what happened to the money."""
        ...

    def is_awaited(self, request: Request) -> bool:
        """Return whether the program still waits for the answer."""
        ...


class _NoBreakers:
    """The permissions of a program's calls: it is told of each failure, and tries again itself."""

    @contextmanager
    def permit(self, request: Request) -> Iterator[Permit]:
        yield Permit(request.id)

    def record(self, permit: Permit, request: Request, outcome: Outcome) -> None:
        pass

    def is_stopped(self, model: str, stage: str) -> bool:  # noqa: ARG002 - of no model
        return False


class Spender:
    """Spends a ledger's money on calls.

    Args:
        ledger: open for writing, with its approval.
        models: name -> model, with its prices; goes on to change.
        transport: sends the calls.
        make_slow_start: returns how many calls of a model may be in flight.
        concurrency: calls in flight, at most.
        caps: on parts of the calls.
        raise_cap: what raises the cap of the whole program, in words.
        largest_sample: what the calls of a sample of an earlier start were reserved for together.

    Attributes:
        tally: of what came of the calls.
        samples: of an evaluation, which have their calls' money together.
    """

    def __init__(  # noqa: PLR0913 - what spending needs
        self,
        ledger: Ledger,
        models: Mapping[str, PlannedModel],
        transport: CallTransport,
        *,
        make_slow_start: Callable[[str], SlowStart],
        concurrency: int,
        caps: Sequence[PartCap] = (),
        raise_cap: str = RAISE_CAP,
        largest_sample: Money | None = None,
    ) -> None:
        self._raise_cap = raise_cap
        self.tally = CallTally()
        self._ledger = ledger
        self._transport = transport
        self._make_slow_start = make_slow_start
        self._costs = CallCosts(models)
        self._budget = CallBudget(ledger)
        self.samples = SampleMoney(ledger, self._budget, largest_sample)
        self._caps = PartCaps(caps)
        self._slots = SlotPool({}, concurrency)
        self._attempts = AttemptRunner(
            models,
            self._budget,
            self._costs,
            transport,
            breakers=_NoBreakers(),
            slots=self._slots,
            on_stop=self.stop,
        )
        self._line = asyncio.Lock()  # of the calls that wait for money

    def stop(self, reason: str) -> None:
        """Send nothing more."""
        self.tally.stopped = self.tally.stopped or reason
        self._attempts.stop()

    async def spend(
        self, request: Request, call: ClientCall, provider: str, sample: str = ""
    ) -> None:
        """Reserve a call, send it, and settle it.

        Args:
            request: the call, as the ledger knows it.
            call: as it was read.
            provider: that it goes to.
            sample: that it belongs to; empty for none.

        Raises:
            Refused: it was not sent.
        """
        self._slots.add_model(request.model, lambda: self._make_slow_start(request.model))
        try:
            self._costs.count(request, call)
            await self._spend_within_parts(request, provider, sample)
        finally:
            self._costs.forget_count(request)

    async def _spend_within_parts(self, request: Request, provider: str, sample: str) -> None:
        """Spend what the caps on parts of the calls allow.

        Raises:
            Refused: it was not sent.
        """
        names, size = (request.model, request.stage), self._measure(request)
        if reached := await self._caps.reserve(names, size):
            self._refuse_for_part(reached, request, size)
        came_to = size  # unless it is known to be less
        try:
            with self.samples.call(sample) as job:
                await (self._send_in(job, request) if job else self._send(request))
            self.tally.sent[provider] += 1
            came_to = self._budget.take_size(request.id) or size
        except Refused:
            came_to = CallSize()
            raise
        finally:
            self._attempts.last_attempts.pop(request.id, None)
            await self._caps.settle(names, size, came_to)
            await self.samples.settle(sample, Money(size.pico if came_to.pico else 0))

    def _measure(self, request: Request) -> CallSize:
        """Return what a call may come to at most."""
        tokens = self._costs.count_prompt(request).bound + request.max_output
        return CallSize(self._costs.of_request(request).pico, tokens)

    async def _send(self, request: Request) -> None:
        """Reserve and send a call; where the cap does not cover it now, wait in line until it does.

        Raises:
            Refused: it was not sent.
        """
        if not self._line.locked():
            async with self._budget.call(request.id):
                if await self._attempts.run_attempt([request], request.id):
                    return
        while not self.tally.stopped:  # again where its worst case rose after it was admitted
            async with self._budget.call(request.id):
                async with self._line:
                    await self._admit(request)
                if await self._attempts.run_attempt([request], request.id):
                    return
        raise Refused(Why.STOPPED, "stopped", self.tally.stopped)

    async def _send_in(self, job: str, request: Request) -> None:
        """Reserve and send a call of a sample, from its money and what else there is.

        Raises:
            Refused: it was not sent.
        """
        while not self.tally.stopped:
            if await self._attempts.run_attempt([request], job):
                return
            await self._top_up(job, request)
        raise Refused(Why.STOPPED, "stopped", self.tally.stopped)

    async def _top_up(self, job: str, request: Request) -> None:
        """Allocate what a call needs beyond its job's money, once there is any.

        Raises:
            Refused: there will be none: all samples that have begun wait for it.
        """
        amount = self._costs.of_request(request)
        missing = max(amount - self._ledger.allocated_to(job), Money())
        if self._never_fits(amount) or not await self._budget.top_up(job, missing):
            self._refuse_unadmitted(request, amount)

    async def _admit(self, request: Request) -> None:
        """Allocate money to a call that is first in line, once there is any.

        Raises:
            Refused: there will be none, or its client waits no more.
        """
        if not self._transport.is_awaited(request):
            raise Refused(Why.CLIENT_LEFT, "client_left", "its client left before it was sent")
        if self.samples.is_used:  # what belongs to none may be what one of them waits for
            await self._top_up(request.id, request)
            return
        amount = self._costs.of_request(request)
        if self._never_fits(amount) or not await self._budget.admit([(request.id, amount)]):
            self._refuse_unadmitted(request, amount)

    def _never_fits(self, amount: Money) -> bool:
        """Return whether a call costs more than is left once all others cost nothing."""
        balance = self._ledger.balance
        return amount > balance.cap - balance.settled - balance.held

    def _refuse_unadmitted(self, request: Request, amount: Money) -> NoReturn:
        """Refuse a call that the cap cannot pay for, or that came when all was stopped.

        Raises:
            Refused: always.
        """
        if reason := self._budget.stop_reason or self.tally.stopped:
            self.stop(reason)
            raise Refused(Why.STOPPED, "stopped", reason)
        balance = self._ledger.balance
        held = f" and {balance.held} held" if balance.held.pico else ""
        reached = f"cap of {balance.cap} reached: {balance.settled} spent{held}"
        self._refuse_at_cap("--cap", reached, _say_cost(amount, request))

    def _refuse_for_part(self, cap: PartCap, request: Request, size: CallSize) -> NoReturn:
        """Refuse a call that a cap on a part of the calls cannot pay for.

        Raises:
            Refused: always.
        """
        cost = _say_cost(Money(size.pico), request)
        may = f"take {size.tokens:,}" if cap.counts_tokens else cost
        self._refuse_at_cap(cap.option, cap.describe(), may)

    def _refuse_at_cap(self, option: str, reached: str, may: str) -> NoReturn:
        self.tally.at_cap[option] += 1
        mend = self._raise_cap if option == "--cap" else f"run it again with a higher {option}"
        said = f"{reached}, and this call may {may}. To go on, {mend}"
        raise Refused(Why.AT_CAP, "budget_exceeded", said, option)


def _say_cost(amount: Money, request: Request) -> str:
    """Say what a call may do to a cap, and why: programs often ask for more than they need."""
    return f"cost {amount} (up to {request.max_output:,} tokens of answer)"
