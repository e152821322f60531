"""Verdicts in ledgers of before: found again under the ids that they have now.

An earlier version named a verdict by the text that its template rendered. A template that renders
another text the second time was paid again and again. Such a verdict counts for its job, its judge
and its vote, whatever it was named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from experiment.prompts import VERDICT_MARK, RequestBuilder
from experiment.scoring import read_answer
from runner.ledger import EarlierAttempt


def rename_verdicts(
    requests: RequestBuilder, attempts: Iterable[EarlierAttempt]
) -> list[tuple[str, EarlierAttempt]]:
    """Return the answered verdicts of before, each with the id that it has now.

    Args:
        requests: of the same plan.
        attempts: all of some jobs, those of a request in their order.
    """
    jobs: dict[str, list[EarlierAttempt]] = defaultdict(list)
    for attempt in attempts:
        jobs[attempt.job].append(attempt)
    return [renamed for of_job in jobs.values() for renamed in _rename_in_job(requests, of_job)]


def _rename_in_job(
    requests: RequestBuilder, attempts: list[EarlierAttempt]
) -> list[tuple[str, EarlierAttempt]]:
    answered = [each for each in attempts if each.completion is not None]
    subject = next((each for each in reversed(answered) if each.request == each.job), None)
    earlier = [each for each in answered if _is_of_before(each)]
    if subject is None or not earlier:
        return []
    spec = requests.experiment.spec
    assert subject.completion is not None  # noqa: S101 - it is among the answered
    answer = read_answer(subject.completion, spec.answer, subject.prefill)
    judges = {judge.name for judge in spec.judges}
    return [
        (requests.verdict_id(each.job, each.stage, each.vote, answer), each)
        for each in earlier
        if each.stage in judges
    ]


def _is_of_before(attempt: EarlierAttempt) -> bool:
    return attempt.request != attempt.job and not attempt.request.startswith(VERDICT_MARK)
