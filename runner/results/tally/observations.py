"""Observations of a run: its subjects' answers and their verdicts, read from the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from experiment.analysis import Observation
from experiment.definition import cross_factors
from experiment.scoring import (
    LENGTH,
    AnswerKind,
    AnswerPlace,
    Completion,
    JudgesReader,
    VerdictFault,
    Vote,
    count_faults,
    read_answer,
    read_proxy,
    read_unanswered,
)
from runner.ledger import Attempt, AttemptRecord
from runner.results.figures import AnswerName, name_answer
from runner.results.tally.job_answers import JobAnswers, group_answers, join_answer
from runner.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """A judge's verdicts.

    Attributes:
        verdicts: how many there are.
        unreadable: of what kind those are that are no votes -> how many.
    """

    verdicts: int
    unreadable: dict[str, int]


class ObservationReader:
    """Reads the subjects' answers of a run with their verdicts, job by job.

    Args:
        run_folder: with the experiment.
    """

    def __init__(self, run_folder: RunFolder) -> None:
        self._spec = run_folder.spec
        self._judges = JudgesReader(self._spec)
        self._faults = {judge.name: Counter[VerdictFault | None]() for judge in self._spec.judges}
        self._levels = {each.name: each.levels for each in cross_factors(self._spec)}
        self._models: dict[str, str] = {}  # one text for all answers of each

    def read(
        self, records: Iterable[AttemptRecord], in_flight: Collection[AnswerName]
    ) -> Observation | None:
        """Read the answer of a job; of a request answered more than once, only the last.

        Args:
            records: of the job's attempts.
            in_flight: what may still be answered; any other request without an answer has failed.

        Returns:
            None where the answer may still come.
        """
        job = group_answers(records)
        self._count(job.verdicts)
        if job.subject is None:
            return None
        if job.turns:
            return self._read_answered(job, job.subject)
        return None if name_answer(job.subject) in in_flight else self._read_failed(job.subject)

    def read_vote(self, judge: str, completion: Completion) -> Vote:
        """Read a judge's vote in what it returned."""
        return self._judges.read_vote(judge, completion)

    def count_verdicts(self) -> dict[str, VerdictCount]:
        """Return how many verdicts of each judge were read, and how many are no votes."""
        return {
            name: VerdictCount(faults.total(), count_faults(faults.elements()))
            for name, faults in self._faults.items()
        }

    def take_faults(self) -> dict[str, Counter[VerdictFault | None]]:
        """Return how many verdicts of each judge were read, by their fault, and begin again."""
        taken, self._faults = self._faults, {name: Counter() for name in self._faults}
        return taken

    def add_faults(self, faults: Mapping[str, Counter[VerdictFault | None]]) -> None:
        """Add verdicts that another one has read."""
        for name, found in faults.items():
            self._faults[name].update(found)

    def _count(self, verdicts: Mapping[str, Sequence[Completion]]) -> None:
        for name, faults in self._faults.items():
            for completion in verdicts.get(name, ()):
                faults[self._judges.read_vote(name, completion).fault] += 1

    def _read_answered(self, job: JobAnswers, subject: Attempt) -> Observation:
        levels, form = self._levels[subject.condition], self._spec.answer
        completion, prefill = join_answer(job.turns, form)
        answer = read_answer(completion, form, prefill)
        return Observation(
            self._models.setdefault(subject.model, subject.model),
            levels,
            subject.query,
            subject.sample,
            answer.kind,
            read_proxy(answer, form),
            self._judges.read(answer, AnswerPlace(levels, subject.job), job.verdicts),
            completion.finish == LENGTH,
            subject.job,
        )

    def _read_failed(self, subject: Attempt) -> Observation:
        levels = self._levels[subject.condition]
        return Observation(
            subject.model,
            levels,
            subject.query,
            subject.sample,
            AnswerKind.FAILED,
            accepted=None,
            readings=read_unanswered(self._spec, levels),
            request=subject.job,
        )
