"""Subjects' answers: what is stored for each, the turns in which it was written joined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from experiment.definition import SUBJECT, AnswerFormat
from experiment.scoring import Completion, join_turns
from runner.ledger import Attempt, StoredAnswer


@dataclass(frozen=True, slots=True)
class SubjectAnswer:
    """A subject's answer.

    Attributes:
        completion: what came back, of all turns.
        prefill: what it continues.
        turns: in how many requests it was written.
    """

    completion: Completion
    prefill: str
    turns: int


def read_subject_answers(
    answered: Iterable[tuple[Attempt, StoredAnswer]], answer_format: AnswerFormat
) -> dict[str, SubjectAnswer]:
    """Return each job -> its subject's answer; of a turn that was answered twice, the last.

    Args:
        answered: attempts with their answers, in the order in which they were sent.
        answer_format: of the experiment.
    """
    jobs: dict[str, dict[int, StoredAnswer]] = defaultdict(dict)
    for attempt, stored in answered:
        if attempt.stage == SUBJECT:
            jobs[attempt.job][attempt.vote] = stored
    return {
        job: _join(list(dict(sorted(turns.items())).values()), answer_format)
        for job, turns in jobs.items()
    }


def _join(turns: list[StoredAnswer], answer_format: AnswerFormat) -> SubjectAnswer:
    completion = join_turns([each.completion for each in turns], answer_format)
    return SubjectAnswer(completion, turns[0].prefill, len(turns))
