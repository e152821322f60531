"""The rest of an experiment: the requests that no answer is stored of, counted.

A judge of an answer that is stored reads that answer, so its prompt is counted exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from estimator.workload.count_requests import add_to_tally, count_job
from estimator.workload.judge_prompts import count_answer_occurrences
from estimator.workload.planned_model import PlannedModel
from estimator.workload.tally import CountedRequest, StratumKey, StratumTally
from experiment.prompts import Request, RequestBuilder
from experiment.scoring import Completion


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
    answered: Mapping[str, Completion],
) -> Rest:
    """Count the requests of an experiment that are not answered.

    Args:
        requests: builds all of them.
        models: written name -> planned model.
        answered: request id -> its answer.
    """
    models, rest = dict(models), Rest()
    occurrences = count_answer_occurrences(requests, next(requests.all_subject_requests()))
    for subject in requests.all_subject_requests():
        if subject.id in answered:
            rest.answered[StratumKey.of_request(subject)] += 1
            answer = requests.read_subject_answer(subject, answered[subject.id])
            for judge in requests.build_judge_requests(subject, answer):
                _add_verdict(rest, judge, models, answered, occurrences)
            continue
        for counted in count_job(requests, subject, models, occurrences):
            add_to_tally(rest.tallies, counted)
    return rest


def _add_verdict(
    rest: Rest,
    judge: Request,
    models: Mapping[str, PlannedModel],
    answered: Mapping[str, Completion],
    occurrences: dict[str, tuple[int, int]],
) -> None:
    """Add a verdict on an answer that is stored, to what is answered or to what is left."""
    if judge.id in answered:
        rest.answered[StratumKey.of_request(judge)] += 1
        return
    count, contains = models[judge.model].count_request(judge), occurrences[judge.stage]
    counted = CountedRequest(judge, count, count.bound, answer_occurrences=contains)
    add_to_tally(rest.tallies, counted)
