"""Subject answers of a run: each with its own attempts and its judges', in the plan's order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from experiment.definition import SUBJECT, cross_factors
from runner.ledger import Attempt, AttemptRecord, StoredAnswer, is_running, read_ledger
from runner.results.run_records import read_records
from runner.results.stratum_actual import AnswerName, find_in_flight, name_answer
from runner.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class SubjectAnswer:
    """A subject's answer, or a request that failed, with all that the ledger says of it.

    Attributes:
        attempt: the last one at the subject's request.
        records: all attempts of its job, also its judges', in their order.
    """

    attempt: Attempt
    records: tuple[AttemptRecord, ...]

    @property
    def subject_record(self) -> AttemptRecord:
        """The attempt whose answer counts: the last that was answered, else the last."""
        own = [each for each in self.records if each.attempt.stage == SUBJECT]
        return _find_last_answered(own) or own[-1]

    def list_verdicts(self, judge: str) -> list[tuple[AttemptRecord, StoredAnswer]]:
        """Return a judge's verdicts, one for each vote; of one asked for again, the last."""
        votes: dict[int, list[AttemptRecord]] = {}
        for each in self.records:
            if each.attempt.stage == judge:
                votes.setdefault(each.attempt.vote, []).append(each)
        found = (_find_last_answered(votes[vote]) for vote in sorted(votes))
        return [(each, each.answer) for each in found if each and each.answer]


@dataclass(frozen=True, slots=True)
class RunAnswers:
    """The answers of a run.

    Attributes:
        answers: in the plan's order: by model, condition, query, then sample.
        in_flight: what may still be answered.
        outcome: of the run: `complete`, `partial` or `running`.
    """

    answers: list[SubjectAnswer]
    in_flight: set[AnswerName]
    outcome: str


def read_run_answers(run_folder: RunFolder) -> RunAnswers:
    """Read the answers that a run's plan counts, and the requests that failed, from its ledger.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    location = run_folder.ledger_location
    with read_ledger(location) as reader:
        records = read_records(run_folder, reader).current
        end = reader.end().how
    running = is_running(location)
    in_flight = find_in_flight(records, is_running=running, has_crashed=not (running or end))
    outcome = "running" if running else "complete" if end == "complete" else "partial"
    return RunAnswers(_group_by_job(run_folder, records, in_flight), in_flight, outcome)


def _group_by_job(
    run_folder: RunFolder, records: Iterable[AttemptRecord], in_flight: set[AnswerName]
) -> list[SubjectAnswer]:
    jobs: dict[str, list[AttemptRecord]] = {}
    subjects: dict[str, Attempt] = {}
    for record in records:
        attempt = record.attempt
        jobs.setdefault(attempt.job, []).append(record)
        if attempt.stage == SUBJECT and name_answer(attempt) not in in_flight:
            subjects[attempt.job] = attempt
    models = {name: place for place, name in enumerate(run_folder.spec.models)}
    conditions = {each.name: place for place, each in enumerate(cross_factors(run_folder.spec))}

    def find_place(job: str) -> tuple[int, int, int, int]:
        attempt = subjects[job]
        cell = models.get(attempt.model, len(models)), conditions[attempt.condition]
        return *cell, attempt.query, attempt.sample

    order = sorted(subjects, key=find_place)
    return [SubjectAnswer(subjects[job], tuple(jobs.pop(job))) for job in order]


def _find_last_answered(records: list[AttemptRecord]) -> AttemptRecord | None:
    """Return the last attempt that was answered; one that the provider broke off was not."""
    answered = (
        each for each in reversed(records) if each.answer is not None and not each.answer.has_failed
    )
    return next(answered, None)
