"""Observations of a run: its subjects' answers and their verdicts, read from the ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from experiment.analysis import Observation
from experiment.definition import SUBJECT, ExperimentSpec, cross_factors
from experiment.scoring import (
    AnswerKind,
    AnswerPlace,
    Completion,
    count_unreadable,
    read_answer,
    read_judges,
    read_proxy,
    read_unanswered,
)
from runner.ledger import Attempt, AttemptRecord, StoredAnswer
from runner.results.stratum_actual import AnswerName, list_answered, name_answer
from runner.results.subject_answers import SubjectAnswer, read_subject_answers
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


def read_observations(
    run_folder: RunFolder, records: list[AttemptRecord], in_flight: set[AnswerName]
) -> list[Observation]:
    """Read the subjects' answers; of a request answered more than once, only the last.

    Args:
        run_folder: with the experiment.
        records: of its attempts.
        in_flight: what may still be answered; any other request without an answer has failed.
    """
    spec = run_folder.spec
    returned = {judge.name: _returned_verdicts(records, judge.name) for judge in spec.judges}
    levels = {condition.name: condition.levels for condition in cross_factors(spec)}
    answered = read_subject_answers(list_answered(records), spec.answer)
    observations = []
    for name, attempt in _last_subject_attempts(records).items():
        if stored := answered.get(attempt.job):
            verdicts = {judge: found.get(attempt.job, []) for judge, found in returned.items()}
            observations.append(
                _read_observation(spec, attempt, levels[attempt.condition], stored, verdicts)
            )
        elif name not in in_flight:
            observations.append(
                Observation(
                    attempt.model,
                    levels[attempt.condition],
                    attempt.query,
                    attempt.sample,
                    AnswerKind.FAILED,
                    accepted=None,
                    readings=read_unanswered(spec, levels[attempt.condition]),
                    request=attempt.job,
                )
            )
    return observations


def count_verdicts(run_folder: RunFolder, records: list[AttemptRecord]) -> dict[str, VerdictCount]:
    """Count each judge's verdicts, and those that are no votes, by their kind."""
    counts = {}
    for judge in run_folder.spec.judges:
        returned = [
            each for found in _returned_verdicts(records, judge.name).values() for each in found
        ]
        counts[judge.name] = VerdictCount(len(returned), count_unreadable(judge, returned))
    return counts


def _read_observation(
    spec: ExperimentSpec,
    attempt: Attempt,
    levels: dict[str, str],
    stored: SubjectAnswer,
    verdicts: dict[str, list[Completion]],
) -> Observation:
    answer = read_answer(stored.completion, spec.answer, stored.prefill)
    return Observation(
        model=attempt.model,
        levels=levels,
        query=attempt.query,
        sample=attempt.sample,
        kind=answer.kind,
        accepted=read_proxy(answer, spec.answer),
        readings=read_judges(spec, answer, AnswerPlace(levels, attempt.job), verdicts),
        is_cut=stored.completion.finish == "length",
        request=attempt.job,
    )


def _last_answers(records: list[AttemptRecord]) -> dict[AnswerName, tuple[Attempt, StoredAnswer]]:
    return {name_answer(attempt): (attempt, answer) for attempt, answer in list_answered(records)}


def _last_subject_attempts(records: list[AttemptRecord]) -> dict[AnswerName, Attempt]:
    """Return the last attempt at each subject request that was tried."""
    return {
        name_answer(each.attempt): each.attempt for each in records if each.attempt.stage == SUBJECT
    }


def _returned_verdicts(records: list[AttemptRecord], judge: str) -> dict[str, list[Completion]]:
    """Return what a judge returned for each job; of a vote asked for more than once, the last."""
    verdicts: dict[str, list[Completion]] = defaultdict(list)
    for attempt, stored in _last_answers(records).values():
        if attempt.stage == judge:
            verdicts[attempt.job].append(stored.completion)
    return verdicts
