"""Job answers: what came back for a job, the turns in which a subject wrote its answer joined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from experiment.definition import SUBJECT, AnswerFormat
from experiment.scoring import Completion, join_turns
from runner.ledger import Attempt, AttemptRecord, StoredAnswer


class JobAnswers(NamedTuple):
    """What came back for a job; of a request that was answered more than once, the last.

    Attributes:
        subject: the last attempt at the subject's request; None where there is none.
        turns: in which the subject wrote its answer; none where its request has no answer.
        verdicts: judge -> what it returned.
    """

    subject: Attempt | None
    turns: list[StoredAnswer]
    verdicts: dict[str, list[Completion]]


class SubjectAnswer(NamedTuple):
    """A subject's answer.

    Attributes:
        completion: what came back, of all turns.
        prefill: what it continues.
    """

    completion: Completion
    prefill: str


def group_answers(records: Iterable[AttemptRecord]) -> JobAnswers:
    """Return what came back for a job.

    Args:
        records: of its attempts, in the order in which they were sent.
    """
    subject: Attempt | None = None
    turns: dict[int, StoredAnswer] = {}  # calling dict[…] takes longer than the rest of a job
    votes: dict[str, dict[int, Completion]] = {}
    for attempt, answer, *_ in records:
        stage = attempt.stage
        if stage == SUBJECT:
            subject = attempt
            if answer is not None and not answer.has_failed:
                turns[attempt.vote] = answer
        elif answer is not None and not answer.has_failed:
            votes.setdefault(stage, {})[attempt.vote] = answer.completion
    in_order = list(turns.values()) if len(turns) <= 1 else [turns[turn] for turn in sorted(turns)]
    return JobAnswers(
        subject, in_order, {judge: list(given.values()) for judge, given in votes.items()}
    )


def join_answer(turns: list[StoredAnswer], answer_format: AnswerFormat) -> SubjectAnswer:
    """Return the answer that a subject wrote in one turn, or in several.

    Args:
        turns: in their order, at least one.
        answer_format: of the experiment.
    """
    first = turns[0]
    if len(turns) == 1:
        return SubjectAnswer(first.completion, first.prefill)
    completion = join_turns([each.completion for each in turns], answer_format)
    return SubjectAnswer(completion, first.prefill)
