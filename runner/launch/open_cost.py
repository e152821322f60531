"""What is left of a job, its subject's answer and its judges, may still cost at most."""

from __future__ import annotations

from experiment.prompts import KnownAnswers, KnownVerdicts, Request, RequestBuilder, join_votes
from pricing.money import Money
from runner.billing import WorstCaseCost


def find_open_cost(
    requests: RequestBuilder,
    subject: Request,
    answered: KnownAnswers,
    worst_case: WorstCaseCost,
) -> Money | None:
    """Return the worst-case cost of what is left of a job; None where it is done.

    Args:
        requests: builds the judges' requests.
        subject: of the job.
        answered: request id -> its answer, of all that is answered.
        worst_case: prices what is left.
    """
    turns = requests.follow_turns(subject, answered)
    if turns.completion is None or turns.next is not None:
        return worst_case.of_job(subject, turns.next)
    answer = requests.read_subject_answer(subject, turns.completion)
    judges = requests.build_judge_requests(subject, answer, KnownVerdicts(answered), foresees=True)
    if not (waiting := [each for each in judges if each.id not in answered]):
        return None
    asked = map(join_votes, requests.group_requests(waiting))
    return sum(map(worst_case.of_request, asked), Money())
