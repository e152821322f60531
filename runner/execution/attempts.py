"""Attempts: each one waits for a slot, is reserved, waits for its place, is sent and settled.

Nothing is sent that is not reserved, and what came back is written before its money is free. A
breach, or a provider that would refuse everything, stops all further sending before anything else
can be sent: what waits for its place and may not be sent any more is released at once, and so it is
in a pause, and while its model is down.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from estimator.counting import TokenCount
from estimator.workload import PlannedModel
from experiment.prompts import Request, join_votes
from experiment.scoring import Completion
from pricing.catalog import ModelName
from pricing.money import Money
from pricing.usage import Usage
from providers.capabilities import repeats_prompt
from providers.error_body import put_on_one_line
from providers.failures import Billed, Failure
from providers.reply import ModelResponse
from runner.billing import (
    BilledAnswer,
    Settlement,
    applicable_card,
    compute_settlement,
    split_bill,
)
from runner.execution.breaker import Permit
from runner.execution.budget import Budget
from runner.execution.slots import Slot, SlotPool
from runner.execution.warming import WarmPrefixes
from runner.ledger import NEVER_SENT, Attempt, SpooledAnswer, StoredAnswer, build_completion
from runner.transport import Answered, NotBilled, Outcome, Unknown

_MAX_NOTE = 1000  # characters
_FRESH = 1.0  # seconds after which what was reserved is not sent before the ledger is looked at


class Transport(Protocol):
    """Sends one request once; `HttpTransport` is the real implementation."""

    async def send(self, name: ModelName, request: Request) -> Outcome:
        """Send the request and return what happened to the money."""
        ...


class Costs(Protocol):
    """Counts prompts, and bounds what attempts cost; `WorstCaseCost` is an experiment's."""

    def count_prompt(self, request: Request) -> TokenCount:
        """Return the tokens of a prompt."""
        ...

    def of_request(self, request: Request) -> Money:
        """Return the worst-case cost of a request."""
        ...

    def of_votes(self, votes: Sequence[Request]) -> list[Money]:
        """Return that of each of several votes that one request asks for."""
        ...

    def record_excess(self, request: Request, billed_prompt: int, answers: int = 1) -> None:
        """Record by how many tokens a billed prompt exceeded the bound."""
        ...

    def forget_count(self, request: Request) -> None:
        """Drop the count of a request that will not be sent again."""
        ...


class Permits(Protocol):
    """Says which models are sent anything now; `Breakers` does for an experiment."""

    def permit(self, request: Request) -> AbstractContextManager[Permit | None]:
        """Give the permission to send a request; None where it must not be sent now."""
        ...

    def record(self, permit: Permit, request: Request, outcome: Outcome) -> None:
        """Record what came of a request."""
        ...

    def is_stopped(self, model: str, stage: str) -> bool:
        """Return whether nothing more is asked of a model in a stage."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the money of attempts that one request sent.

    Attributes:
        write: writes it to the ledger.
        outcomes: of each of them; empty where nothing was sent.
    """

    write: Callable[[], Awaitable[None]]
    outcomes: list[Outcome | None]


