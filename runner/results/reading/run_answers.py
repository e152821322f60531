"""Subject answers of a run: each with its own attempts and its judges', in the plan's order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from experiment.definition import SUBJECT, cross_factors
from runner.ledger import Attempt, AttemptRecord, StoredAnswer, is_running, read_ledger
from runner.results.figures import AnswerName, find_in_flight, name_answer
from runner.results.tally import RunRecords
from runner.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """A subject's answer, or a request that failed, with all that the ledger says of it.

    Attributes:
        attempt: the last one at the subject's request.
        records: all attempts of its job, also its judges', in their order.
    """

    attempt: Attempt
    records: tuple[AttemptRecord, ...]

    def list_turns(self) -> list[StoredAnswer]:
        """Return the turns in which the subject wrote its answer; usually one."""
        return [stored for _, stored in self.list_verdicts(SUBJECT)]

    def list_verdicts(self, judge: str) -> list[tuple[AttemptRecord, StoredAnswer]]:
        """Return a judge's verdicts, one for each vote; of one asked for again, the last."""
        votes: dict[int, list[AttemptRecord]] = {}
        for each in self.records:
            if each.attempt.stage == judge:
                votes.setdefault(each.attempt.vote, []).append(each)
        found = (_find_last_answered(votes[vote]) for vote in sorted(votes))
        return [(each, each.answer) for each in found if each and each.answer]


class RunAnswers:
    """The answers of a run; texts are read from the ledger when they are asked for.

    Args:
        attempts: the last one at each subject's request, in the plan's order.
        records: of the run.
        in_flight: what may still be answered.
        outcome: of the run: `complete`, `partial` or `running`.

    Attributes:
        attempts, in_flight, outcome: as given.
    """

    def __init__(
        self, attempts: list[Attempt], records: RunRecords, in_flight: set[AnswerName], outcome: str
    ) -> None:
        self.attempts = attempts
        self._records = records
        self.in_flight = in_flight
        self.outcome = outcome

    def read(self, attempts: Iterable[Attempt]) -> Iterator[JudgedAnswer]:
        """Read the answers to subjects' requests, in the order of these attempts."""
        of = {each.job: each for each in attempts}
        for job in self._records.read_jobs(of):
            attempt = of[job.current[0].attempt.job]
            yield JudgedAnswer(attempt, tuple(job.current))


@contextmanager
def open_run_answers(run_folder: RunFolder) -> Iterator[RunAnswers]:
    """Open the answers that a run's plan counts, and the requests that failed, for reading.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    location = run_folder.ledger_location
    running = is_running(location)
    with read_ledger(location) as reader:
        end, records = reader.end().how, RunRecords(run_folder, reader)
        crashed = not running and (not end or bool(reader.open_chunks()))
        unfinished = reader.unanswered_jobs() if running or crashed else []
        in_flight: set[AnswerName] = set()
        for job in records.read_jobs(unfinished):
            in_flight |= find_in_flight(job.current, is_running=running, has_crashed=crashed)
        outcome = "running" if running else "complete" if end == "complete" else "partial"
        attempts = _sort_subjects(run_folder, records.read_subjects(), in_flight)
        yield RunAnswers(attempts, records, in_flight, outcome)


def _sort_subjects(
    run_folder: RunFolder, tried: Iterable[Attempt], in_flight: set[AnswerName]
) -> list[Attempt]:
    """Return the last attempt at each subject's request that is not in flight, in plan order."""
    last = {each.job: each for each in tried}
    models = {name: place for place, name in enumerate(run_folder.spec.models)}
    conditions = {each.name: place for place, each in enumerate(cross_factors(run_folder.spec))}

    def find_place(attempt: Attempt) -> tuple[int, int, int, int]:
        model = models.get(attempt.model, len(models))
        return model, conditions[attempt.condition], attempt.query, attempt.sample

    done = (each for each in last.values() if not in_flight or name_answer(each) not in in_flight)
    return sorted(done, key=find_place)


def _find_last_answered(records: list[AttemptRecord]) -> AttemptRecord | None:
    """Return the last attempt that was answered; one that the provider broke off was not."""
    answered = (
        each for each in reversed(records) if each.answer is not None and not each.answer.has_failed
    )
    return next(answered, None)
