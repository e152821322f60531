"""The scheduler: runs jobs in order; each attempt is reserved before it is sent.

A job is a subject request with its judges. It is admitted only when the cap can hold the worst case
of all of it, so that no paid answer ends unjudged. Jobs are admitted strictly in the order of work,
breadth first over the conditions: wherever the money ends, conditions have the same number of
answers, give or take one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from estimator.workload import PlannedModel
from experiment.definition import SUBJECT
from experiment.prompts import Request, RequestBuilder
from experiment.scoring import Completion
from pricing.money import Money
from runner.billing import WorstCaseCost
from runner.errors import LedgerError
from runner.execution.attempts import AttemptRunner, Transport, read_completion
from runner.execution.budget import Budget
from runner.execution.job_queue import Job, JobOutcome, JobQueue
from runner.execution.resume_state import ResumeState
from runner.execution.retry import RetryPolicy, RetryState
from runner.ledger import Balance, Ledger
from runner.transport import Answered, Outcome

_JOBS_PER_TAKE = 16  # jobs, taken from the queue in one go
_POLL_INTERVAL = 0.5  # seconds between looks at what other processes give back
_FAILURES_BEFORE_STOP = 5  # failures without a single answer, after which nothing more is sent


class StopReason(StrEnum):
    """Why an execution ended."""

    COMPLETE = "complete"  # every request is answered
    CAP = "cap"  # what is free cannot pay for the next job
    INTERRUPTED = "interrupted"  # the user stopped it
    EXPIRED = "expired"  # the approval ended meanwhile
    STOPPED = "stopped"  # a breach, or a provider that refuses everything
    FAILED = "failed"  # all was tried, some requests could not be answered


@dataclass(slots=True)
class Progress:
    """The state of an execution; `failed` and `reason` are for people."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    end: StopReason | None = None
    reason: str = ""


