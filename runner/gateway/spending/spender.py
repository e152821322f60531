"""Spender: reserves what a call may cost, has it sent, and settles it.

It uses what an experiment's requests go through: the budget, the slots with their slow start, and
`AttemptRunner`. A call is a job of its own. It waits while money is only tied up in other calls,
first come, first served; where the cap cannot pay for it once all of them are in, it is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NoReturn, Protocol

from estimator.workload import PlannedModel
from experiment.prompts import Request
from pricing.catalog import ModelName
from pricing.money import Money
from providers.clients import ClientCall
from runner.execution import AttemptRunner, Permit, SlotPool, SlowStart
from runner.gateway.spending.call_budget import CallBudget, Reached
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
        known_samples: what the calls of a sample of an earlier start were reserved for together,
            by its size.

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
        known_samples: Mapping[int, Money] | None = None,
    ) -> None:
        self._raise_cap = raise_cap
        self.tally = CallTally()
        self._ledger = ledger
        self._transport = transport
        self._make_slow_start = make_slow_start
        self._costs = CallCosts(models)
        self._budget = CallBudget(ledger, PartCaps(ledger, caps))
        self.samples = SampleMoney(ledger, self._budget, raise_cap, known_samples)
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
        self._budget.tell_ended()

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
        reserved = Money()
        try:
            self._costs.count(request, call)
            amount = self._costs.of_request(request)
            with self._budget.expected(request.id, partial(self._costs.count_most, request)):
                with self.samples.call(sample) as job:
                    await (self._send_in(job, request) if job else self._send(request))
                if not self._budget.was_released(request.id):
                    reserved = amount
            self.tally.sent[provider] += 1
        finally:
            self._attempts.last_attempts.pop(request.id, None)
            await self.samples.settle(sample, reserved)
            self._costs.forget_count(request)

    async def _send(self, request: Request) -> None:
        """Reserve and send a call; where the cap does not cover it now, wait in line until it does.

        Raises:
            Refused: it was not sent.
        """
        is_first = True  # it need not stand in line, where there is none
        while not self.tally.stopped:
            ended = self._budget.next_end
            async with self._budget.call(request.id):
                if not is_first or self._line.locked():
                    await self._stand_in_line(request)
                if await self._attempts.run_attempt([request], request.id):
                    return
            # A cap on a part does not cover it, or its worst case rose after it was admitted.
            reached = self._budget.take_reached(request.id)
            is_first = reached is not None
            if reached is not None:
                await self._wait_for_part(reached, request, ended)
        raise Refused(Why.STOPPED, "stopped", self.tally.stopped)

    async def _stand_in_line(self, request: Request) -> None:
        """Wait until money is allocated to a call.

        While there are samples it stands in no line: what belongs to none may be what one of them
        waits for, and what waits in a line would not be known to wait for money.

        Raises:
            Refused: there will be none, or its client waits no more.
        """
        if not self.samples.is_used:
            async with self._line:
                if not self.samples.is_used:  # since it came
                    await self._admit(request)
                    return
        self._refuse_left(request)
        await self._top_up(request.id, request)
        self._budget.open_call(request.id)

    def _refuse_left(self, request: Request) -> None:
        """Refuse a call for which no one waits.

        Raises:
            Refused: its client has left.
        """
        if not self._transport.is_awaited(request):
            raise Refused(Why.CLIENT_LEFT, "client_left", "its client left before it was sent")

    async def _wait_for_part(
        self, reached: Reached, request: Request, ended: asyncio.Event
    ) -> None:
        """Wait for what calls in flight may leave of a cap on a part of the calls.

        Raises:
            Refused: there will be nothing, or its client waits no more.
        """
        self._refuse_left(request)
        if reached.may_free:
            await self._budget.wait_for_end(ended)
            return
        cost = _say_cost(self._costs.of_request(request), request)
        may = f"take {self._costs.count_most(request):,}" if reached.cap.counts_tokens else cost
        self._refuse_at_cap(reached.cap.option, reached.said, may)

    async def _send_in(self, job: str, request: Request) -> None:
        """Reserve and send a call of a sample, from its money and what else there is.

        Raises:
            Refused: it was not sent.
        """
        while not self.tally.stopped:
            ended = self._budget.next_end
            if await self._attempts.run_attempt([request], job):
                return
            if (reached := self._budget.take_reached(request.id)) is not None:
                await self._wait_for_part(reached, request, ended)
            else:
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
            self.samples.lack(job, amount)
            self._refuse_unadmitted(request, amount)

    async def _admit(self, request: Request) -> None:
        """Allocate money to a call that is first in line, once there is any.

        Raises:
            Refused: there will be none, or its client waits no more.
        """
        self._refuse_left(request)
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

    def _refuse_at_cap(self, option: str, reached: str, may: str) -> NoReturn:
        self.tally.at_cap[option] += 1
        mend = self._raise_cap if option == "--cap" else f"run it again with a higher {option}"
        said = f"{reached}, and this call may {may}. To go on, {mend}"
        raise Refused(Why.AT_CAP, "budget_exceeded", said, option)


def _say_cost(amount: Money, request: Request) -> str:
    """Say what a call may do to a cap, and why: programs often ask for more than they need."""
    return f"cost {amount} (up to {request.max_output:,} tokens of answer)"
