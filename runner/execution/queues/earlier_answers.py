"""Earlier answers: what the requests of jobs have had in a ledger, read job by job.

A long ledger has far more texts than fit in memory. What a job needs of them (its answers and how
often each request was sent) is read when the job is looked at, and nothing of it is kept after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from experiment.prompts import VERDICT_MARK, RequestBuilder
from experiment.scoring import Completion
from runner.execution.queues.earlier_verdicts import rename_verdicts
from runner.ledger import EarlierAttempt


@dataclass(frozen=True, slots=True)
class JobHistory:
    """What the requests of a job have had.

    Attributes:
        answered: id -> answer.
        attempts: id -> the number of the last attempt.
    """

    answered: dict[str, Completion] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)


class AttemptSource(Protocol):
    """Where the attempts of jobs are read."""

    def earlier_attempts(self, jobs: Sequence[str], /) -> list[EarlierAttempt]:
        """Return all attempts at the requests of some jobs, those of a request in their order."""
        ...


def read_histories(
    source: AttemptSource, requests: RequestBuilder, jobs: Sequence[str]
) -> Mapping[str, JobHistory]:
    """Return what the requests of jobs have had, by job; also of jobs that have had nothing.

    Args:
        source: of their attempts.
        requests: of the plan, to find the verdicts that an earlier version named otherwise.
        jobs: their ids.
    """
    return collect_histories(source.earlier_attempts(jobs), requests)


def collect_histories(
    found: Sequence[EarlierAttempt], requests: RequestBuilder
) -> Mapping[str, JobHistory]:
    """Return the same of all attempts at the requests of some jobs.

    In the thread that renders the plan's requests: one at a time may ask it for names.
    """
    histories: defaultdict[str, JobHistory] = defaultdict(JobHistory)
    for each in found:
        history = histories[each.job]
        history.attempts[each.request] = each.number
        if each.completion is not None:
            history.answered[each.request] = each.completion
    for request, each in rename_verdicts(requests, found):
        if each.completion is not None:
            histories[each.job].answered.setdefault(request, each.completion)
    return histories


class EarlierAnswers:
    """The answers of all requests in a ledger, as `KnownAnswers`; one job is in memory at a time.

    A verdict or a further turn is found after the subject's request of its job was looked for, and
    before another job's is.

    Args:
        source: of the attempts.
        requests: of the plan.
    """

    def __init__(self, source: AttemptSource, requests: RequestBuilder) -> None:
        self._source, self._requests = source, requests
        self._job: dict[str, Completion] = {}  # of the job that was looked for last

    def __contains__(self, request: object, /) -> bool:
        """Return whether a request is answered."""
        return isinstance(request, str) and self.get(request) is not None

    def get(self, request: str, /) -> Completion | None:
        """Return what came back for a request; None where nothing did."""
        if request not in self._job and not request.startswith(VERDICT_MARK):
            history = read_histories(self._source, self._requests, [request]).get(request)
            self._job = history.answered if history else self._job
        return self._job.get(request)
