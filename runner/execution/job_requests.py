"""The requests of a job: its turns and its judges, worked out once as long as nothing is new.

A job is looked at many times on its way through the scheduler. What its subject said is read once,
and its judges' prompts are rendered once, unless a judge waits for what others say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiment.definition import list_awaited
from experiment.prompts import KnownVerdicts, Request, RequestBuilder, Turns
from experiment.scoring import Answer, Completion


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was worked out from what a subject's turns said."""

    turns: Turns
    said: tuple[Completion, ...]
    answer: Answer | None = None
    judges: tuple[Request, ...] | None = None


class JobRequests:
    """The requests of jobs, as far as they are known.

    Args:
        requests: builds them.
        answered: request id -> what came back; goes on to change.
        verdicts: what judges said; goes on to change.
    """

    def __init__(
        self,
        requests: RequestBuilder,
        answered: Mapping[str, Completion],
        verdicts: KnownVerdicts,
    ) -> None:
        self._requests = requests
        self._answered = answered
        self._verdicts = verdicts
        judges = requests.experiment.spec.judges
        self._has_judges = bool(judges)
        self._may_wait = any(map(list_awaited, judges))
        self._seen: dict[str, _Seen] = {}

    def follow_turns(self, subject: Request) -> Turns:
        """Return what a subject's turns have come to."""
        return self._look(subject).turns

    def list_judges(self, subject: Request, *, foresees: bool = False) -> tuple[Request, ...]:
        """Return the requests of the judges that read an answer.

        Args:
            subject: that is answered.
            foresees: whether those are among them that may read it once others have.
        """
        if not self._has_judges:
            return ()
        seen = self._look(subject)
        assert seen.answer is not None  # noqa: S101 - it is answered
        if seen.judges is not None:
            return seen.judges
        judges = tuple(
            self._requests.build_judge_requests(
                subject, seen.answer, self._verdicts, foresees=foresees
            )
        )
        if not self._may_wait:
            self._seen[subject.id] = _Seen(seen.turns, seen.said, seen.answer, judges)
        return judges

    def forget(self, subject: Request) -> None:
        """Drop the texts of a job that is no longer open."""
        self._seen.pop(subject.id, None)

    def _look(self, subject: Request) -> _Seen:
        """Return what is known of a job; work it out where an answer is new, or another one."""
        seen = self._seen.get(subject.id)
        if seen is None or self._is_news(seen):
            turns = self._requests.follow_turns(subject, self._answered)
            said = tuple(self._answered[turn] for turn in turns.answered)
            answer = None
            if turns.completion is not None and self._has_judges:
                answer = self._requests.read_subject_answer(subject, turns.completion)
            self._seen[subject.id] = seen = _Seen(turns, said, answer)
        return seen

    def _is_news(self, seen: _Seen) -> bool:
        """Return whether a turn was answered since, or answered once more."""
        turns = seen.turns
        if turns.next is not None and turns.next.id in self._answered:
            return True
        for turn, said in zip(turns.answered, seen.said, strict=True):
            if self._answered.get(turn) is not said:
                return True
        return False
