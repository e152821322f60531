"""The rest of an experiment: the requests that no answer is stored of, counted.

A judge of an answer that is stored reads that answer, so its prompt is counted exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from estimator.workload.count_requests import add_to_tally, count_job, count_joint_vote
from estimator.workload.judge_prompts import count_answer_occurrences
from estimator.workload.planned_model import PlannedModel
from estimator.workload.tally import CountedRequest, StratumKey, StratumTally
from experiment.prompts import KnownAnswers, KnownVerdicts, Request, RequestBuilder


@dataclass(frozen=True, slots=True)
class Rest:
    """What of an experiment is answered, and what is left.

    Attributes:
        tallies: stratum -> its requests that are not answered; none of a stratum that is done.
        answered: stratum -> how many of its requests are answered.
    """

    tallies: dict[StratumKey, StratumTally] = field(default_factory=dict)
    answered: Counter[StratumKey] = field(default_factory=Counter)


def count_rest(
    requests: RequestBuilder,
    models: Mapping[str, PlannedModel],
    answered: KnownAnswers,
) -> Rest:
    """Count the requests of an experiment that are not answered.

    Args:
        requests: builds all of them.
        models: written name -> planned model.
        answered: request id -> its answer.
    """
    models, rest, verdicts = dict(models), Rest(), KnownVerdicts(answered)
    occurrences = count_answer_occurrences(requests)
    for subject in requests.all_subject_requests():
        turns = requests.follow_turns(subject, answered)
        if turns.completion is not None and turns.next is None:
            rest.answered[StratumKey.of_request(subject)] += 1
            answer = requests.read_subject_answer(subject, turns.completion)
            judges = requests.build_judge_requests(subject, answer, verdicts, foresees=True)
            verdicts_left = _drop_answered(rest, judges, answered)
            for votes in requests.group_requests(verdicts_left):
                _add_votes(rest, votes, models, occurrences)
            continue
        for counted in count_job(requests, subject, models, occurrences):
            add_to_tally(rest.tallies, counted)
    return rest


def _drop_answered(
    rest: Rest, verdicts: Iterable[Request], answered: KnownAnswers
) -> Iterator[Request]:
    """Yield the verdicts on a stored answer that are left, and count the others as answered."""
    for each in verdicts:
        if each.id in answered:
            rest.answered[StratumKey.of_request(each)] += 1
        else:
            yield each


def _add_votes(
    rest: Rest,
    votes: Sequence[Request],
    models: Mapping[str, PlannedModel],
    occurrences: dict[str, tuple[int, int]],
) -> None:
    """Add verdicts on a stored answer that are asked for together to what is left."""
    first = votes[0]
    count, contains = models[first.model].count_request(first), occurrences[first.stage]
    counted = CountedRequest(first, count, count.bound, answer_occurrences=contains)
    add_to_tally(rest.tallies, counted)
    for vote in votes[1:]:
        add_to_tally(rest.tallies, count_joint_vote(vote, counted))
