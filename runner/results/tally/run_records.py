"""Run records: all attempts in a study's ledger, and those that the run's plan counts.

Plans of a study come one after the other. What an earlier one asked, and the newest one asks as
well, is found by its id and counts under the newest plan's own names: a query may have moved, a
condition may have another name. All else (a model or a judge that is gone) stays in the ledger,
where it is billed, and has no part in the result.

Records are read job by job, so that the texts of a long run need not fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from experiment.definition import SUBJECT
from experiment.prompts import Request, RequestBuilder, Turns
from experiment.scoring import Answer
from runner.errors import BadRun
from runner.ledger import Attempt, AttemptRecord, LedgerReader, read_ledger
from runner.results.figures import list_answered
from runner.run_folder import RunFolder


class JobRecords(NamedTuple):
    """The attempts of a job, in the order in which they were reserved.

    Attributes:
        current: what the run's plan counts, under its own names of models, conditions, queries and
            samples.
        earlier: what it does not count: of models, conditions, queries and judges that only earlier
            plans had.
    """

    current: list[AttemptRecord]
    earlier: list[AttemptRecord]


class RunRecords:
    """The attempts of a run, read from its ledger.

    A ledger of one plan's work holds nothing else, so nothing is rendered to find that out. Neither
    is it where an earlier version made the folder, and kept no files.

    Args:
        run_folder: of the run.
        reader: of its ledger.
    """

    def __init__(self, run_folder: RunFolder, reader: LedgerReader) -> None:
        self._reader = reader
        self._plan = _find_current_plan(run_folder, reader)

    @property
    def counts_all(self) -> bool:
        """Whether the plan counts everything in the ledger, under the names that it has there."""
        return self._plan is None

    def read(self) -> Iterator[JobRecords]:
        """Yield the attempts of each job, in the order in which the jobs were begun."""
        return map(self._sort_out, self._reader.jobs())

    def read_jobs(self, jobs: Iterable[str]) -> Iterator[JobRecords]:
        """Yield the attempts of some jobs, in the order of their ids as given."""
        return map(self._sort_out, self._reader.jobs_of(jobs))

    def read_subjects(self) -> Iterator[Attempt]:
        """Yield attempts at the subjects' requests that the plan counts, without their texts.

        Of each job there is one or more.
        """
        attempts = self._reader.subject_attempts()
        return attempts if self._plan is None else self._plan.find_subjects(attempts)

    def _sort_out(self, records: list[AttemptRecord]) -> JobRecords:
        return JobRecords(records, []) if self._plan is None else self._plan.sort_out(records)


def count_current_answers(run_folder: RunFolder) -> int:
    """Return how many of the requests that a run's plan counts are answered."""
    with read_ledger(run_folder.ledger_location) as reader:
        if not _has_other_work(reader):
            return reader.count_answered()
        jobs = RunRecords(run_folder, reader).read()
        return sum(len({each.request for each, _ in list_answered(job.current)}) for job in jobs)


def _has_other_work(reader: LedgerReader) -> bool:
    """Return whether a ledger has had the work of more than one plan."""
    return len(reader.works()) > 1


def _find_current_plan(run_folder: RunFolder, reader: LedgerReader) -> _CurrentPlan | None:
    """Return what a run's plan asks; None where everything in its ledger counts."""
    if not _has_other_work(reader):
        return None
    try:
        return _CurrentPlan(run_folder.request_builder())
    except BadRun:
        return None


class _CurrentPlan:
    """What a plan asks, to find its own records in a ledger that has had others.

    Args:
        requests: of the plan.
    """

    def __init__(self, requests: RequestBuilder) -> None:
        self._requests = requests
        self._subjects = {each.id: each for each in requests.all_subject_requests()}
        self._judges = {each.name: each.model for each in requests.experiment.spec.judges}

    def sort_out(self, records: list[AttemptRecord]) -> JobRecords:
        """Tell a job's records that the plan asks for, under its own names, from the others.

        Verdicts about an answer that was asked for again do not count.
        """
        subject = self._subjects.get(records[0].attempt.job)
        if subject is None:
            return JobRecords([], records)
        turns = self._requests.follow_turns(
            subject,
            {
                attempt.request: stored.completion
                for attempt, stored in list_answered(records)
                if attempt.stage == SUBJECT
            },
        )
        answer = turns.completion and self._requests.read_subject_answer(subject, turns.completion)
        found = JobRecords([], [])
        for record in records:
            if self._asks(record.attempt, subject, turns, answer):
                own = self._name(record.attempt, subject)
                found.current.append(
                    record if own is record.attempt else record._replace(attempt=own)
                )
            else:
                found.earlier.append(record)
        return found

    def find_subjects(self, attempts: Iterable[Attempt]) -> Iterator[Attempt]:
        """Yield those attempts at first turns that the plan asks for, under its own names."""
        for attempt in attempts:
            subject = self._subjects.get(attempt.request)
            if subject is not None:
                yield self._name(attempt, subject)

    def _asks(
        self, attempt: Attempt, subject: Request, turns: Turns, answer: Answer | None
    ) -> bool:
        if attempt.stage == SUBJECT:
            following = turns.next.id if turns.next else ""
            return attempt.request in (*turns.answered, attempt.job, following)
        if answer is None or attempt.stage not in self._judges:
            return False
        verdict = (attempt.job, attempt.stage, attempt.vote, answer, subject)
        return attempt.request == self._requests.verdict_id(*verdict)

    def _name(self, attempt: Attempt, subject: Request) -> Attempt:
        """Return an attempt under the plan's own names."""
        model = self._judges.get(attempt.stage, subject.model)
        names = (model, subject.condition, subject.query, subject.sample)
        if names == (attempt.model, attempt.condition, attempt.query, attempt.sample):
            return attempt
        model, condition, query, sample = names
        return attempt._replace(model=model, condition=condition, query=query, sample=sample)
