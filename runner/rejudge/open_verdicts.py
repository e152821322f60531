"""Open verdicts: what a judge has not been asked yet about the stored answers, counted exactly.

The answers are there, so each prompt is rendered and counted as it will be sent. Only the length of
the verdicts is forecast.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from estimator.forecast import Stratum
from estimator.workload import PlannedModel
from experiment.definition import SUBJECT, ExperimentSpec
from experiment.prompts import KnownAnswers, Request, RequestBuilder, join_votes
from pricing.money import Money
from pricing.usage import Usage
from runner.billing import WorstCaseCost
from runner.execution import ResumeState


@dataclass(frozen=True, slots=True)
class OpenVerdicts:
    """What is left to ask a judge.

    Attributes:
        judge: its name.
        model: as the experiment writes it.
        answers: how many stored answers it reads.
        answered: how many of its votes are there already.
        requests: how many are left.
        input_tokens: of these, as counted here.
        output_tokens: that they are expected to write.
        likely, ceiling: what they cost, and the most that they can cost.
    """

    judge: str
    model: str
    answers: int = 0
    answered: int = 0
    requests: int = 0
    input_tokens: int = 0
    output_tokens: float = 0
    likely: Money = Money()  # noqa: RUF009 - frozen
    ceiling: Money = Money()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """The stored answers of a plan's subject requests, and the verdicts that are open on them.

    Attributes:
        answered: how many subject requests have an answer.
        planned: how many there are.
        judges: what is left to ask each judge.
    """

    answered: int
    planned: int
    judges: tuple[OpenVerdicts, ...]

    @property
    def requests(self) -> int:
        """How many verdicts are left to ask for."""
        return sum(each.requests for each in self.judges)

    @property
    def likely(self) -> Money:
        """What they are expected to cost."""
        return sum((each.likely for each in self.judges), Money())

    @property
    def ceiling(self) -> Money:
        """The most that they can cost."""
        return sum((each.ceiling for each in self.judges), Money())


def count_open_verdicts(  # noqa: PLR0913 - the plan, and what is there
    requests: RequestBuilder,
    models: Mapping[str, PlannedModel],
    strata: tuple[Stratum, ...],
    answered: KnownAnswers,
    resume: ResumeState,
    away: Container[str] = (),
) -> StoredAnswers:
    """Count what the judges of a plan have not been asked about stored answers.

    Args:
        requests: builds the plan's requests.
        models: written name -> planned model.
        strata: of the plan, for the expected length of verdicts.
        answered: request id -> its answer, of all that the ledger has.
        resume: what else it has.
        away: ids of the requests that are in a batch, which are not asked for a second time.
    """
    worst_case = WorstCaseCost(requests, dict(models), resume.bound_excess, resume.repeats)
    lengths = _find_lengths(strata)
    spec: ExperimentSpec = requests.experiment.spec
    found = {judge.name: OpenVerdicts(judge.name, judge.model) for judge in spec.judges}
    count = 0
    for subject in requests.all_subject_requests():
        if (completion := answered.get(subject.id)) is None:
            continue
        count += 1
        answer = requests.read_subject_answer(subject, completion)
        judged: set[str] = set()
        left = []
        for request in list(requests.build_judge_requests(subject, answer)):
            one = found[request.stage]
            one = replace(one, answers=one.answers + (request.stage not in judged))
            judged.add(request.stage)
            is_answered = request.id in answered
            found[request.stage] = replace(one, answered=one.answered + is_answered)
            left += [] if is_answered or request.id in away else [request]
        for request in map(join_votes, requests.group_requests(left)):
            length = lengths.get((request.stage, request.condition), 0.0)
            model, one = models[request.model], found[request.stage]
            found[request.stage] = _add(one, request, model, worst_case, length)
    return StoredAnswers(count, requests.subject_count, tuple(found.values()))


def _add(
    found: OpenVerdicts,
    request: Request,
    model: PlannedModel,
    worst_case: WorstCaseCost,
    length: float,
) -> OpenVerdicts:
    """Add a request that asks for one or several votes of an expected length."""
    tokens, length = worst_case.count_prompt(request).tokens, length * request.choices
    likely = model.card.cost(Usage(tokens, round(length)))
    ceiling = worst_case.of_request(request)
    worst_case.forget_count(request)
    return replace(
        found,
        requests=found.requests + request.choices,
        input_tokens=found.input_tokens + tokens,
        output_tokens=found.output_tokens + length,
        likely=found.likely + likely,
        ceiling=found.ceiling + ceiling,
    )


def _find_lengths(strata: tuple[Stratum, ...]) -> dict[tuple[str, str], float]:
    """Return the expected tokens of a verdict, by judge and condition."""
    return {
        (each.stage, each.condition): each.output.mean / each.requests
        for each in strata
        if each.stage != SUBJECT and each.requests
    }