class AttemptRunner:
    """Runs attempts, for the tasks of one event loop.

    Args:
        models: written name -> model with its pinned card.
        budget: holds the money.
        worst_case: what an attempt may cost.
        transport: sends.
        breakers: say which models are asked nothing now.
        slots: of all models.
        on_stop: is called with the reason why nothing more may be sent.

    Attributes:
        last_attempts: request id -> the number of its last attempt, of jobs that are not done.
    """

    def __init__(  # noqa: PLR0913 - what an attempt is made of
        self,
        models: Mapping[str, PlannedModel],
        budget: Budget,
        worst_case: Costs,
        transport: Transport,
        *,
        breakers: Permits,
        slots: SlotPool,
        on_stop: Callable[[str], None],
    ) -> None:
        self.last_attempts: dict[str, int] = {}
        self._stopped = asyncio.Event()
        self._draining = False
        self._going = asyncio.Event()  # not set while paused
        self._going.set()
        self._models = models
        self._budget = budget
        self._worst_case = worst_case
        self._transport = transport
        self._on_stop = on_stop
        self._breakers = breakers
        self._slots = slots
        self._prefixes = WarmPrefixes()

    def drain(self) -> None:
        """Start no more subject requests, and let no request wait for rate limits."""
        self._draining = True
        self._going.set()
        self._slots.release_all()
        self._prefixes.release_all()
        self._slots.recall()

    def pause(self) -> None:
        """Send nothing until `resume`; what is in flight comes in, and jobs keep their money."""
        if not self._draining:
            self._going.clear()
            self._slots.recall()

    def resume(self) -> None:
        """Go on after a pause."""
        self._going.set()

    async def wait_while_paused(self) -> None:
        """Wait until a pause ends, or everything does."""
        await self._going.wait()

    @property
    def is_stopped(self) -> bool:
        """Whether sending has stopped."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Stop sending."""
        self._stopped.set()
        self.drain()

    async def run_attempt(self, votes: Sequence[Request], job: str) -> list[Outcome | None]:
        """Reserve, send and settle one request.

        Args:
            votes: what it asks for: a request by itself, or votes that are asked for together,
                each of which is an attempt.
            job: that they belong to.

        Returns:
            the outcome of each vote, None for one that got no answer of its own; nothing where
            nothing was sent: while it waited for its slot everything was stopped, its model went
            down, or its worst case rose above what is allocated to its job.
        """
        if not self._going.is_set():
            await self._going.wait()
        request = join_votes(votes)
        count, amount = self._worst_case.count_prompt(request), self._worst_case.of_request(request)
        async with (
            self._prefixes.use(request) as prefix,
            self._slots.take(request, count.tokens, amount) as slot,
        ):
            with self._breakers.permit(request) as permit:
                if permit is None:
                    return []
                amount = self._worst_case.of_request(request)
                attempts = await self._reserve_attempts(votes, job, amount)
                if not attempts:
                    return []
                if not await self._enter(slot, request, amount, attempts, permit):
                    decision = Decision(partial(self._budget.release, attempts, NEVER_SENT), [])
                else:
                    sent_at = datetime.now(UTC)
                    outcome = await self._send(request, attempts)
                    slot.record(outcome)
                    prefix.record(outcome, sent_at.timestamp())
                    # Before the place is free, so that a breach, or a model that is down, stops the
                    # requests that wait for it.
                    self._record(permit, request, outcome)
                    decision = self.decide(outcome, request, attempts, amount, sent_at)
        await decision.write()
        if failure := self._budget.failure:
            self._on_stop(failure)
        await self._budget.broadcast_stop()
        return decision.outcomes

    async def _send(self, request: Request, attempts: Sequence[Attempt]) -> Outcome:
        """Send a request; its money is held where it is cancelled meanwhile."""
        try:
            return await self._transport.send(self._models[request.model].name, request)
        except asyncio.CancelledError:
            await self._budget.hold(attempts, "interrupted while being sent")
            raise

    def _record(self, permit: Permit, request: Request, outcome: Outcome) -> None:
        """Record what came of a request; where its model is down, call off what waits for it."""
        self._breakers.record(permit, request, outcome)
        if not self._is_allowed(request, permit):
            self._slots.recall()

    async def _reserve_attempts(
        self, votes: Sequence[Request], job: str, amount: Money
    ) -> list[Attempt]:
        """Reserve money for attempts; none where they may not be sent."""
        if self._is_halted(votes[0]) or self._budget.missing_amount(job, amount):
            return []
        attempts = list(self._number_attempts(votes, job))
        amounts = self._worst_case.of_votes(votes)
        if not await self._budget.reserve(list(zip(attempts, amounts, strict=True))):
            if reason := self._budget.stop_reason:
                self._on_stop(reason)
            return []
        return attempts

    async def _enter(
        self,
        slot: Slot,
        request: Request,
        amount: Money,
        attempts: Sequence[Attempt],
        permit: Permit,
    ) -> bool:
        """Wait for a place on the wire; return whether the request may still be sent then.

        It may not where sending was stopped or paused meanwhile, its model went down, its worst
        case rose above what is reserved, or the cap was lowered below that.
        """
        reserved_at = time.monotonic()
        is_wanted = partial(self._may_be_sent, request, permit)
        try:
            if not await slot.enter(is_wanted):
                return False
            if time.monotonic() - reserved_at > _FRESH:
                await self._budget.look()  # a lower cap, others that took this process for dead
        except asyncio.CancelledError:
            await self._budget.release(attempts, NEVER_SENT)
            raise
        if reason := self._budget.stop_reason:
            self._on_stop(reason)
        return (
            is_wanted()
            and self._worst_case.of_request(request) <= amount
            and not self._budget.is_overdrawn
        )

    def _may_be_sent(self, request: Request, permit: Permit) -> bool:
        """Return whether what is reserved may still be sent."""
        return not self._is_halted(request) and self._is_allowed(request, permit)

    def _is_allowed(self, request: Request, permit: Permit) -> bool:
        """Return whether a request's model is neither down nor stopped since it was permitted."""
        return permit.is_valid and not self._breakers.is_stopped(request.model, request.stage)

    def _is_halted(self, request: Request) -> bool:
        """Return whether a request may not be sent, whatever its model says: not even in flight."""
        is_begun = request.subject is not None
        return (
            self._stopped.is_set()
            or (self._draining and not is_begun)
            or not self._going.is_set()  # paused while it waited
        )

    def _number_attempts(self, votes: Sequence[Request], job: str) -> Iterator[Attempt]:
        """Yield the next attempt of each vote; the first one has the prompt of all."""
        count = self._worst_case.count_prompt(votes[0])
        for vote in votes:
            number = self.last_attempts[vote.id] = self.last_attempts.get(vote.id, 0) + 1
            yield Attempt.from_request(vote, job, number, count)
            count = TokenCount(0, count.exactness, 0)

    def decide(
        self,
        outcome: Outcome,
        request: Request,
        attempts: Sequence[Attempt],
        reserved: Money,
        sent_at: datetime,
    ) -> Decision:
        """Decide what becomes of the money of attempts that one request sent.

        It stops all sending where it must stop.

        Args:
            outcome: of the request.
            request: that was sent.
            attempts: that it is.
            reserved: for all of them.
            sent_at: when; of prices that changed meanwhile the higher one is settled.
        """
        same: list[Outcome | None] = [outcome] * len(attempts)
        match outcome:
            case Answered(response, failure=Failure() as failure):
                self._worst_case.forget_count(request)
                billed = response.stated_cost or Money()
                if billed > reserved:
                    self._check_breach(request, attempts[0], reserved, response, Settlement(billed))
                of_none = replace(response, usage=Usage(0, 0), stated_cost=None)
                bills = [BilledAnswer(response, billed)]
                bills += [BilledAnswer(of_none, Money()) for _ in attempts[1:]]
                note, is_held = _describe_failure(failure), failure.billed is not Billed.NO
                answers = self._store_answers(request, attempts, bills, note, is_held=is_held)
                return Decision(partial(self._budget.settle, answers), same)
            case Answered(response):
                text = completion_text(request, response)
                settlement = self._compute_settlement(request, response, text, sent_at, reserved)
                self._check_breach(request, attempts[0], reserved, response, settlement)
                vocabulary = self._models[request.model].vocabulary
                bills = split_bill(
                    response, settlement, vocabulary, request.max_tokens, len(attempts)
                )
                self._worst_case.forget_count(request)
                more = _describe_more_tokens(settlement.more_tokens)
                note = "; ".join(filter(None, (more, settlement.note, response.note)))
                answers = self._store_answers(request, attempts, bills, note)
                unanswered = attempts[len(answers) :]
                outcomes: list[Outcome | None] = [
                    outcome
                    if bill.response is response
                    else replace(outcome, response=bill.response)
                    for bill in bills
                ]
                return Decision(
                    partial(self._budget.settle, answers, unanswered),
                    [*outcomes, *(None for _ in unanswered)],
                )
            case NotBilled(failure):
                self._stop_for_account(failure)
                note = _describe_failure(failure)
                return Decision(partial(self._budget.release, attempts, note), same)
            case Unknown(failure):
                self._stop_for_account(failure)
                return Decision(partial(self._budget.hold, attempts, outcome.reason), same)

    def _store_answers(
        self,
        request: Request,
        attempts: Sequence[Attempt],
        bills: Sequence[BilledAnswer],
        note: str,
        *,
        is_held: bool = False,
    ) -> list[SpooledAnswer]:
        """Return the answers to a request as they are settled; the note is the first one's."""
        shows_summary = self._models[request.model].capability.text == "summary"
        if note:  # it repeats what the provider said
            note = put_on_one_line(note, _MAX_NOTE)
        answers = []
        for attempt, bill in zip(attempts, bills, strict=False):
            text = completion_text(request, bill.response)
            stored = StoredAnswer.from_response(
                request, bill.response, text, shows_summary=shows_summary
            )
            answers.append(SpooledAnswer(attempt, bill.billed, stored, note, is_held))
            note = note if is_held else ""
        return answers

    def _compute_settlement(
        self,
        request: Request,
        response: ModelResponse,
        text: str,
        sent_at: datetime,
        reserved: Money,
    ) -> Settlement:
        """Compute what an answer cost, and record by how much its prompt exceeded our bound."""
        model, count = self._models[request.model], self._worst_case.count_prompt(request)
        card = applicable_card(model, response, sent_at, datetime.now(UTC))
        answers = min(max(len(response.choices), 1), request.choices)
        self._worst_case.record_excess(request, response.usage.prompt_tokens, answers)
        return compute_settlement(model, card, count, request, response, text, reserved)

    def _check_breach(
        self,
        request: Request,
        attempt: Attempt,
        reserved: Money,
        response: ModelResponse,
        settlement: Settlement,
    ) -> None:
        """Stop all sending on a breach; an answer billed as expected adds slots."""
        usage, booked = response.usage, "It is booked in full"
        if settlement.billed > reserved or settlement.breach:
            self._slots.distrust(request.model)
        if settlement.billed > reserved:
            self._stop_all_workers(
                f"BREACH: {self._models[request.model].name} billed "
                f"{settlement.billed.to_decimal_string()} USD for one request, "
                f"reserved {reserved.to_decimal_string()}: "
                f"usage reports {usage.prompt_tokens} prompt tokens (counted {attempt.counted}) "
                f"and {usage.output} output tokens (max_tokens {request.max_tokens}"
                + (f", {request.choices} answers" if request.choices > 1 else "")
                + "). "
                + self._describe_repeated_prompt(request, response)
                + (f"{settlement.breach}. " if settlement.breach else "")
                + f"{booked}."
            )
        elif settlement.breach:
            self._stop_all_workers(
                f"BREACH: {settlement.breach}. {booked} as far as its price is known."
            )
        else:
            self._slots.add(request.model)

    def _describe_repeated_prompt(self, request: Request, response: ModelResponse) -> str:
        counted, answers = self._worst_case.count_prompt(request).tokens, len(response.choices)
        if not repeats_prompt(counted, response.usage.prompt_tokens, answers):
            return ""
        return (
            "The prompt is billed for each answer, not once for all: from now on that is reserved, "
            "and one_request: no in the judge asks for each vote by itself. "
        )

    def _stop_for_account(self, failure: Failure) -> None:
        """Stop all sending where the account is refused, whether or not this request is billed."""
        if failure.stops_account:
            self._stop_all_workers(
                "; ".join(filter(None, (failure.message.removesuffix("."), failure.mend)))
            )

    def _stop_all_workers(self, reason: str) -> None:
        """Stop this process and ask all others that share the ledger to stop."""
        reason = put_on_one_line(reason, _MAX_NOTE)
        self._on_stop(reason)
        self._budget.stop_others(reason)


def _describe_failure(failure: Failure) -> str:
    """Return a note for the ledger: what failed, and the rule that says whether it is billed."""
    says = "not billed" if failure.billed is Billed.NO else "may be billed"
    rule = f" ({says}: {failure.source})" if failure.source else ""
    return put_on_one_line(f"{failure.message}{rule}", _MAX_NOTE)


def _describe_more_tokens(tokens: int) -> str:
    """Say in a settlement's note how many tokens were booked beyond those of the usage, if any."""
    return f"{tokens} tokens more than reported are booked" if tokens else ""


def completion_text(request: Request, response: ModelResponse) -> str:
    """Return what the model wrote, without the prefill that some providers repeat."""
    return response.text.removeprefix(request.prefill)


def read_completion(request: Request, response: ModelResponse) -> Completion:
    """Return what came back, without the prefill that some providers repeat."""
    text = completion_text(request, response)
    return build_completion(response, text)
