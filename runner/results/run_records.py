"""Run records: all attempts in a study's ledger, and those that the run's plan counts.

Plans of a study come one after the other. What an earlier one asked, and the newest one asks as
well, is found by its id and counts under the newest plan's own names: a query may have moved, a
condition may have another name. All else (a model or a judge that is gone) stays in the ledger,
where it is billed, and has no part in the result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from experiment.definition import SUBJECT
from experiment.prompts import Request, RequestBuilder
from runner.errors import BadRun
from runner.ledger import Attempt, AttemptRecord, LedgerReader, read_ledger
from runner.results.stratum_actual import list_answered
from runner.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class RunRecords:
    """The attempts of a run.

    Attributes:
        everything: that is in the ledger, in the order in which it was reserved.
        current: what the run's plan counts, under its own names of models, conditions, queries and
            samples.
        earlier: what it does not count: of models, conditions, queries and judges that only earlier
            plans had.
    """

    everything: list[AttemptRecord]
    current: list[AttemptRecord]
    earlier: list[AttemptRecord]


def read_records(run_folder: RunFolder, reader: LedgerReader) -> RunRecords:
    """Read the attempts of a run from its ledger, open for reading.

    A ledger of one plan's work holds nothing else, so nothing is rendered to find that out. Neither
    is it where an earlier version made the folder, and kept no files.
    """
    everything = list(reader.attempts())
    if not _has_other_work(reader):
        return RunRecords(everything, everything, [])
    try:
        requests = run_folder.request_builder()
    except BadRun:
        return RunRecords(everything, everything, [])
    plan = _CurrentPlan(requests, everything)
    current, earlier = [], []
    for record in everything:
        own = plan.find_own(record)
        if own is None:
            earlier.append(record)
        else:
            current.append(own)
    return RunRecords(everything, current, earlier)


def count_current_answers(run_folder: RunFolder) -> int:
    """Return how many of the requests that a run's plan counts are answered."""
    with read_ledger(run_folder.ledger_location) as reader:
        if not _has_other_work(reader):
            return reader.count_answered()
        current = read_records(run_folder, reader).current
    return len({attempt.request for attempt, _ in list_answered(current)})


def _has_other_work(reader: LedgerReader) -> bool:
    """Return whether a ledger has had the work of more than one plan."""
    return len(reader.works()) > 1


class _CurrentPlan:
    """What a plan asks, to find its own records in a ledger that has had others.

    Args:
        requests: of the plan.
        records: of the ledger.
    """

    def __init__(self, requests: RequestBuilder, records: Iterable[AttemptRecord]) -> None:
        self._requests = requests
        self._subjects = {each.id: each for each in requests.all_subject_requests()}
        self._judges = {each.name: each.model for each in requests.experiment.spec.judges}
        self._answers = {
            attempt.job: requests.read_subject_answer(subject, answer.completion)
            for attempt, answer in list_answered(records)
            if (subject := self._subjects.get(attempt.request)) is not None
        }

    def find_own(self, record: AttemptRecord) -> AttemptRecord | None:
        """Return a record under the plan's own names; None where the plan does not ask for it.

        Verdicts about an answer that was asked for again do not count.
        """
        attempt = record.attempt
        subject = self._subjects.get(attempt.job)
        if subject is None or not self._asks(attempt, subject):
            return None
        model = self._judges.get(attempt.stage, subject.model)
        names = (model, subject.condition, subject.query, subject.sample)
        if names == (attempt.model, attempt.condition, attempt.query, attempt.sample):
            return record
        own = replace(
            attempt,
            model=model,
            condition=subject.condition,
            query=subject.query,
            sample=subject.sample,
        )
        return replace(record, attempt=own)

    def _asks(self, attempt: Attempt, subject: Request) -> bool:
        if attempt.stage == SUBJECT:
            return True
        answer = self._answers.get(attempt.job)
        if answer is None or attempt.stage not in self._judges:
            return False
        verdict = (attempt.job, attempt.stage, attempt.vote, answer, subject)
        return attempt.request == self._requests.verdict_id(*verdict)