class RunScheduler:
    """One execution of a plan against an open ledger.

    Args:
        requests: builds what is sent.
        models: written name -> model with its pinned card.
        ledger: open for writing, with its approval.
        queue: gives the jobs, in the order of work.
        transport: sends.
        resume: what earlier executions left.
        concurrency: requests in flight, at most.
        retry_policy: how often a request is sent again, and how long that waits.
        on_progress: is called whenever the progress changed.
    """

    def __init__(  # noqa: PLR0913 - what an execution is made of
        self,
        requests: RequestBuilder,
        models: dict[str, PlannedModel],
        ledger: Ledger,
        queue: JobQueue,
        transport: Transport,
        *,
        resume: ResumeState,
        concurrency: int,
        retry_policy: RetryPolicy = RetryPolicy(),
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.progress = Progress()
        self._requests = requests
        self._ledger = ledger
        self._budget = Budget(ledger)
        self._queue = queue
        self._answered = dict(resume.answered)
        # Of open jobs: some more, because a job also waits for the ledger.
        self._slots = asyncio.Semaphore(concurrency + concurrency // 4)
        self._given_up: set[str] = set()  # jobs that are not tried again here
        self._unpaid_reason = ""
        self._retry_policy = retry_policy
        self._on_progress = on_progress
        self._worst_case = WorstCaseCost(requests, models, resume.bound_excess)
        self._attempt_runner = AttemptRunner(
            models,
            self._budget,
            self._worst_case,
            transport,
            last_attempts=resume.last_attempts,
            concurrency=concurrency,
            on_stop=self.stop,
        )
        self._draining = asyncio.Event()  # nothing is sent again

    async def run(self) -> Progress:
        """Work until everything is answered, the cap is reached, or something stops it."""
        try:
            async with asyncio.TaskGroup() as group:
                while jobs := await self._admit_jobs(await self._take_slots()):
                    for job in jobs:
                        group.create_task(self._run_job(job))
        finally:  # a task that is cancelled before its first step closes no job
            with suppress(LedgerError):  # the next execution frees it
                await self._budget.close_all_jobs()
        if self.progress.end is None:
            await self._decide_end()
        return self.progress

    async def _decide_end(self) -> None:
        """Decide how an execution ended that nothing stopped."""
        if self.progress.failed:
            self._record_end(StopReason.FAILED, self._unpaid_reason)
        elif self._unpaid_reason:
            self._record_end(StopReason.CAP, self._unpaid_reason)
        elif failed := await self._queue.count_failed():
            self._record_end(StopReason.FAILED, f"other processes gave up on {failed} of the jobs")
        else:
            self._record_end(StopReason.COMPLETE, "")

    def interrupt(self) -> None:
        """Finish what is in flight, judge what is answered, and send nothing again."""
        self._begin_drain(StopReason.INTERRUPTED)

    def expire(self) -> None:
        """Stop sending because the approval has expired; finish what is in flight."""
        self._attempt_runner.stop()
        self._begin_drain(StopReason.EXPIRED)

    def _begin_drain(self, end: StopReason, reason: str = "") -> None:
        self._record_end(end, reason)
        self._draining.set()
        self._budget.drain()
        self._attempt_runner.drain()

    async def _take_slots(self) -> int:
        """Wait for a slot, and take any others that are free."""
        await self._slots.acquire()
        slots = 1
        while slots < _JOBS_PER_TAKE and not self._slots.locked():
            await self._slots.acquire()
            slots += 1
        return slots

    async def _admit_jobs(self, slots: int) -> list[Job]:
        """Allocate money for the next jobs, as many as there are slots and money for.

        Returns:
            the admitted jobs; none where nothing more is to be begun.
        """
        jobs = await self._take_open_jobs(slots)
        wanted = [(job.subject.id, self._remaining_worst_case(job.subject)) for job in jobs]
        admitted = await self._budget.admit(wanted) if wanted else 0
        if wanted and admitted == 0 and not self._obey_stop_broadcast():
            self._record_end(StopReason.CAP, _describe_cap(self._ledger.balance, wanted[0][1]))
        if self.progress.end:
            for job, _ in wanted[:admitted]:
                await self._budget.close_job(job)
            admitted = 0
        await self._finish_jobs(jobs[admitted:], JobOutcome.WAITING)
        for _ in range(slots - admitted):
            self._slots.release()
        return jobs[:admitted]

    async def _take_open_jobs(self, limit: int) -> list[Job]:
        """Take the next unfinished jobs; wait while other workers have the last ones."""
        while self.progress.end is None:
            try:
                taken = await self._queue.take(limit)
            except LedgerError as error:
                self.stop(str(error))
                break
            if taken is None:
                await self._wait_unless_draining(_POLL_INTERVAL)
                continue
            for job in taken:
                self._answered |= job.answered
                self._attempt_runner.last_attempts |= job.attempts
            done = [job for job in taken if self._is_done(job.subject)]
            await self._finish_jobs(done, JobOutcome.DONE)
            if len(done) < len(taken) or not taken:
                return [job for job in taken if job not in done]
        return []

    async def _finish_jobs(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs; where that fails, let what is in flight come in."""
        try:
            await self._queue.finish(jobs, outcome)
        except LedgerError as error:
            self.stop(str(error))

    async def _run_job(self, job: Job) -> None:
        """Work on an admitted job, close it, and give its slot back."""
        outcome = JobOutcome.WAITING
        try:
            async with self._budget.job(job.subject.id):
                outcome = await self._complete_job(job.subject)
        finally:
            await self._finish_jobs([job], outcome)
            self._slots.release()

    async def _complete_job(self, subject: Request) -> JobOutcome:
        """Get the subject's answer, and then the judges of that answer, all at once."""
        if await self._complete_request(subject, subject.id) is not None:
            async with asyncio.TaskGroup() as group:
                for judge in list(self._judge_requests(subject)):
                    group.create_task(self._run_judge(judge, subject.id))
        if self._is_done(subject):
            self._forget_job(subject)
            return JobOutcome.DONE
        return JobOutcome.FAILED if subject.id in self._given_up else JobOutcome.WAITING

    async def _run_judge(self, judge: Request, job: str) -> None:
        with self._budget.task(job):
            await self._complete_request(judge, job)

    async def _complete_request(self, request: Request, job: str) -> Completion | None:
        """Send a request until it is answered; None where this execution cannot get an answer."""
        state = RetryState(self._retry_policy)
        while not self._has_final_answer(request, state) and self._may_send(request, state):
            amount = self._worst_case.of_request(request)
            if not await self._ensure_allocated(job, amount, in_full=state.money_spent):
                self._give_up_unpaid(request, job)
                break
            state.money_spent = False
            outcome = await self._attempt_runner.run_attempt(request, job)
            if outcome is not None:
                await self._handle_outcome(outcome, request, job, state)
        return self._answered.get(request.id)

    def _give_up_unpaid(self, request: Request, job: str) -> None:
        """Give up a job that cannot be paid for, unless it needs no more or sending has stopped."""
        if request.id in self._answered or self._obey_stop_broadcast():
            return
        balance = self._ledger.balance
        self._unpaid_reason = f"a {request.stage} request of an open job could not be paid for"
        if balance.free < Money():
            self._unpaid_reason = _describe_cap(balance, self._worst_case.of_request(request))
        self._given_up.add(job)

    def _has_final_answer(self, request: Request, retry_state: RetryState) -> bool:
        """Return whether a request has an answer that need not be requested again."""
        if request.id not in self._answered:
            return False
        if retry_state.answered == 0:  # it was answered before this execution
            return True
        return retry_state.answered > self._requests.max_resends(
            request, self._answered[request.id]
        )

    def _may_send(self, request: Request, retry_state: RetryState) -> bool:
        """Return whether a request may be sent, or sent again.

        While draining, only the judges of answered subjects may be, once.
        """
        if self._attempt_runner.is_stopped or retry_state.exhausted:
            return False
        return not self._draining.is_set() or (
            not retry_state.was_sent and request.stage != SUBJECT
        )

    async def _handle_outcome(
        self, outcome: Outcome, request: Request, job: str, retry_state: RetryState
    ) -> None:
        """Continue, wait, or give up after an attempt."""
        retry_state.record(outcome)
        if isinstance(outcome, Answered):
            self._answered[request.id] = read_completion(request, outcome.response)
            self.progress.answered += 1
            self._on_progress(self.progress)
        elif retry_state.exhausted and not self._attempt_runner.is_stopped:
            self._record_failure(request, job, outcome.reason)
        elif not retry_state.exhausted:
            await self._wait_unless_draining(retry_state.wait_seconds())

    def _record_failure(self, request: Request, job: str, reason: str) -> None:
        self._given_up.add(job)
        failed = f"{request.stage} of {request.condition}, query {request.query}"
        self.progress.failed.append(f"{failed}: {reason}")
        if self.progress.answered == 0 and len(self.progress.failed) >= _FAILURES_BEFORE_STOP:
            self.stop(f"the first {_FAILURES_BEFORE_STOP} requests all failed; the last: {reason}")
        self._on_progress(self.progress)

    async def _ensure_allocated(self, job: str, amount: Money, *, in_full: bool) -> bool:
        """Ensure that an attempt's amount is allocated; in full after a held attempt."""
        if in_full and not await self._budget.top_up(job, amount):
            return False
        while missing := self._budget.missing_amount(job, amount):
            if not await self._budget.top_up(job, missing):
                return False
        return True

    async def _wait_unless_draining(self, seconds: float) -> None:
        """Wait, or return early once draining begins."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._draining.wait(), seconds)

    def _remaining_worst_case(self, subject: Request) -> Money:
        """Return the worst-case cost of a job, or of the part that is not done."""
        if subject.id not in self._answered:
            return self._worst_case.of_job(subject)
        judges = self._judge_requests(subject)
        remaining = [judge for judge in judges if judge.id not in self._answered]
        return sum(map(self._worst_case.of_request, remaining), Money())

    def _is_done(self, subject: Request) -> bool:
        return subject.id in self._answered and all(
            judge.id in self._answered for judge in self._judge_requests(subject)
        )

    def _forget_job(self, subject: Request) -> None:
        """Drop the texts of a finished job; the ledger has them."""
        for judge in list(self._judge_requests(subject)):
            self._answered.pop(judge.id, None)
        self._answered.pop(subject.id)

    def _judge_requests(self, subject: Request) -> Iterator[Request]:
        answer = self._requests.read_subject_answer(subject, self._answered[subject.id])
        return self._requests.build_judge_requests(subject, answer)

    def _obey_stop_broadcast(self) -> bool:
        """Stop if another worker has stopped sending; return whether it has."""
        if reason := self._budget.stop_reason:
            self.stop(reason)
        return bool(reason)

    def stop(self, reason: str) -> None:
        """Stop at once: send nothing more."""
        self._attempt_runner.stop()
        self._begin_drain(StopReason.STOPPED, reason)

    def _record_end(self, end: StopReason, reason: str) -> None:
        """Record how the run ends; the first reason stays, but a stop overrides all others."""
        earlier = self.progress.end
        if earlier is None or (end is StopReason.STOPPED and earlier is not StopReason.STOPPED):
            self.progress.end, self.progress.reason = end, reason
            self._on_progress(self.progress)


def _describe_cap(balance: Balance, amount: Money) -> str:
    """Say why a cap does not pay for an amount."""
    if balance.free < Money():
        counted = balance.cap - balance.free
        return f"the cap was lowered to {balance.cap}, and {counted} is spent or reserved already"
    needed, left = str(amount), str(balance.free)
    if needed == left:  # rounding hides the difference
        needed, left = (f"${each.to_decimal_string()}" for each in (amount, balance.free))
    return f"the next job may cost {needed}, but only {left} is free"
