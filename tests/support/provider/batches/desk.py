"""Where batches are taken in, brought on and told of, whatever their form.

An upload, a create, a poll, a list and a fetch each meet the faults of their kind; between them a
batch waits. `finish` brings all of them to their ends, as time would: a batch that no client ever
found again is billed all the same.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.support.provider.batches.answering import answer_line, count_tokens
from tests.support.provider.batches.batch_behaviour import COURSES, CREATES, UPLOADS, BatchFault
from tests.support.provider.batches.files import FileStore
from tests.support.provider.batches.form import Form, RefusedError
from tests.support.provider.batches.job import Done, Draft, End, Job, Json, Problem, Stage
from tests.support.provider.batches.results import write_results
from tests.support.provider.behaviour import Behaviour
from tests.support.provider.bill import Till

_AT_ONCE = 500  # lines between two looks at other requests
_TOO_MANY = Problem("token_limit_exceeded", "Enqueued token limit reached for this model.")
_INVALID = Problem("invalid_request", "The input was refused when it was validated.", 1)


@dataclass(frozen=True)
class BatchAccount:
    """What the provider knows of one batch: its id, how many lines it has, what they are named."""

    id: str
    number: int
    form: str
    model: str
    stage: str
    end: str
    polls: int
    lines: int
    done: int
    custom_ids: tuple[str, ...]
    sent: Json


class Desk:
    """All batches and files of a provider."""

    def __init__(self, behaviour: Behaviour, till: Till) -> None:
        self._lock = asyncio.Lock()
        self.reset(behaviour, till)

    def reset(self, behaviour: Behaviour, till: Till) -> None:
        """Start over, with nothing."""
        self.behaviour = behaviour
        self.till = till
        self.files = FileStore()
        self.uploads = self.creates = 0
        self._numbers = 0  # of batches, also of those that were refused, and those deleted
        self._jobs: dict[str, Job] = {}

    def fault_of_upload(self) -> BatchFault | None:
        """Count an upload, and say what strikes it."""
        self.uploads += 1
        struck = self.behaviour.batches.strike(UPLOADS, self.uploads, self.behaviour.seed)
        return next(iter(struck.values()), None)

    def fault_of_create(self, model: str) -> BatchFault | None:
        """Count a create, and say what strikes it."""
        self.creates += 1
        struck = self.behaviour.batches.strike(CREATES, self.creates, self.behaviour.seed, model)
        return next(iter(struck.values()), None)

    def open(self, form: Form, draft: Draft) -> Job:
        """Let a batch come to be; raises RefusedError where too many tokens wait."""
        self._numbers += 1
        number, batches = self._numbers, self.behaviour.batches
        faults = batches.strike(COURSES, number, self.behaviour.seed, draft.model)
        tokens = sum(count_tokens(self.behaviour, line) for line in draft.lines)
        problem = draft.problem or (_INVALID if "invalid" in faults else None)
        if "token_limit" in faults or self._is_over(draft.model, tokens):
            if form.name in ("anthropic", "google"):
                raise RefusedError(429, form.error(429, _TOO_MANY.message))
            problem = problem or _TOO_MANY
        job = Job(f"batch_{number}", number, form.name, draft, tokens, faults)
        if form.name == "anthropic" and problem is not None:  # its lines err in its place
            faults["all_failed"], problem = BatchFault("all_failed"), None
        job.plan(batches, problem)
        self._jobs[job.id] = job
        return job

    def _is_over(self, model: str, tokens: int) -> bool:
        most = self.behaviour.batches.enqueued_tokens
        waiting = [j for j in self._jobs.values() if j.draft.model == model and not j.has_ended]
        return most is not None and sum(job.tokens for job in waiting) + tokens > most

    def find(self, form: Form, job_id: str) -> Job | None:
        """Return the batch of an id, in the form that it was created in."""
        job = self._jobs.get(job_id)
        return job if job is not None and job.form == form.name else None

    def find_any(self, job_id: str) -> Job | None:
        """Return the batch of an id, whatever its form: files are not asked for by it."""
        return self._jobs.get(job_id)

    def delete(self, job: Job) -> None:
        """Forget a batch and its results."""
        del self._jobs[job.id]

    def list_jobs(self, form: Form) -> list[Job]:
        """Return a form's batches, newest first, but those that lists do not show yet."""
        jobs = [job for job in self._jobs.values() if job.form == form.name]
        return [job for job in reversed(jobs) if not job.strikes("listed_late")]

    async def poll(self, form: Form, job: Job) -> None:
        """Bring a batch on by one step."""
        async with self._lock:
            job.polls += 1
            await self._work(form, job)

    async def cancel(self, job: Job) -> None:
        """Stop a batch."""
        async with self._lock:
            job.cancel()

    async def finish(self, forms: Sequence[Form]) -> None:
        """Bring all batches to their ends."""
        named = {form.name: form for form in forms}
        for job in list(self._jobs.values()):
            while not (job.has_ended and job.polls >= len(job.schedule)):
                await self.poll(named[job.form], job)

    def account(self) -> list[Json]:
        """Return what is known of each batch."""
        return [asdict(_account_for(job)) for job in self._jobs.values()]

    async def _work(self, form: Form, job: Job) -> None:
        """Do the lines that are due; at the end write the results."""
        while len(job.done) < job.due:
            line = job.draft.lines[len(job.done)]
            job.done.append(answer_line(self.behaviour, self.till, job, line))
            if len(job.done) % _AT_ONCE == 0:
                await asyncio.sleep(0)
        if job.has_ended and job.end != End.FAILED and not job.files:
            undone = job.draft.lines[len(job.done) :]
            how = "expired" if job.end == End.EXPIRED else "cancelled"
            rest = [Done(line, how) for line in undone]
            self._write(form, job, [*job.done, *rest])

    def _write(self, form: Form, job: Job, done: list[Done]) -> None:
        if form.name == "google" and job.end != End.COMPLETED:
            return
        for name in ("output", "error"):
            own = [each for each in done if form.sort(each) == name]
            if own:
                results = write_results(job, own, form.write, self.behaviour.seed)
                job.files[name] = self.files.store_results(f"{job.id}_{name}", job.id, results).id


def _account_for(job: Job) -> BatchAccount:
    lines = job.draft.lines
    stage = job.stage if job.polls else Stage.VALIDATING
    names = tuple(line.custom_id for line in lines)
    told = (job.polls, len(lines), len(job.done), names, job.draft.sent)
    return BatchAccount(job.id, job.number, job.form, job.draft.model, stage, job.end, *told)
