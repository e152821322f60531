"""The scheduler: runs jobs in order; each attempt is reserved before it is sent.

A job is a subject request with its judges. It is admitted only when the cap can hold the worst case
of all of it, so that no paid answer ends unjudged. Jobs are admitted strictly in the order of work,
breadth first over the conditions: wherever the money ends, conditions have the same number of
answers, give or take one.

A model that is down is left out of that order until it answers again: its jobs go back to the queue
and their money is free; a judge that is down is waited for, with its job's money, but in no slot.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from estimator.workload import PlannedModel
from experiment.definition import SUBJECT, list_awaited
from experiment.prompts import KnownVerdicts, Request, RequestBuilder, join_votes
from experiment.scoring import Completion
from pricing.money import Money
from providers.failures import Failure, FailureMeaning
from runner.billing import WorstCaseCost
from runner.errors import LedgerError
from runner.execution.attempts import AttemptRunner, Transport, read_completion
from runner.execution.breakers import Breakers, ModelWait, Readiness
from runner.execution.budget import Budget
from runner.execution.job_requests import JobRequests
from runner.execution.progress import Progress, describe_cap, describe_unsent, is_cap_held
from runner.execution.queues import Cells, Job, JobOutcome, JobQueue, StopReason
from runner.execution.resume_state import ResumeState
from runner.execution.retry import OF_THE_MODEL, RetryPolicy, RetryState, find_failure
from runner.execution.slots import SlotPool
from runner.execution.slow_start import SlowStart
from runner.ledger import Ledger
from runner.transport import Answered, Outcome

_JOBS_PER_TAKE = 16  # jobs, taken from the queue in one go
_POLL_INTERVAL = 0.5  # seconds between looks at what other processes give back
# Seconds between two transactions, for each request that may be in flight, and at most. At 1,000
# requests a second, the most that one process sends, the quarter that is reserved ahead lasts for
# five times as long, whatever the concurrency.
_PACE, _LONGEST_PACE = 0.00005, 0.01
_MOST_PARKED = 1_000  # jobs that wait for a judge that is down and leave their slots to others
_TRIALS = 5  # jobs that go first, one after the other, at most, until each judge has answered


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
        answered_only: send no subject request: only the judges of answers that are stored.
        slow_starts: written name of a model -> how many of its requests may be in flight; None
            begins with one of each.
        batched: written names of models that are sent nothing here: their requests go in batches.
        postpone: is called with jobs that the cap does not cover; returns whether they, and those
            after them, are left for later, because batches may free some of it.
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
        answered_only: bool = False,
        slow_starts: Mapping[str, SlowStart] | None = None,
        batched: Collection[str] = (),
        postpone: Callable[[Sequence[Job]], bool] = lambda _: False,
    ) -> None:
        self._postpone = postpone
        self._batched = frozenset(batched)
        self.progress = Progress()
        self._answered_only = answered_only
        self._left_unsent = 0  # subject requests, where only answered ones are judged
        self._requests = requests
        self._models = tuple(requests.experiment.spec.models)
        self._cells_of = {
            model: frozenset(n for n, (of, _) in enumerate(requests.cells) if of == model)
            for model in self._models
        }
        self._ledger = ledger
        self._budget = Budget(
            ledger, min(concurrency * _PACE, _LONGEST_PACE), has_batches=bool(self._batched)
        )
        self._queue = queue
        self._answered: dict[str, Completion] = {}  # of jobs that are taken, and not done
        # Of open jobs: more, because a job also waits for the ledger.
        self._slots = asyncio.Semaphore(2 * concurrency)
        self._open: set[str] = set()  # jobs
        self._parked: set[str] = set()  # those of them that gave their slots to others
        self._probing: dict[str, str] = {}  # job -> the model that it asks whether it is up again
        self._last_probes: dict[str, int] = {}  # model -> the place of the job that did so last
        self._given_up: set[str] = set()  # jobs that are not tried again here
        self._retries: dict[str, RetryState] = {}  # by request, of unfinished jobs
        judges = requests.experiment.spec.judges
        self._refusals: dict[str, set[str]] = {  # judge without an answer -> what it said
            judge.name: set() for judge in judges if judge.model not in self._batched
        }
        self._awaited = {name for judge in judges for name in list_awaited(judge)}
        self._pending_verdicts: set[str] = set()  # that are being asked
        self._refused_verdicts: set[str] = set()  # that are refused for good
        self._verdicts = KnownVerdicts(
            self._answered, self._pending_verdicts, self._refused_verdicts
        )
        self._jobs = JobRequests(requests, self._answered, self._verdicts)
        self._unpaid_reason = ""
        self._retry_policy = retry_policy
        self._on_progress = on_progress
        self._worst_case = WorstCaseCost(requests, models, resume.bound_excess, resume.repeats)
        starts = slow_starts or {name: SlowStart(concurrency) for name in models}
        slots = SlotPool(starts, concurrency, lambda: queue.worker_count)
        self.slots = slots
        self._breakers = Breakers(
            models,
            retry_policy,
            concurrency,
            has_answers=ledger.has_answers(),
            on_stop=self._note_stopped_model,
            on_recovery=slots.restart,
        )
        self._attempt_runner = AttemptRunner(
            models,
            self._budget,
            self._worst_case,
            transport,
            breakers=self._breakers,
            slots=slots,
            on_stop=self.stop,
        )
        self._draining = asyncio.Event()  # nothing is sent again

    async def run(self) -> Progress:
        """Work until everything is answered, the cap is reached, or something stops it."""
        try:
            await self._try_judges()
            self._refusals.clear()
            async with asyncio.TaskGroup() as group:
                while jobs := await self._admit_jobs(await self._take_slots()):
                    for job in jobs:
                        group.create_task(self._run_job(job))
        finally:  # a task that is cancelled before its first step closes no job
            with suppress(LedgerError):  # the next execution frees it
                await self._budget.close_all_jobs()
        if self.progress.end is None:
            await self._decide_end()
        self.progress.name_stopped_models(self._breakers.stopped.values())
        return self.progress

    async def _try_judges(self) -> None:
        """Send a job through all of its judges before any other is begun, and then the next one.

        Until each judge has answered once: no judge may be asked about the first answers, and one
        that refuses an answer may refuse that prompt alone. What is refused for the model, or twice
        in the same words, stops the execution.
        """
        earlier: set[str] = set()
        for _ in range(_TRIALS):
            if not self._refusals:
                return
            outcome = JobOutcome.WAITING
            while outcome is JobOutcome.WAITING:
                jobs = await self._admit_jobs(await self._take_slots(1))
                if not jobs:
                    return
                outcome = await self._run_job(jobs[0])
            said = set[str]().union(*self._refusals.values())
            if again := earlier & said:
                self.stop(f"a judge refuses every answer in the same words: {again.pop()}")
            earlier |= said
            for refusals in self._refusals.values():
                refusals.clear()

    async def _decide_end(self) -> None:
        """Decide how an execution ended that nothing stopped."""
        if self.progress.failed:
            self._record_end(StopReason.FAILED, self._unpaid_reason)
        elif self._unpaid_reason:
            self._record_end(StopReason.CAP, self._unpaid_reason)
        elif self._answered_only and self._left_unsent:
            self._record_end(StopReason.JUDGED, describe_unsent(self._left_unsent))
        elif failed := await self._queue.count_failed():
            self._record_end(StopReason.FAILED, f"other processes gave up on {failed} of the jobs")
        else:
            self._record_end(*self._queue.describe_end())

    def _note_stopped_model(self, model: str, stage: str) -> None:
        """Begin no more jobs where a judge is asked nothing more: they all need it."""
        judges = self._requests.experiment.spec.judges
        if any(judge.model == model and stage in ("", judge.name) for judge in judges):
            self._begin_drain(StopReason.STOPPED, self._describe_stopped_models())

    def _describe_stopped_models(self) -> str:
        return "\n".join(self._breakers.stopped.values())

    def interrupt(self) -> None:
        """Finish what is in flight, judge what is answered, and send nothing again."""
        self._begin_drain(StopReason.INTERRUPTED)

    def pause(self) -> None:
        """Send nothing until `resume`; what is in flight comes in, and jobs keep their money."""
        self.progress.is_paused = True
        self._breakers.pause()
        self._attempt_runner.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        self.progress.is_paused = False
        self._breakers.resume()
        self._attempt_runner.resume()

    def list_waits(self) -> list[ModelWait]:
        """Return the models that are asked nothing now, and why."""
        return self._breakers.list_waits()

    def expire(self) -> None:
        """Stop sending because the approval has expired; finish what is in flight."""
        self._attempt_runner.stop()
        self._begin_drain(StopReason.EXPIRED)

    def _begin_drain(self, end: StopReason, reason: str = "") -> None:
        self._record_end(end, reason)
        self._draining.set()
        self._budget.drain()
        self._attempt_runner.drain()
        self._breakers.wake()

    async def _take_slots(self, most: int = _JOBS_PER_TAKE) -> int:
        """Wait for a slot, and take any others that are free."""
        await self._slots.acquire()
        slots = 1
        while slots < most and not self._slots.locked():
            await self._slots.acquire()
            slots += 1
        return slots

    async def _admit_jobs(self, slots: int) -> list[Job]:
        """Allocate money for the next jobs, as many as there are slots and money for.

        Returns:
            the admitted jobs; none where nothing more is to be begun.
        """
        while True:
            jobs = await self._take_open_jobs(slots)
            wanted = [(job.subject.id, self._remaining_worst_case(job.subject)) for job in jobs]
            admitted = await self._budget.admit(wanted) if wanted else 0
            if not wanted or admitted or self._obey_stop_broadcast() or self.progress.end:
                break
            if not self._postpone(jobs):
                self._record_end(StopReason.CAP, self._describe_cap(wanted[0][1]))
                break
            await self._finish_jobs(jobs, JobOutcome.FAILED)  # nothing is done for them now
            self._queue.narrow(())  # nor for those after them
        if self.progress.end:
            for job, _ in wanted[:admitted]:
                await self._budget.close_job(job)
            admitted = 0
        await self._finish_jobs(jobs[admitted:], JobOutcome.WAITING)
        for left in jobs[admitted:]:
            self._probing.pop(left.subject.id, None)
        for _ in range(slots - admitted):
            self._slots.release()
        self._open.update(job.subject.id for job in jobs[:admitted])
        return jobs[:admitted]

    async def _take_open_jobs(self, limit: int) -> list[Job]:
        """Take the next unfinished jobs; wait while there will be some later."""
        while self.progress.end is None:
            await self._attempt_runner.wait_while_paused()
            news = self._breakers.news
            try:
                taken: list[Job] | None = await self._take_probe()
                if not taken:
                    taken = await self._queue.take(limit, *self._find_cells_down())
            except LedgerError as error:
                self.stop(str(error))
                break
            if taken is None or (not taken and self._open):
                await self._wait_for_jobs(news)
                continue
            jobs = await self._keep_open(taken)
            if jobs or not taken:
                return jobs
        return []

    async def _take_probe(self) -> list[Job]:
        """Take a job of a model that is down and may be asked again, if there is one.

        Another one than the last time, if there are two: one may be refused for itself.
        """
        for model in filter(self._is_due, self._models):
            others = frozenset(range(len(self._requests.cells))) - self._cells_of[model]
            while taken := await self._queue.take(2, others):
                jobs, last = await self._keep_open(taken), self._last_probes.get(model)
                chosen = [job for job in jobs if job.place != last][:1] or jobs[:1]
                left = [job for job in jobs if job not in chosen]
                await self._finish_jobs(left, JobOutcome.WAITING)
                for job in chosen:
                    self._last_probes[model] = job.place
                    self._probing[job.subject.id] = model
                    return [job]
        return []

    def _is_due(self, model: str) -> bool:
        is_asked = model in self._probing.values()
        return not is_asked and self._breakers.judge_readiness(model) is Readiness.DUE

    def _find_cells_down(self) -> tuple[Cells, Cells]:
        """Return the cells of models that are down, and of those that are stopped."""
        resting: Cells = frozenset()
        stopped: Cells = frozenset()
        for model in self._models:
            readiness = self._breakers.judge_readiness(model)
            if readiness is Readiness.STOPPED:
                stopped |= self._cells_of[model]
            elif readiness is not Readiness.UP:
                resting |= self._cells_of[model]
        return resting, stopped

    async def _keep_open(self, taken: list[Job]) -> list[Job]:
        """Finish the jobs that are done already, and return the others."""
        for job in taken:
            self._answered.update(job.answered)
            self._attempt_runner.last_attempts |= job.attempts
        done = [job for job in taken if self._is_done(job.subject)]
        for job in done:
            self._forget_job(job.subject)
        await self._finish_jobs(done, JobOutcome.DONE)
        left = [job for job in taken if job not in done]
        unsent = [job for job in left if self._answered_only and not self._is_answered(job)]
        self._left_unsent += len(unsent)
        await self._finish_jobs(unsent, JobOutcome.FAILED)  # the next execution may send them
        return [job for job in left if job not in unsent]

    def _is_answered(self, job: Job) -> bool:
        return job.subject.id in self._answered

    async def _wait_for_jobs(self, news: asyncio.Event) -> None:
        """Wait until a model may be asked again, a job here ended, or others gave some back."""
        left = (self._breakers.seconds_left(model, SUBJECT) for model in self._models)
        seconds = min((each for each in left if each > 0), default=math.inf)
        if self._ledger.is_shared:
            await self._budget.look()
            self._obey_stop_broadcast()
            seconds = min(seconds, _POLL_INTERVAL)
        await self._breakers.wait_for_news(seconds, news)

    async def _finish_jobs(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs; where that fails, let what is in flight come in."""
        for job in jobs:
            self._jobs.forget(job.subject)
        try:
            await self._queue.finish(jobs, outcome)
        except LedgerError as error:
            self.stop(str(error))

    async def _run_job(self, job: Job) -> JobOutcome:
        """Work on an admitted job, close it, and give its slot back."""
        outcome = JobOutcome.WAITING
        try:
            async with self._budget.job(job.subject.id):
                outcome = await self._complete_job(job.subject)
        finally:
            await self._finish_jobs([job], outcome)
            self._probing.pop(job.subject.id, None)
            self._open.discard(job.subject.id)
            if job.subject.id in self._parked:
                self._parked.discard(job.subject.id)
            else:
                self._slots.release()
            self._breakers.wake()
        return outcome

    def _park(self, job: str) -> None:
        """Give the slot of a job that waits for a judge to another job."""
        if job not in self._parked and len(self._parked) < _MOST_PARKED:
            self._parked.add(job)
            self._slots.release()

    async def _complete_job(self, subject: Request) -> JobOutcome:
        """Get the subject's answer, and then the judges of that answer, all at once."""
        if await self._complete_answer(subject):
            if self._probing.pop(subject.id, None):  # its judges may wait for long
                self._breakers.wake()
            await self._judge_answer(subject)
        if self._is_done(subject):
            self._forget_job(subject)
            return JobOutcome.DONE
        if self._goes_on_in_batches(subject):
            self._budget.keep(subject.id)
            self._forget_job(subject)
            return JobOutcome.FAILED  # nothing more is done for it here
        return JobOutcome.FAILED if subject.id in self._given_up else JobOutcome.WAITING

    def _goes_on_in_batches(self, subject: Request) -> bool:
        """Return whether all that is left of a job is sent in batches."""
        if (turn := self._jobs.follow_turns(subject).next) is not None:
            return turn.model in self._batched
        judges = self._jobs.list_judges(subject)
        left = [judge for judge in judges if judge.id not in self._answered]
        return all(judge.model in self._batched for judge in left)

    async def _complete_answer(self, subject: Request) -> bool:
        """Get a subject's answer, turn by turn; return whether it is whole."""
        while (request := self._jobs.follow_turns(subject).next) is not None:
            if request.model in self._batched or not await self._complete_requests(
                (request,), subject.id
            ):
                return False
        return True

    async def _judge_answer(self, subject: Request) -> None:
        """Ask the judges of an answer all at once, but those that wait for others after these."""
        if not self._jobs.list_judges(subject):
            return
        begun: set[str] = set()
        async with asyncio.TaskGroup() as group:

            def begin_judges() -> None:
                known = self._jobs.list_judges(subject)
                here = [each for each in known if each.model not in self._batched]
                new = [each for each in here if each.id not in begun]
                begun.update(each.id for each in new)
                left = [each for each in new if each.id not in self._answered]
                self._pending_verdicts.update(each.id for each in left)
                for votes in self._requests.group_requests(left):
                    group.create_task(self._run_judge(votes, subject.id, begin_judges))

            begin_judges()

    async def _run_judge(
        self, votes: Sequence[Request], job: str, begin_judges: Callable[[], None]
    ) -> None:
        """Get a judge's votes that are asked for together."""
        with self._budget.task(job):
            try:
                await self._complete_requests(votes, job)
            finally:
                self._pending_verdicts.difference_update(each.id for each in votes)
            if votes[0].stage in self._awaited:
                begin_judges()
                await asyncio.sleep(0)  # they work before this one no longer does

    async def _complete_requests(self, requests: Sequence[Request], job: str) -> bool:
        """Send requests until each is answered; those that are left are asked for together.

        Returns:
            False where this execution cannot get an answer to one of them. Neither can it, for
            now, where the model is down; a request of which something is paid for waits for that:
            a judge's, or one that is asked again.
        """
        for each in requests:
            self._retries.setdefault(each.id, RetryState(self._retry_policy))
        while left := [each for each in requests if self._is_left(each)]:
            request, states = join_votes(left), [self._retries[each.id] for each in left]
            if not self._breakers.may_send(request):
                if self._go_back(left):
                    return False
                await self._wait_for_model(request, job)
                continue
            if not await self._ensure_paid(request, states, job):
                break
            outcomes = await self._attempt_runner.run_attempt(left, job)
            if outcomes:
                await self._handle_outcomes(left, outcomes, job)
                if self._go_back(left):
                    return False
        for each in requests:
            if each.id in self._answered or self._retries[each.id].exhausted:
                self._retries.pop(each.id)
        return all(each.id in self._answered for each in requests)

    async def _ensure_paid(self, request: Request, states: Sequence[RetryState], job: str) -> bool:
        """Ensure that what a request may cost is allocated; else give its job up."""
        amount = self._worst_case.of_request(request)
        spent = any(state.money_spent for state in states)
        if not spent and not self._budget.missing_amount(job, amount):
            return True
        if not await self._ensure_allocated(job, amount, in_full=spent):
            self._give_up_unpaid(request, job)
            return False
        for state in states:
            state.money_spent = False
        return True

    def _is_left(self, request: Request) -> bool:
        """Return whether a request needs an answer, and may be sent for it."""
        state = self._retries[request.id]
        return not self._has_final_answer(request, state) and self._may_send(request, state)

    def _go_back(self, requests: Sequence[Request]) -> bool:
        """Return whether their job goes back to the queue; it is admitted again in full then."""
        if not self._should_go_back(requests[0], self._retries[requests[0].id]):
            return False
        self._retries[requests[0].id].money_spent = False
        return True

    def _should_go_back(self, request: Request, state: RetryState) -> bool:
        """Return whether a job goes back to the queue, because another one should ask next."""
        is_begun = request.subject is not None
        if is_begun or request.id in self._answered or state.exhausted:
            return False
        return self._breakers.judge_readiness(request.model) is not Readiness.UP

    async def _wait_for_model(self, request: Request, job: str) -> None:
        """Wait for a model that is down, in no slot."""
        self._park(job)
        await self._breakers.wait_for_news(
            self._breakers.seconds_left(request.model, request.stage)
        )

    def _give_up_unpaid(self, request: Request, job: str) -> None:
        """Give up a job that cannot be paid for, unless it needs no more or sending has stopped."""
        if request.id in self._answered or self._obey_stop_broadcast():
            return
        self._unpaid_reason = f"a {request.stage} request of an open job could not be paid for"
        balance, amount = self._ledger.balance, self._worst_case.of_request(request)
        if balance.free < Money() or is_cap_held(balance, amount):
            self._unpaid_reason = self._describe_cap(amount)
        self._given_up.add(job)

    def _describe_cap(self, amount: Money) -> str:
        """Say why the cap does not pay for an amount."""
        balance = self._ledger.balance
        self.progress.cap_held = is_cap_held(balance, amount)
        return describe_cap(balance, amount)

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

        While draining, only what an answer that is begun needs may be, once, if its model is up:
        its further turns and its judges.
        """
        if self._attempt_runner.is_stopped or retry_state.exhausted:
            return False
        if self._breakers.is_stopped(request.model, request.stage):
            return False
        return not self._draining.is_set() or (
            not retry_state.was_sent
            and request.subject is not None
            and self._breakers.may_send(request)
        )

    async def _handle_outcomes(
        self, requests: Sequence[Request], outcomes: Sequence[Outcome | None], job: str
    ) -> None:
        """Continue, wait, or give up after what was sent for some requests."""
        self.progress.waiting = self._breakers.describe_down()
        waits = [0.0]
        for request, outcome in zip(requests, outcomes, strict=True):
            state = self._retries[request.id]
            if outcome is None:  # others were answered instead
                state.money_spent = True
            else:
                waits.append(self._handle_outcome(outcome, request, job, state))
        if seconds := max(waits):
            await self._wait_unless_draining(seconds)

    def _handle_outcome(
        self, outcome: Outcome, request: Request, job: str, retry_state: RetryState
    ) -> float:
        """Record what came of a request; return the seconds to wait before it is sent again."""
        retry_state.record(outcome, self._breakers.count_answers(request.model))
        failure = find_failure(outcome)
        if failure is None and isinstance(outcome, Answered):
            self._answered[request.id] = read_completion(request, outcome.response)
            self._refusals.pop(request.stage, None)
            is_further_turn = request.stage == SUBJECT and request.vote > 0
            self.progress.answered += not is_further_turn
            self._on_progress(self.progress)
        elif failure is not None and retry_state.exhausted:
            self._record_failure(request, job, failure)
        elif failure is not None and failure.meaning not in OF_THE_MODEL:  # for that all wait
            return retry_state.wait_seconds()
        return 0.0

    def _record_failure(self, request: Request, job: str, failure: Failure) -> None:
        is_stopped = self._breakers.is_stopped(request.model, request.stage)
        if is_stopped or self._attempt_runner.is_stopped:
            return  # the reason why nothing more is sent says it
        self._given_up.add(job)
        if not failure.retries:  # else the next execution may get it
            self._refused_verdicts.add(request.id)
        is_refusal = not failure.retries and failure.meaning is not FailureMeaning.CONTEXT
        if not is_refusal:
            self._refusals.pop(request.stage, None)
        elif request.stage in self._refusals:
            self._refusals[request.stage].add(f"{request.stage}: {failure.message}")
        failed = f"{request.stage} of {request.condition}, query {request.query}"
        said = f"{failed}: {failure.message}"
        if self.progress.failed[-1:] != [said]:  # once for votes that were asked for together
            self.progress.failed.append(said)
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
        turns = self._jobs.follow_turns(subject)
        if turns.next is not None:
            return self._worst_case.of_job(subject, turns.next)
        judges = self._jobs.list_judges(subject, foresees=True)
        remaining = [judge for judge in judges if judge.id not in self._answered]
        asked = map(join_votes, self._requests.group_requests(remaining))
        return sum(map(self._worst_case.of_request, asked), Money())

    def _is_done(self, subject: Request) -> bool:
        return self._jobs.follow_turns(subject).next is None and all(
            judge.id in self._answered for judge in self._jobs.list_judges(subject)
        )

    def _forget_job(self, subject: Request) -> None:
        """Drop what is known of a finished job's requests; the ledger has it."""
        turns, judges = self._jobs.follow_turns(subject), self._jobs.list_judges(subject)
        for request in (*turns.answered, *(judge.id for judge in judges)):
            self._answered.pop(request, None)
            self._attempt_runner.last_attempts.pop(request, None)

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
        if self.progress.record_end(end, reason):
            self._on_progress(self.progress)
