"""Readers: which judges read an answer, one after the other where one waits for another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from experiment.definition import (
    AnswerFormat,
    ExperimentSpec,
    Judge,
    Selection,
    list_awaited,
    order_judges,
)
from experiment.scoring.answer import Answer
from experiment.scoring.completion import AnswerKind, Completion
from experiment.scoring.judge_reading import JudgeReader, JudgeReading
from experiment.scoring.selection import (
    AnswerPlace,
    Choice,
    choose_reading,
    measures_unread,
    says_any,
)
from experiment.scoring.vote import Vote

_MOST_ALIKE = 4096  # answers that are kept with what their judges say
# What an answer is, what its tag says, whether it has no output, and what each judge returned.
_Sketch = tuple[AnswerKind, bool | None, bool, tuple[tuple[Completion, ...], ...]]


def choose_readers(
    judges: Sequence[Judge],
    answer: Answer,
    answer_format: AnswerFormat,
    place: AnswerPlace,
    find_returned: Callable[[Judge], Sequence[Completion] | None],
) -> dict[str, Choice | None]:
    """Return which judges read an answer.

    Args:
        judges: all of the experiment.
        answer: of a subject, of any kind.
        answer_format: of the experiment.
        place: of the answer.
        find_returned: returns what came back for a judge's requests about the answer; None where
            not all of it is there yet.

    Returns:
        judge -> its choice; None for one that waits for what is not there yet. Each comes after
        those that it waits for.
    """
    awaited = {name for judge in judges for name in list_awaited(judge)}
    by_name = {judge.name: judge for judge in judges if judge.name in awaited}
    said: dict[str, JudgeReading | None] = {}
    choices: dict[str, Choice | None] = {}

    def says(other: str, words: Sequence[str]) -> bool | None:
        if other not in said:  # it does not read the answer, and so says nothing
            return False
        reading = said[other]
        return None if reading is None else says_any(by_name[other], reading, words)

    for judge in order_judges(judges) if awaited else judges:
        choice = choose_reading(judge, answer, answer_format, place, says)
        choices[judge.name] = choice
        if judge.name not in awaited:
            continue
        if choice is None:
            said[judge.name] = None
        elif choice.reads:
            found = find_returned(judge)
            reader = JudgeReader(judge, answer_format)
            said[judge.name] = None if found is None else reader.read(answer, found)
    return choices


class JudgesReader:
    """Reads what all judges of an experiment say of its answers.

    Args:
        spec: of the experiment.
    """

    def __init__(self, spec: ExperimentSpec) -> None:
        self._judges, self._format = spec.judges, spec.answer
        self._readers = {each.name: JudgeReader(each, spec.answer) for each in spec.judges}
        self._selects = any(isinstance(each.when, Selection) for each in spec.judges)
        self._alike: dict[_Sketch, Mapping[str, JudgeReading]] = {}

    def read_vote(self, judge: str, completion: Completion) -> Vote:
        """Read a judge's vote in what it returned: what it says, or why it is none."""
        return self._readers[judge].read_vote(completion)

    def read(
        self, answer: Answer, place: AnswerPlace, returned: Mapping[str, Sequence[Completion]]
    ) -> Mapping[str, JudgeReading]:
        """Read what all judges say of an answer.

        A judge that waits for another of which nothing came back is read by what came back for
        itself. A word chooses by what the answer is alone, so that answers and verdicts that are
        alike are read once, and share what was read.

        Args:
            answer: of a subject, of any kind.
            place: of the answer.
            returned: judge -> what came back for its requests about it.
        """
        if self._selects:
            return self._read(answer, place, returned)
        sketch = (
            answer.kind,
            answer.accepted,
            not answer.output or answer.output.isspace(),
            tuple(tuple(returned.get(name, ())) for name in self._readers),
        )
        found = self._alike.get(sketch)
        if found is None:
            if len(self._alike) >= _MOST_ALIKE:
                self._alike.clear()
            found = self._alike[sketch] = self._read(answer, place, returned)
        return found

    def _read(
        self, answer: Answer, place: AnswerPlace, returned: Mapping[str, Sequence[Completion]]
    ) -> dict[str, JudgeReading]:
        def find(judge: Judge) -> Sequence[Completion] | None:
            return returned.get(judge.name) or None

        choices = choose_readers(self._judges, answer, self._format, place, find)
        return {
            name: reader.read(answer, returned.get(name, ()), choices[name])
            for name, reader in self._readers.items()
        }


def read_unanswered(spec: ExperimentSpec, levels: Mapping[str, str]) -> dict[str, JudgeReading]:
    """Return the judges' readings of a request that failed: missing, or outside of what they read.

    Args:
        spec: of the experiment.
        levels: factor -> level, of the request's condition.
    """
    return {
        judge.name: JudgeReading(
            None,
            is_outside=isinstance(judge.when, Selection)
            and not measures_unread(judge.when, levels),
        )
        for judge in spec.judges
    }
