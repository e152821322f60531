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
from runner.ledger import Attempt, AttemptRecord
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
    returned = _group_verdicts(records)
    levels = {condition.name: condition.levels for condition in cross_factors(spec)}
    answered = read_subject_answers(list_answered(records), spec.answer)
    observations = []
    for name, attempt in _last_subject_attempts(records).items():
        if stored := answered.get(attempt.job):
            verdicts = {
                judge.name: returned[judge.name].get(attempt.job, []) for judge in spec.judges
            }
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
    counts, verdicts = {}, _group_verdicts(records)
    for judge in run_folder.spec.judges:
        returned = [each for found in verdicts[judge.name].values() for each in found]
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


def _last_subject_attempts(records: list[AttemptRecord]) -> dict[AnswerName, Attempt]:
    """Return the last attempt at each subject request that was tried."""
    return {
        name_answer(each.attempt): each.attempt for each in records if each.attempt.stage == SUBJECT
    }


def _group_verdicts(
    records: list[AttemptRecord],
) -> defaultdict[str, defaultdict[str, list[Completion]]]:
    """Return judge -> job -> what came back; of a vote asked for more than once, the last."""
    last = {
        name_answer(attempt): stored.completion
        for attempt, stored in list_answered(records)
        if attempt.stage != SUBJECT
    }
    verdicts: defaultdict[str, defaultdict[str, list[Completion]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for (job, judge, _), completion in last.items():
        verdicts[judge][job].append(completion)
    return verdicts
